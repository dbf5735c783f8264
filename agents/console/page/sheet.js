// sheet - what documents are made of: a sheet with its running head, numbered boxes, lines to write by hand where the
// record has nothing, signatures. Figures are the record's or blank, never ours.
import { el } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { figure, say } from "./words.js";

// Names of fields stand in English beside the reader's language, titles in all three.
const texts = {};
export async function useAllLanguages() {
  for (const lang of words.languages) texts[lang] ??= await (await fetch(`/words/${lang}.json`)).json();
}
const english = (key) => texts.en?.[key] ?? key;

export function stamp(value) {
  return value ? `${words.day(value, true)} ${words.clock(value).slice(0, 5)}` : "";
}
export const date = (value) => (value ? words.day(value, true) : "");
// How old at `now`; empty for what came after.
export function aged(value, now) {
  const minutes = Math.round((new Date(now) - new Date(value)) / 60000);
  if (!value || minutes < 0) return "";
  if (minutes < 90) return say("age.minutes", { n: minutes });
  return minutes < 2880 ? say("age.hours", { n: Math.round(minutes / 60) }) : say("age.days", { n: Math.round(minutes / 1440) });
}
export const amount = (value, unit) => (value === null || value === undefined ? "" : [figure(value), unit && unit !== "H87" ? unit : ""].filter(Boolean).join(" "));
export const join = (...parts) => parts.filter((part) => part !== null && part !== undefined && part !== "").join(" · ");

export function lines(count) {
  return el("div", { class: "write" }, Array.from({ length: count }, () => el("div", { class: "rule" })));
}
// What people wrote, as they wrote it, or lines.
export function given(value, count = 1) {
  const list = (Array.isArray(value) ? value : [value]).flat().filter((one) => one !== null && one !== undefined && one !== "");
  return list.length ? list.map((one) => (one instanceof Node ? one : el("p", {}, String(one)))) : lines(count);
}
export const tick = (yes, text) => el("span", { class: "tick" }, `${yes ? "☒" : "☐"} ${text}`);

function label(key, number) {
  return el("div", { class: "label" }, number ? el("b", {}, `${number}. `) : null, el("span", { lang: "en" }, english(key)),
    words.lang === "en" ? null : el("span", { class: "local" }, ` ${say(key)}`));
}
// A box of a form; size: its share of the row.
export function box(form, number, content, size = 1) {
  return el("div", { class: `box w${size}` }, label(`ics.${form}.${number}`, number), content);
}
export const row = (...boxes) => el("div", { class: "boxes" }, boxes);
export const part = (key, ...content) => el("section", { class: "chapter" }, el("h2", {}, say(key)), content);

// columns: [key, cell(row), class]. Empty: `blank` rows to write in, or a word that there is nothing.
export function grid(columns, rows, blank = 0) {
  if (!rows.length && !blank) return el("p", { class: "none" }, say("paper.nothing"));
  const empty = Array.from({ length: Math.max(0, blank - rows.length) }, () => el("tr", { class: "blank" }, columns.map(() => el("td", {}, "\u00a0"))));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": columns.map(([key]) => say(key)).join(", ") }, el("table", { class: "grid" },
    el("thead", {}, el("tr", {}, columns.map(([key, , kind]) => el("th", { scope: "col", class: kind }, say(key))))),
    el("tbody", {}, rows.map((one) => el("tr", {}, columns.map(([, cell, kind]) => el("td", { class: kind }, cell(one) ?? "")))), empty)));
}

export function hand(key, value) {
  return el("div", { class: "hand" }, el("span", { class: "local" }, say(key)), value ? el("b", {}, value) : el("span", { class: "rule" }));
}
export function signature(key, name, at) {
  return el("div", { class: "sign" }, el("h3", {}, say(key)), hand("paper.name", name), hand("paper.position", ""), hand("paper.signature", ""), hand("paper.date", at));
}
// A form's own last boxes: who wrote it signs here.
export function preparedBox(form, number, asOf, size = 1) {
  return box(form, number, el("div", { class: "sign" }, hand("paper.name", words.who(api.me.person)), hand("paper.position", ""), hand("paper.signature", ""), hand("paper.date", stamp(asOf.at))), size);
}

export const approvedBox = (form, number) => box(form, number, el("div", { class: "sign" }, ["paper.name", "paper.position", "paper.signature", "paper.date"].map((key) => hand(key))));

const playing = (status) => (status && status !== "ACTUAL" ? [...words.languages].reverse().map((lang) => texts[lang][`paper.status.${status.toLowerCase()}`]).join(" · ") : "");

// A whole document. what: {kind, incident, period, status, asOf}; kind names the words paper.kind.KIND.
export function sheet(what, ...content) {
  const key = `paper.kind.${what.kind}`, played = playing(what.status), ics = /^2/.test(what.kind);
  const title = ics ? english(key) : say(key), others = ics ? ["tg", "ru"] : words.languages.filter((lang) => lang !== words.lang);
  document.title = [english(key).replace(/[()]/g, ""), what.incident].filter(Boolean).join(" - ");
  return el("article", { class: "paper" }, el("table", { class: "sheet", role: "presentation" },
    el("thead", {}, el("tr", {}, el("td", {}, el("div", { class: "running" },
      el("span", {}, title), el("span", { class: "what" }, join(what.incident, what.period)), played ? el("strong", { class: "played" }, played) : null)))),
    el("tbody", {}, el("tr", {}, el("td", {}, el("h1", { class: "title" }, title, el("small", {}, others.map((lang) => el("span", { lang }, texts[lang][key])))), content))),
    el("tfoot", {}, el("tr", {}, el("td", {}, el("div", { class: "running foot" }, say("paper.as_of", { n: what.asOf?.seq ?? "", at: stamp(what.asOf?.at) }), el("span", {}, say("paper.prepared_with", { who: api.me.person }))))))));
}
