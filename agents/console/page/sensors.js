// sensors - how gateways are, what each channel measured last, and what was concluded, newest first.
import { el, fill } from "./dom.js";
import * as words from "./words.js";
import { figure, say, word } from "./words.js";
import { chip, exercise, late, levelTone, spark, tiles, unitOf } from "./board.js";
import { detectedNode } from "./called.js";
import { table, termOf } from "./table.js";
import { watch } from "./watch.js";
import { part } from "./parts.js";
import { actMenu } from "./act.js";

const QUIET_MS = 15 * 60e3, CLOCK_MS = 2000, BATTERY_V = 11.8, SIGNAL_DBM = -105;
const warned = (value, bad, text) => (value === null || value === undefined ? "" : bad ? late(text) : text);
const sirenTones = { FAILED: "bad", REFUSED: "bad", EXPIRED: "warn", SOUNDED: "warn", HEARD: "warn", SILENCED: "good", TESTED: "good" };
const isQuiet = (row) => !row.heard_at || Date.now() - Date.parse(row.heard_at) > QUIET_MS;
// 2 suspect, 4 bad ... as eoc.observation has them; 1 and 8192 (filled in later) are no fault.
const quality = (bits) => (bits & ~8193 ? chip(say("sensors.doubtful"), "warn") : null);

// What can be done about a gateway: an order to it, or a word to whoever is on duty where it stands.
const write = (row) => actMenu({ what: "machine", id: row.sender, places: row.pcode ?? (row.sender.match(/tj(\d{7})/) ?? [])[1] ?? "", place: row.place, name: words.who(row.sender), hazard: row.hazard });

const AGAIN_MS = 3000;
// The orders' part comes beside the board, which waits for nothing of it; what cannot come says so and is tried again.
function orders(place) {
  let over = false, leave = null, timer = null;
  async function begin() {
    try {
      const { ordersBox } = await part("./orders.js");
      if (over) return;
      fill(place);
      leave = await ordersBox(place);
      if (over) leave();
    } catch (trouble) {
      if (over) return;
      console.error(trouble);
      fill(place, el("p", { class: "trouble", role: "alert" }, say("trouble.again")));
      timer = setTimeout(begin, AGAIN_MS);
    }
  }
  begin();
  return () => {
    over = true;
    clearTimeout(timer);
    leave?.();
  };
}
export async function sensorsPage(main) {
  const place = el("div");
  main.append(place);
  const ends = [orders(place), await boards(main)];
  return () => ends.forEach((end) => end());
}
function boards(main) {
  return watch(main, "sensors", {}, (answer) => {
    const alarmed = answer.gateways.filter((row) => row.level && row.level !== "CLEAR"), quiet = answer.gateways.filter(isQuiet);
    return [
      tiles([[say("sensors.alarmed"), alarmed.length, alarmed.length ? "bad" : "good"], [say("sensors.quiet"), quiet.length, quiet.length ? "warn" : "good"], [say("sensors.status"), answer.gateways.length]]),
      table(say("sensors.status"), [
        ["col.by", "sender"],
        ["col.level", (row) => (row.level ? [chip(word("level", row.level), levelTone(row.level)), el("span", { class: "below" }, `${word("hazard", row.hazard)} · ${words.time(row.level_at)}`)] : chip(say("sensors.no_level")))],
        ["col.siren", (row) => (row.siren ? [chip(word("siren", row.siren), sirenTones[row.siren]), el("span", { class: "below" }, words.time(row.siren_at))] : "")],
        ["col.heard", (row) => (isQuiet(row) ? late(row.heard_at ? words.age(row.heard_at) : say("link.never")) : say("board.ago", { age: words.age(row.heard_at) })), "t"],
        ["col.mode", (row) => (row.mode === "NORMAL" ? word("mode", row.mode) : chip(word("mode", row.mode), "warn"))],
        ["col.battery", (row) => warned(row.battery_v, row.battery_v < BATTERY_V, figure(row.battery_v, 2)), "n"],
        ["col.signal", (row) => warned(row.rssi_dbm, row.rssi_dbm < SIGNAL_DBM, figure(row.rssi_dbm)), "n"],
        ["col.clock", (row) => warned(row.clock_offset_ms, Math.abs(row.clock_offset_ms) > CLOCK_MS, figure(row.clock_offset_ms)), "n"],
        ["col.waiting", (row) => figure(row.backlog_messages), "n"],
      ], answer.gateways, null, write),
      table(say("sensors.channels"), [
        ["col.by", (row) => el("b", {}, `${words.who(row.sender)} · ${row.datastream_id}`)],
        ["col.what", termOf("obs", "type")],
        ["col.value", (row) => [el("b", {}, figure(row.value)), ` ${unitOf(row.unit)}`, quality(row.quality)], "n"],
        ["col.trace", (row) => spark(row.trace, word("obs", row.type)), "wide"],
        ["col.measured", "newest_at", "t"],
      ], answer.channels, null, write),
      table(say("sensors.detections"), [
        ["col.since", "event_at", "t"],
        ["col.level", (row) => chip(word("level", row.level), levelTone(row.level))],
        ["col.hazard", termOf("hazard")],
        ["col.place", "place"],
        ["col.by", (row) => [words.who(row.sender), exercise(row.status)]],
        ["col.text", (row) => detectedNode(row)],
      ], answer.detections, null, write),
    ];
  }, /sensor|siren/);
}
