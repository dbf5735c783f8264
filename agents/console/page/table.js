// table - a list of rows as a table that is read well aloud: a caption, headings, cells by column. On a telephone each
// row is a card: every cell says its heading itself (app.css).
import { el } from "./dom.js";
import { say } from "./words.js";

// What a row is known by when it is drawn anew; what can be done about it when it is chosen (rove.js).
const names = ["id", "incident_id", "message_id", "thread", "line_id", "sender", "datastream_id", "principal", "pcode", "type", "seq", "event_at", "name"];
const keyOfRow = (row) => names.map((name) => row[name] ?? "").join(" ");
const acts = new WeakMap();
export const actOf = (node) => acts.get(node);
// Several parts of one cell stay together on a telephone, where the heading stands beside them.
const together = (parts) => (Array.isArray(parts) && parts.flat().filter(Boolean).length > 1 ? el("div", { class: "cell" }, parts) : parts ?? "");
function body(columns, row, act) {
  const node = el("tr", { role: "row", tabindex: "-1", "data-row": true, "data-key": keyOfRow(row) }, columns.map(([key, cell, kind]) => el("td", { class: kind, role: "cell", "data-label": say(key) }, together(cell(row)))));
  if (act) acts.set(node, () => act(row));
  return node;
}

// The table alone. columns: [key of the heading's words, cell(row) -> text or node, class]; act(row) opens what can be done.
export function rowsTable(caption, columns, rows, act) {
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", { class: "cards", role: "table", "aria-label": caption }, el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, columns.map(([key, , kind]) => el("th", { scope: "col", role: "columnheader", class: kind }, say(key))))),
      el("tbody", { role: "rowgroup" }, rows.map((row) => body(columns, row, act)))));
}

export function table(caption, columns, rows, empty, act) {
  return el("section", {}, el("h2", {}, caption), rows.length ? rowsTable(caption, columns, rows, act) : el("p", { class: "none" }, empty ?? say("table.none")));
}

// What the database says as a number, or nothing.
export const number = (value) => (value === null || value === undefined ? "" : String(Number(value)));

// A view as a file, with HXL tags.
export const csv = (name, values = {}, text = "CSV") => el("a", { class: "csv", href: `/api/csv/${name}?${new URLSearchParams({ lang: document.documentElement.lang, ...values })}`, download: `eocbus-${name}.csv` }, text);
