// board - what the boards are made of: chips, tiles, bars, small traces, and the choice of world (what is real or an exercise).
import { el, svg } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { figure, say, word } from "./words.js";
import { section } from "./table.js";
import { chosen, watch } from "./watch.js";

// A state as a word in a box; `tone` good, warn, bad or nothing. Colour only repeats what a sign before the word says.
const signs = { good: "●", warn: "◆", bad: "▲" };
export const chip = (text, tone = "") => (text ? el("span", { class: `chip ${tone}` }, tone ? el("span", { "aria-hidden": "true" }, signs[tone] + " ") : null, text) : null);
// What is late says so.
export const late = (text) => el("strong", { class: "late" }, `▲ ${text}`);
export const exercise = (status) => (status && status !== "ACTUAL" ? el("span", { class: "tag" }, word("status", status)) : null);
// Of an exercise of another day. What is real never ages.
export const isPast = (status, since) => status === "EXERCISE" && Date.parse(since) < Date.now() - 86400e3;
export const levelTone = (level) => ({ ALARM: "bad", WARNING: "warn", WATCH: "warn", CLEAR: "good" })[level] ?? "";

export const unitOf = (unit) => word("measure", unit);

// A few numbers that are seen first.
export function tiles(list) {
  return el("dl", { class: "tiles" }, list.filter(Boolean).map(([name, value, tone]) =>
    el("div", { class: tone ?? "" }, el("dt", {}, name), el("dd", {}, tone ? el("span", { "aria-hidden": "true" }, signs[tone] + " ") : null, value))));
}

// Rows of {name, n, text}: a bar each, and the number beside it.
export function bars(caption, rows, empty) {
  const most = Math.max(1, ...rows.map((row) => row.n ?? 0));
  const line = (row) => {
    const bar = el("span", { class: `bar ${row.tone ?? ""}`, "aria-hidden": "true" });
    bar.style.width = `${Math.max(row.n ? 2 : 0, (100 * (row.n ?? 0)) / most)}%`;
    return el("li", {}, el("span", { class: "bar-name" }, row.name), el("span", { class: "bar-way" }, bar), el("span", { class: "bar-number" }, row.text ?? figure(row.n)));
  };
  return section(caption, rows.length ? el("ol", { class: "bars" }, rows.map(line)) : null, empty);
}

// Parts of one whole on one line; parts are {name, n, kind}.
export function stack(parts, whole) {
  return el("span", { class: "stack", role: "img", "aria-label": parts.filter((one) => one.n).map((one) => `${one.name} ${figure(one.n)}`).join(", ") || say("table.none") },
    parts.filter((one) => one.n > 0).map((one) => {
      const part = el("span", { class: `part ${one.kind}` }, one.n * 12 > whole ? figure(one.n) : "");
      part.style.flexGrow = String(one.n);
      return part;
    }));
}
export const key = (parts) => el("ul", { class: "legend" }, parts.map((one) => el("li", {}, el("span", { class: `part ${one.kind}`, "aria-hidden": "true" }), ` ${one.name}`)));

// A line as wide as a word: how it went lately.
export function spark(values, name) {
  if (!values || values.length < 2) return "";
  const low = Math.min(...values), wide = Math.max(...values) - low || 1;
  const d = values.map((value, i) => `${i ? "L" : "M"}${((i * 96) / (values.length - 1)).toFixed(1)} ${(21 - (19 * (value - low)) / wide).toFixed(1)}`).join("");
  return svg("svg", { viewBox: "0 0 96 22", class: "spark", role: "img", "aria-label": `${name}: ${figure(low)} – ${figure(low + wide)}` }, svg("path", { d }));
}

// A link: who has a session that hears now; who had one; who only sends, as gateways do (they tick each minute or ten; an office
// speaks a few times a day).
const isStale = (row) => !row.heard_at || Date.now() - Date.parse(row.heard_at) > (row.roles.includes("gateway") ? 15 : 720) * 60e3;
export const isDead = (row) => !row.served_by && (row.confirmed_at || isStale(row));
export const linkOf = (row) => chip(say(row.served_by ? "link.listens" : row.confirmed_at ? "system.away" : isStale(row) ? "link.stale" : "link.heard"), isDead(row) ? "bad" : "good");

export const families = (row) => (row.is_few ? say("board.few") : figure(row.families));

// watch() for a page that shows one world at a time.
export async function watchWorld(main, name, draw, types) {
  const place = el("div", {}), pick = el("select", { id: "world" },
    ["ACTUAL", "EXERCISE"].map((one) => el("option", { value: one, selected: one === api.me.status.toUpperCase() }, word("status", one))));
  main.append(el("p", { class: "world" }, el("label", { for: "world" }, say("board.world")), pick), place);
  return chosen(pick, place, (status, spot) => watch(spot, name, { status }, (answer) => draw(answer, status), types));
}
export const asOf = (clock, status) => (status === "ACTUAL" ? null : el("p", { class: "summary" }, say("board.clock", { at: words.time(clock) })));
