// sensors - what the gateways concluded and how they are.
import * as words from "./words.js";
import { say, word } from "./words.js";
import { number, table } from "./table.js";
import { watch } from "./watch.js";

export function sensorsPage(main) {
  return watch(main, "sensors", {}, (answer) => [
    table(say("sensors.detections"), [
      ["col.since", (row) => words.time(row.event_at)],
      ["col.level", (row) => word("level", row.level)],
      ["col.hazard", (row) => word("hazard", row.hazard)],
      ["col.by", (row) => row.sender],
      ["col.text", (row) => row.text],
    ], answer.detections),
    table(say("sensors.status"), [
      ["col.by", (row) => row.sender],
      ["col.since", (row) => words.time(row.time)],
      ["col.mode", (row) => word("mode", row.mode)],
      ["col.battery", (row) => number(row.battery_v), "n"],
      ["col.signal", (row) => number(row.rssi_dbm), "n"],
      ["col.clock", (row) => number(row.clock_offset_ms), "n"],
      ["col.waiting", (row) => number(row.backlog_messages), "n"],
    ], answer.status),
  ], /sensor/);
}
