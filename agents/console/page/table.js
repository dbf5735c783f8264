// table - a list of rows as a table that is read well aloud: a caption, headings, cells by column. On a telephone each
// row is a card: every cell says its heading itself (app.css).
import { below, el, isPageKey, keyOf, none, scrolled } from "./dom.js";
import { lang, say, time, who, word } from "./words.js";

// columns: [key of the heading's words, cell, class]. A cell is a function of the row, or names what of it stands there, told as
// the class wants it: "t" a time, "n" a number.
export const number = (value) => (value === null || value === undefined ? "" : String(Number(value)));
const told = { t: time, n: number };
export const cellOf = ([, cell, kind], row, as = told) => (typeof cell === "function" ? cell(row) : (as[kind] ?? String)(row[cell] ?? "")) ?? "";
// A cell that is a word of the contract.
export const termOf = (group, name = group) => (row) => word(group, row[name]);

// What a row is known by when it is drawn anew; what can be done about it when it is chosen.
const names = ["id", "incident_id", "message_id", "thread", "line_id", "sender", "datastream_id", "principal", "pcode", "type", "seq", "event_at", "name"];
const keyOfRow = (row) => names.map((name) => row[name] ?? "").join(" ");
const acts = new WeakMap();
// Several parts of one cell stay together on a telephone, where the heading stands beside them.
const together = (parts) => (Array.isArray(parts) && parts.flat().filter(Boolean).length > 1 ? el("div", { class: "cell" }, parts) : parts);
// Who it is in words, with the code to be pointed at, and below for who types it.
const named = (text) => (typeof text === "string" ? el("span", { title: text }, who(text), /^\S+$/.test(text) && who(text) !== text ? below(text) : null) : text);
function body(columns, row, act) {
  const content = (column) => (column[0] === "col.by" ? [cellOf(column, row)].flat().map(named) : cellOf(column, row));
  const cell = (column) => el("td", { class: column[2], role: "cell", "data-label": say(column[0]) }, together(content(column)));
  const node = el("tr", { role: "row", tabindex: "-1", "data-row": true, "data-key": keyOfRow(row) }, columns.map(cell));
  if (act) acts.set(node, () => act(row));
  return node;
}

// The table alone; act(row) opens what can be done.
export function rowsTable(caption, columns, rows, act) {
  const heading = ([key, , kind]) => el("th", { scope: "col", role: "columnheader", class: kind }, say(key));
  return scrolled(caption, el("table", { class: "cards", role: "table", "aria-label": caption },
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, columns.map(heading))),
    el("tbody", { role: "rowgroup" }, rows.map((row) => body(columns, row, act)))));
}
// A part of a page: its heading, and what stands there, or a word that there is nothing.
export const section = (caption, content, empty = say("table.none")) => el("section", {}, el("h2", {}, caption), content ?? none(empty));
export const table = (caption, columns, rows, empty, act) => section(caption, rows.length ? rowsTable(caption, columns, rows, act) : null, empty ?? undefined);
// The same where nothing needs no word.
export const tableOrNone = (caption, columns, rows, act) => (rows.length ? table(caption, columns, rows, null, act) : null);

// A view as a file, with HXL tags.
export function csv(name, values = {}, text = "CSV") {
  const asked = new URLSearchParams({ lang, ...values });
  return el("a", { class: "csv", href: `/api/csv/${name}?${asked}`, download: `eocbus-${name}.csv` }, text);
}

// --- one way to move in whatever lists a page shows: j, k and the arrows go from row to row, Enter opens what the row leads to,
// `x` what can be done about it. The queue has its own: its rows are things that are decided there ---

const STEPS = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 };
const ROWS = "main [data-row], main .things a, main .found a, main .papers a";
const rows = () => [...document.querySelectorAll(ROWS)].filter((one) => one.offsetParent && !one.closest(".plot-table"));
const chosen = () => document.activeElement?.closest(ROWS);

function move(step) {
  const all = rows(), at = all.indexOf(chosen());
  all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, at + step))]?.focus();
  return all.length > 0;
}
function onKey(event) {
  const key = keyOf(event), row = chosen(), fromField = event.target.matches?.("#q") && key === "ArrowDown";
  if (!fromField && !isPageKey(event)) return;
  // Arrows scroll what is wide or long as they always did, unless a row has the focus.
  if (key.startsWith("Arrow") && !row && !fromField && event.target !== document.body && event.target.id !== "main") return;
  if (STEPS[key] ? move(STEPS[key]) : false) event.preventDefault();
  else if (key === "Enter" && row && event.target === row && row.matches("[data-row]")) {
    event.preventDefault();
    row.querySelector("a[data-link], button")?.click();
  } else if (key === "x" && row && (acts.get(row) ?? row.querySelector("button.act"))) {
    event.preventDefault();
    if (acts.get(row)) acts.get(row)();
    else row.querySelector("button.act").click();
  }
}
export const startRoving = () => addEventListener("keydown", onKey);
