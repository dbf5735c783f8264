// resources - the board: what is open, promised, under way, on scene, due back, and what of it is late; and what can be
// done about each line.
import { button, el, link } from "./dom.js";
import * as words from "./words.js";
import { dots, figure, say, word } from "./words.js";
import { chip, exercise, isPast, key, kindOf, late, stack, tiles } from "./board.js";
import { number, table, tableOrNone } from "./table.js";
import { watch } from "./watch.js";
import { lineMenu, onActKey } from "./act.js";
import { saidBox } from "./said.js";

const tones = { OPEN: "bad", PARTLY: "warn", MET: "good", OFFERED: "" };
const kinds = ["open", "promised", "under_way", "on_scene", "due_back"];
const parts = (row) => kinds.map((kind) => ({ kind, name: say(`col.${kind}`), n: Number(row[kind] ?? 0) }));

function supplied(one) {
  const said = `${words.who(one.supplier)}: ${word("state", one.state)} ${figure(one.quantity)}`;
  if (one.is_late) return [said, " ", late(words.time(one.arrived_at ? one.until_at : one.arrives_at))];
  return dots(said, one.arrived_at ? words.time(one.arrived_at) : one.arrives_at && say("board.expected", { at: words.time(one.arrives_at) }));
}
function suppliers(row) {
  if (row.parts) return el("ul", { class: "plain" }, row.parts.map((one) => el("li", {}, supplied(one))));
  return (row.suppliers ?? []).map((one) => one.split(" ")).map(([who, state]) => `${words.who(who)}: ${word("state", state)}`).join(", ");
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
const kindColumns = [
  ["col.what", (row) => [[row.name, row.unit !== "H87" && word("unit", row.unit)].filter(Boolean).join(", "), exercise(row.status)]],
  ...["wanted", ...kinds].map((part) => ["col." + part, part, "n"]),
];

function actButton(row) {
  const id = `line-${row.thread}-${row.line_id}`, name = `${say("act.title")}: ${kindOf(row)}, ${row.place ?? ""}`;
  return [button("…", () => lineMenu(row), { class: "act", id, "aria-label": name }), saidBox(row.thread)];
}
const incident = (row) => row.incident_id && link(`/incident/${row.incident_id}`, row.incident || row.incident_id.slice(0, 8), { class: "below" });
function whereItIs(row) {
  const some = parts(row).filter((one) => one.n), sum = some.reduce((all, one) => all + one.n, 0);
  return [stack(parts(row), sum), el("span", { class: "below" }, dots(...some.map((one) => `${one.name} ${figure(one.n)}`)))];
}
const columns = [
  ["act.title", actButton],
  ["col.what", (row) => [el("b", {}, kindOf(row)), exercise(row.status)]],
  ["col.place", (row) => [row.place, incident(row)]],
  ["col.state", (row) => chip(word("state", row.state), tones[row.state])],
  ["col.needed", (row) => (row.need_late ? late(words.time(row.needed_at)) : words.time(row.needed_at)), "t"],
  ["col.wanted", (row) => number(row.wanted) || row.wanted_text, "n"],
  ["col.parts", whereItIs, "wide"],
  ["col.by", suppliers],
];

export async function resourcesPage(main) {
  const end = onActKey(() => (document.activeElement?.closest("button.act") ?? document.querySelector("button.act"))?.click());
  const leave = await watch(main, "board", {}, ({ items: all }) => {
    const [items, past] = [false, true].map((is) => all.filter((row) => isPast(row.status, row.asked_at) === is));
    const lateOnes = items.filter((row) => row.late_now), of = (...states) => items.filter((row) => states.includes(row.state));
    const inTime = (rows) => rows.filter((row) => !row.late_now), rest = items.filter((row) => !["OPEN", "PARTLY", "MET"].includes(row.state));
    return [
      tiles([[say("col.late"), lateOnes.length, lateOnes.length ? "bad" : "good"], ...["OPEN", "PARTLY", "MET"].map((state) => [word("state", state), of(state).length])]),
      key(parts({})),
      tableOrNone(say("resources.kinds"), kindColumns, kindsOf(items)),
      tableOrNone(say("resources.late"), columns, lateOnes),
      table(say("resources.open"), columns, inTime(of("OPEN", "PARTLY")), say("resources.none_open")),
      tableOrNone(say("resources.met"), columns, inTime(of("MET"))),
      tableOrNone(say("resources.rest"), columns, inTime(rest)),
      past.length > 0 && el("details", { class: "past" }, el("summary", {}, words.count("queue.past", past.length)), table(say("queue.past"), columns, past)),
    ];
  }, /resource|quote|information|return|duration/);
  return () => {
    end();
    leave();
  };
}
