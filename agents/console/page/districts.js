// districts - who is silent, which reports were expected and which came.
import { el } from "./dom.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { table } from "./table.js";
import { watch } from "./watch.js";

export function districtsPage(main) {
  return watch(main, "districts", {}, (answer) => [
    table(say("districts.silence"), [
      ["col.place", (row) => row.place],
      ["col.since", (row) => words.time(row.since)],
      ["col.by", (row) => row.last_sender],
      ["col.incident", (row) => row.incident_name],
    ], answer.silence, say("districts.nobody_silent")),
    table(say("districts.reports"), [
      ["col.place", (row) => row.place],
      ["col.what", (row) => word("type", row.type)],
      ["col.until", (row) => words.time(row.due_at)],
      ["col.expected", (row) => row.expected, "n"],
      ["col.received", (row) => row.received, "n"],
      ["col.on_time", (row) => row.on_time, "n"],
      ["col.missing", (row) => (row.missing ? el("strong", { class: "late" }, `▲ ${row.missing}`) : 0), "n"],
    ], answer.reports),
  ]);
}
