// boards - resources, families, districts and sensors: one question each, asked again when something happens.
import { el, fill } from "./dom.js";
import * as api from "./api.js";
import * as news from "./news.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { table } from "./table.js";

// Shows view `name` by `draw`, now and after news of these families; answers what to do on leaving.
export async function watch(main, name, values, draw, types) {
  const body = el("div", { class: "board" });
  let timer = null, over = false;

  async function load() {
    timer = null;
    try {
      const answer = await api.view(name, { lang: words.lang, ...values });
      if (!over) fill(body, draw(answer));
    } catch (trouble) {
      if (trouble.status === 401) location.reload();
      else if (!body.children.length) fill(body, el("p", { class: "none" }, say("trouble.store_away")));
    }
  }
  const ends = [
    news.on("message", (message) => {
      if (!timer && (!types || types.test(message.type))) timer = setTimeout(load, 400);
    }),
    news.on("sight", (sees) => sees && load()),
  ];
  main.append(body);
  await load();
  return () => {
    over = true;
    clearTimeout(timer);
    ends.forEach((end) => end());
  };
}

const number = (value) => (value === null || value === undefined ? "" : String(Number(value)));

export function boardPage(main) {
  return watch(main, "board", {}, (answer) => table(say("page.resources"), [
    ["col.place", (row) => row.place],
    ["col.what", (row) => row.kind],
    ["col.state", (row) => word("state", row.state)],
    ["col.wanted", (row) => number(row.wanted), "n"],
    ["col.open", (row) => number(row.open), "n"],
    ["col.promised", (row) => number(row.promised), "n"],
    ["col.under_way", (row) => number(row.under_way), "n"],
    ["col.on_scene", (row) => number(row.on_scene), "n"],
    ["col.due_back", (row) => number(row.due_back), "n"],
    ["col.late", (row) => (row.late ? el("strong", { class: "late" }, `▲ ${row.late}`) : ""), "n"],
    ["col.by", (row) => (row.suppliers ?? []).join(", ")],
  ], answer.items), /resource|quote|information|return|duration/);
}

export function relocationPage(main) {
  return watch(main, "relocation", {}, (answer) => [
    table(say("relocation.rations"), [
      ["col.place", (row) => row.place],
      ["col.household", (row) => row.household_id.slice(0, 8)],
      ["col.persons", (row) => number(row.members), "n"],
      ["col.until", (row) => words.time(row.fed_until)],
      ["col.days_left", (row) => (row.days_left <= 3 ? el("strong", { class: "late" }, `▲ ${row.days_left}`) : row.days_left), "n"],
    ], answer.rations),
    table(say("relocation.offers"), [
      ["col.place", (row) => row.place],
      ["col.household", (row) => row.household_id.slice(0, 8)],
      ["col.state", (row) => word("state", row.state)],
      ["col.until", (row) => words.time(row.valid_until)],
      ["col.reasons", (row) => (row.reasons ?? []).map((one) => word("reason", one)).join(", ")],
    ], answer.offers),
    table(say("relocation.declines"), [
      ["col.reasons", (row) => word("reason", row.reason)],
      ["col.offers", (row) => row.offers, "n"],
    ], answer.declines),
    table(say("relocation.sites"), [
      ["col.name", (row) => row.name],
      ["col.place", (row) => row.place],
      ["col.capacity", (row) => row.capacity, "n"],
      ["col.free", (row) => row.free, "n"],
      ["col.reserved", (row) => row.reserved, "n"],
      ["col.allocated", (row) => row.allocated, "n"],
      ["col.occupied", (row) => row.occupied, "n"],
    ], answer.sites),
  ], /household|assistance|plot|offer|move/);
}

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
