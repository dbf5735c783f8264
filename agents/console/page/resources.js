// resources - the board: what is open, promised, under way, on scene, due back, and what of it is late; and what can be
// done about each line.
import { el } from "./dom.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { chip, exercise, isPast, key, kindOf, late, stack, tiles } from "./board.js";
import { figure } from "./plot.js";
import { number, table } from "./table.js";
import { watch } from "./watch.js";
import { lineMenu, onActKey } from "./act.js";
import { saidBox } from "./said.js";

const tones = { OPEN: "bad", PARTLY: "warn", MET: "good", OFFERED: "" };
const kinds = ["open", "promised", "under_way", "on_scene", "due_back"];
const parts = (row) => kinds.map((kind) => ({ kind, name: say(`col.${kind}`), n: Number(row[kind] ?? 0) }));

function suppliers(row) {
  if (!row.parts) return (row.suppliers ?? []).map((one) => one.split(" ")).map(([who, state]) => `${who}: ${word("state", state)}`).join(", ");
  return el("ul", { class: "plain" }, row.parts.map((one) => el("li", {}, `${one.supplier}: ${word("state", one.state)} ${figure(one.quantity)}`,
    one.is_late ? [" ", late(words.time(one.arrived_at ? one.until_at : one.arrives_at))] : one.arrived_at ? ` · ${words.time(one.arrived_at)}` : one.arrives_at ? ` · ${say("board.expected", { at: words.time(one.arrives_at) })}` : "")));
}

// What several have asked for, each in his own words and language, summed up by kind and unit.
function kindsOf(items) {
  const sums = new Map();
  for (const row of items) {
    const id = `${row.status}\t${row.kind_id ?? row.kind}\t${row.unit ?? ""}`, sum = sums.get(id) ?? { name: kindOf(row), unit: row.unit, status: row.status, lines: 0, wanted: 0 };
    sum.lines++;
    for (const part of ["wanted", ...kinds]) sum[part] = (sum[part] ?? 0) + Number(row[part] ?? 0);
    sums.set(id, sum);
  }
  return [...sums.values()].filter((one) => one.lines > 1);
}
const kindColumns = [["col.what", (row) => [[row.name, row.unit && row.unit !== "H87" ? word("unit", row.unit) : ""].filter(Boolean).join(", "), exercise(row.status)]], ...["wanted", ...kinds].map((part) => [`col.${part}`, (row) => number(row[part]), "n"])];

const columns = [
  ["act.title", (row) => [el("button", { type: "button", class: "act", id: `line-${row.thread}-${row.line_id}`, "aria-label": `${say("act.title")}: ${kindOf(row)}, ${row.place ?? ""}`, onclick: () => lineMenu(row) }, "…"), saidBox(row.thread)]],
  ["col.what", (row) => [el("b", {}, kindOf(row)), exercise(row.status)]],
  ["col.place", (row) => [row.place, row.incident_id ? el("a", { class: "below", href: `/incident/${row.incident_id}`, "data-link": true }, row.incident || row.incident_id.slice(0, 8)) : null]],
  ["col.state", (row) => chip(word("state", row.state), tones[row.state])],
  ["col.needed", (row) => (row.need_late ? late(words.time(row.needed_at)) : words.time(row.needed_at)), "t"],
  ["col.wanted", (row) => number(row.wanted) || row.wanted_text, "n"],
  ["col.parts", (row) => [stack(parts(row), parts(row).reduce((sum, one) => sum + one.n, 0)),
    el("span", { class: "below" }, parts(row).filter((one) => one.n).map((one) => `${one.name} ${figure(one.n)}`).join(" · "))], "wide"],
  ["col.by", suppliers],
];

export async function resourcesPage(main) {
  const end = onActKey(() => (document.activeElement?.closest("button.act") ?? document.querySelector("button.act"))?.click());
  const leave = await watch(main, "board", {}, ({ items: all }) => {
    const [items, past] = [false, true].map((is) => all.filter((row) => isPast(row.status, row.asked_at) === is));
    const of = (...states) => items.filter((row) => states.includes(row.state) && !row.late_now), lateOnes = items.filter((row) => row.late_now);
    const rest = items.filter((row) => !row.late_now && !["OPEN", "PARTLY", "MET"].includes(row.state));
    return [
      tiles([[say("col.late"), lateOnes.length, lateOnes.length ? "bad" : "good"], [word("state", "OPEN"), items.filter((row) => row.state === "OPEN").length],
        [word("state", "PARTLY"), items.filter((row) => row.state === "PARTLY").length], [word("state", "MET"), items.filter((row) => row.state === "MET").length]]),
      key(parts({})),
      kindsOf(items).length ? table(say("resources.kinds"), kindColumns, kindsOf(items)) : null,
      lateOnes.length ? table(say("resources.late"), columns, lateOnes) : null,
      table(say("resources.open"), columns, of("OPEN", "PARTLY"), say("resources.none_open")),
      of("MET").length ? table(say("resources.met"), columns, of("MET")) : null,
      rest.length ? table(say("resources.rest"), columns, rest) : null,
      past.length ? el("details", { class: "past" }, el("summary", {}, words.count("queue.past", past.length)), table(say("queue.past"), columns, past)) : null,
    ];
  }, /resource|quote|information|return|duration/);
  return () => {
    end();
    leave();
  };
}
