// table - a list of rows as a table that is read well aloud: a caption, headings, cells by column.
import { el } from "./dom.js";
import { say } from "./words.js";

// columns: [key of the heading's words, cell(row) -> text or node, class]
export function table(caption, columns, rows, empty) {
  if (!rows.length) return el("section", {}, el("h2", {}, caption), el("p", { class: "none" }, empty ?? say("table.none")));
  return el("section", {}, el("h2", {}, caption), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", {}, el("thead", {}, el("tr", {}, columns.map(([key, , kind]) => el("th", { scope: "col", class: kind }, say(key))))),
      el("tbody", {}, rows.map((row) => el("tr", {}, columns.map(([, cell, kind]) => el("td", { class: kind }, cell(row) ?? "")))))))); 
}

// What the database says as a number, or nothing.
export const number = (value) => (value === null || value === undefined ? "" : String(Number(value)));
