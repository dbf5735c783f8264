// ics - what documents are made of: a sheet with its running head, numbered boxes, lines to write by hand where the record has
// nothing, signatures; and the forms of the Incident Command System as FEMA numbers their boxes (ICS 201, 209, 213, 213RR, 214;
// public domain). Figures are the record's or blank, never ours.
import { el, none, scrolled } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { dots, figure, say, word } from "./words.js";
import { kindName, worded } from "./called.js";
import { cellOf } from "./table.js";

// Names of fields stand in English beside the reader's language, titles in all three.
let texts = {};
export const useAllLanguages = async () => (texts = await words.inAllLanguages());
const english = (key) => texts.en?.[key] ?? key;

export function stamp(value) {
  return value ? `${words.day(value, true)} ${words.clock(value).slice(0, 5)}` : "";
}
export const date = (value) => (value ? words.day(value, true) : "");
// How old at `now`; empty for what came after.
export const aged = (value, now) => (value && new Date(now) - new Date(value) > -30000 ? words.age(value, new Date(now)) : "");
export const amount = (value, unit) => [figure(value), unit !== "H87" && word("unit", unit)].filter(Boolean).join(" ");

export function lines(count) {
  return el("div", { class: "write" }, Array.from({ length: count }, () => el("div", { class: "rule" })));
}
// What people wrote, as they wrote it, or lines.
export function given(value, count = 1) {
  const list = [value].flat(2).filter((one) => one !== null && one !== undefined && one !== "");
  return list.length ? list.map((one) => (one instanceof Node ? one : el("p", {}, String(one)))) : lines(count);
}
export const tick = (yes, text) => el("span", { class: "tick" }, `${yes ? "☒" : "☐"} ${text}`);

function label(key, number) {
  return el("div", { class: "label" }, number ? el("b", {}, `${number}. `) : null, el("span", { lang: "en" }, english(key)),
    words.lang === "en" ? null : el("span", { class: "local" }, ` ${say(key)}`));
}
// A numbered form. layout: its boxes row by row, "4*2_3" box 4, twice as wide as the others of its row, with three lines to write on
// where contents {number: what stands there} has nothing for it.
export function form(kind, layout, contents) {
  const box = (one) => {
    const [, number, size = 1, count] = one.match(/^(\d+)(?:\*(\d))?(?:_(\d))?$/);
    return el("div", { class: `box w${size}` }, label(`ics.${kind}.${number}`, number), given(contents[number], count));
  };
  return layout.split("|").map((row) => el("div", { class: "boxes" }, row.trim().split(/\s+/).map(box)));
}
export const part = (key, ...content) => el("section", { class: "chapter" }, el("h2", {}, say(key)), content);

// columns as table.js has them, with times and figures of paper. Empty: `blank` rows to write in, or a word that there is nothing.
const asPaper = { t: stamp, n: figure };
export function grid(columns, rows, blank = 0) {
  if (!rows.length && !blank) return none(say("paper.nothing"));
  const line = (kind, cell) => el("tr", { class: kind }, columns.map(cell));
  const empty = Array.from({ length: Math.max(0, blank - rows.length) }, () => line("blank", () => el("td", {}, "\u00a0")));
  return scrolled(columns.map(([key]) => say(key)).join(", "), el("table", { class: "grid" },
    el("thead", {}, line(null, ([key, , kind]) => el("th", { scope: "col", class: kind }, say(key)))),
    el("tbody", {}, rows.map((one) => line(null, (column) => el("td", { class: column[2] }, cellOf(column, one, asPaper)))), empty)));
}

export const hand = (key, value) => el("div", { class: "hand" }, el("span", { class: "local" }, say(key)), value ? el("b", {}, value) : el("span", { class: "rule" }));
// Who signs, under a heading if there are several.
export const signature = (key, name, at) => el("div", { class: "sign" }, key && el("h3", {}, say(key)),
  hand("paper.name", name), hand("paper.position"), hand("paper.signature"), hand("paper.date", at));

function playing(status) {
  if (!status || status === "ACTUAL") return "";
  return [...words.languages].reverse().map((lang) => texts[lang][`paper.status.${status.toLowerCase()}`]).join(" · ");
}

// A whole document. what: {kind, incident, period, status, asOf}; kind names the words paper.kind.KIND.
export function sheet(what, ...content) {
  const key = `paper.kind.${what.kind}`, played = playing(what.status), ics = /^2/.test(what.kind);
  const title = ics ? english(key) : say(key), others = ics ? ["tg", "ru"] : words.languages.filter((lang) => lang !== words.lang);
  const cell = (...inside) => el("tr", {}, el("td", {}, inside)), running = (kind, ...inside) => cell(el("div", { class: "running" + kind }, inside));
  const file = [english(key).replace(/[()]/g, ""), what.incident].filter(Boolean).join(" - ");
  return el("article", { class: "paper", "data-file": file }, el("table", { class: "sheet", role: "presentation" },
    el("thead", {}, running("", el("span", {}, title), el("span", { class: "what" }, dots(what.incident, what.period)), played && el("strong", { class: "played" }, played))),
    el("tbody", {}, cell(el("h1", { class: "title" }, title, el("small", {}, others.map((lang) => el("span", { lang }, texts[lang][key])))), content)),
    el("tfoot", {}, running(" foot", say("paper.as_of", { n: what.asOf?.seq ?? "", at: stamp(what.asOf?.at) }),
      el("span", {}, say("paper.prepared_with", { who: api.me.person }))))));
}

// Printed into a file it is called so; on the screen the title goes on counting what waits.
addEventListener("beforeprint", () => (document.title = document.querySelector(".paper")?.dataset.file ?? document.title));

// --- the forms ---

export const number = (incident) => incident.glide || incident.incident_id.slice(0, 8);
const where = (incident) => (incident.where ?? []).map((one) => `${one.name} (${one.pcode})`).join(", ");
const period = (record) => (record.since || record.until ? `${stamp(record.since)} – ${stamp(record.until)}` : "");
export const headOf = (kind, record) => ({
  kind, incident: record.incident.name || number(record.incident), period: period(record), status: record.incident.status, asOf: record.as_of,
});
// Who wrote it signs here.
export const signed = (record, key = null) => signature(key, words.who(api.me.person), stamp(record.as_of?.at));
const unique = (list) => [...new Set(list.filter(Boolean))];

// One figure for all districts; nothing if none has said one.
export function total(record, what) {
  const known = record.harm.filter((one) => one.what === what);
  return known.length ? known.reduce((sum, one) => sum + one.figure, 0) : null;
}
// The doubt that weighs most.
export function doubt(record, what) {
  const known = record.harm.filter((one) => one.what === what).map((one) => one.sure);
  return ["CONTESTED", "REPORTED", "VERIFIED"].find((one) => known.includes(one));
}
const shown = (record, what) => {
  const sum = total(record, what);
  return sum === null ? "" : `${figure(sum)} (${word("sure", doubt(record, what))})`;
};

// What an entry of the log tells in one line.
export function told(entry) {
  if (entry.cycle === "incident") return dots(`→ ${word("state", entry.to_state)}`, entry.text);
  return dots(entry.what ? word("type", entry.what) : say("paper.households", { n: entry.households }), word("event", entry.event), worded(entry));
}
const newestFirst = (record) => [...record.reports].sort((a, b) => (a.event_at < b.event_at ? 1 : -1));
const said = (record, field) => newestFirst(record).filter((one) => one[field])
  .map((one) => el("p", {}, one[field], el("small", {}, ` ${one.sender}, ${stamp(one.event_at)}`)));

const keptDeeds = ["public_alert", "activity_log_entry", "flash_report"];
const summed = ["KILLED", "MISSING", "INJURED", "EVACUATED", "HOUSEHOLDS_AFFECTED", "HOUSES_DESTROYED"];
const deedColumns = [["col.since", "at", "t"], ["paper.doing", told], ["col.by", "by"]];
const dutyColumns = [["paper.role", (one) => dots(one.role, one.place_name)], ["paper.name", "principal"], ["col.until", (one) => stamp(one.to_at)]];
const resourceColumns = (requests) => [
  ["col.what", (one) => dots(kindName(one), amount(one.quantity, one.unit))], ["paper.identifier", (one) => (one.items ?? []).join(", ")],
  ["paper.ordered", (one) => stamp(requests.find((r) => r.thread === one.thread)?.asked_at), "t"], ["paper.eta", "arrives_at", "t"],
  ["paper.arrived", (one) => (one.arrived_at ? `☒ ${stamp(one.arrived_at)}` : "☐"), "t"], ["paper.notes", (one) => dots(one.supplier, word("state", one.state))],
];

export function form201(record) {
  const i = record.incident, deeds = record.log.filter((one) => one.cycle === "incident" || keptDeeds.includes(one.what)).reverse().slice(-60);
  const sums = summed.filter((one) => total(record, one) !== null).map((one) => `${word("harm", one)}: ${shown(record, one)}`);
  return sheet(headOf("201", record), form("201", "1*2 2 3 | 4 | 5 | 7_5 | 8 | 9 | 10 | 6", {
    1: i.name, 2: number(i), 3: stamp(i.began_at), 4: [given(where(i)), el("div", { class: "sketch" })],
    5: [given([record.described?.text, ...said(record, "situation")], 6), el("p", {}, sums.join("; "))],
    6: signed(record), 7: said(record, "plan"), 8: grid(deedColumns, deeds, 6),
    9: [given(i.command && say("paper.command", { who: i.command })), grid(dutyColumns, record.duty, 4)],
    10: grid(resourceColumns(record.requests), record.promises, 4),
  }));
}

const frames = ["12_H", "24_H", "48_H", "72_H", "LATER"];
function needsIn(frame, record) {
  const asked = record.needs.filter((one) => one.horizon === frame).map((one) => dots(`${one.item}: ${amount(one.quantity, one.unit)}`,
    one.met ? `${say("paper.met")} ${amount(one.met, one.unit)}` : "", one.people ? say("paper.for_people", { n: one.people }) : ""));
  const open = frame === "12_H" ? record.requests.filter((one) => Number(one.open) > 0) : [];
  return [...asked, ...open.map((one) => `${kindName(one)}: ${amount(one.open, one.unit)} (${word("state", "OPEN")})`)];
}
const needsByFrame = (record) => frames.map((frame) => el("div", { class: "frame" },
  el("b", {}, word("horizon", frame)), el("div", {}, given(needsIn(frame, record)))));

// Who has brought how many of what.
function resourceMatrix(record) {
  const every = (field) => [...new Set(record.promises.map((one) => one[field]))];
  const kinds = every("kind").slice(0, 6), agencies = every("supplier");
  const count = (agency, kind) => record.promises.filter((one) => one.supplier === agency && one.kind === kind)
    .reduce((sum, one) => sum + Number(one.quantity ?? 0), 0);
  const all = (kind) => agencies.reduce((sum, agency) => sum + count(agency, kind), 0);
  const head = (text, kind) => el("th", { scope: "col", class: kind }, text), cell = (value) => el("td", { class: "n" }, value);
  return scrolled(say("ics.209.48"), el("table", { class: "grid" },
    el("thead", {}, el("tr", {}, head(say("ics.209.48")), kinds.map((kind) => head(kindName(kind), "n")), head(say("ics.209.50")), head(say("ics.209.51")))),
    el("tbody", {},
      agencies.map((agency) => el("tr", {}, el("td", {}, agency),
        kinds.map((kind) => cell(count(agency, kind) ? figure(count(agency, kind)) : "")), el("td"), el("td"))),
      el("tr", {}, el("th", { scope: "row" }, say("ics.209.52")), kinds.map((kind) => cell(figure(all(kind)))), el("td"), el("td")))));
}

const people = [["D", "KILLED"], ["E", "INJURED"], ["G", "MISSING"], ["H", "EVACUATED"], ["N", "PEOPLE_AFFECTED"]];
const known = (value) => (value === null ? "" : figure(value));
const houseColumns = [
  ["ics.209.30A", ([name]) => say(name)], ["ics.209.30B", () => "", "n"],
  ["ics.209.30C", ([, threatened]) => known(threatened), "n"], ["ics.209.30D", ([, , destroyed]) => known(destroyed), "n"],
];
function houseRows(record) {
  const houses = total(record, "HOUSES"), destroyed = total(record, "HOUSES_DESTROYED");
  return [["ics.209.30E", houses === null ? null : houses - (destroyed ?? 0), destroyed], ["ics.209.30F", null, null], ["ics.209.30G", null, null]];
}
const peopleColumns = (record) => [
  ["ics.209.31C", ([letter, what]) => `${letter}. ${word("harm", what)}`], ["ics.209.31A", () => "", "n"],
  ["ics.209.31B", ([, what]) => shown(record, what), "n"],
];
const layout209 = `1*2 2 | 3 4 5 6 | 7*2 8 9 10 | 11 13 | 12 14 15_3 | 16 17 18 19 | 20 21 22 23 24 | 25*2 26 27 | 28_6 | 29 | 30 31 | 32_2 33_2 34_2 | 35_2 36_3 |
  37_3 38_3 | 39 | 40_3 41_3 | 42 43 44 45 46 | 47_3 | 49_4 | 53_2`;

export function form209(record) {
  const i = record.incident, reports = newestFirst(record), newest = reports[0], reporters = reports.map((one) => one.place_name);
  const version = (one) => tick(newest?.version === one, word("version", one));
  return sheet(headOf("209", record), form("209", layout209, {
    1: i.name, 2: number(i), 3: [...["INITIAL", "UPDATE", "FINAL"].map(version), el("p", {}, newest?.report_no ? `№ ${newest.report_no}` : "")],
    4: i.command, 6: stamp(i.began_at), 7: where(i), 9: word("hazard", i.hazard),
    11: period(record) || (newest && `${stamp(newest.period_from)} – ${stamp(newest.period_to)}`), 12: signed(record), 13: stamp(record.as_of?.at), 14: signature(),
    16: "Тоҷикистон / Tajikistan", 17: (i.where ?? []).map((one) => one.name).join(", "), 18: unique(reporters).join(", "),
    25: unique([where(i), ...reporters]).join("; "), 28: [...said(record, "situation"), ...said(record, "actions")],
    29: dots(word("hazard", i.hazard), word("severity", i.severity), word("certainty", i.certainty)),
    30: grid(houseColumns, houseRows(record)), 31: grid(peopleColumns(record), people),
    34: record.alerts.map((one) => `${one.headline} (${stamp(one.sent_at)})`), 36: said(record, "outlook"), 37: said(record, "plan"),
    39: needsByFrame(record), 41: said(record, "plan"),
    47: record.silence.map((one) => say("paper.silent", { place: one.place, at: stamp(one.since) })),
    49: record.promises.length ? resourceMatrix(record) : null,
  }));
}

const byHand = (pairs) => el("div", { class: "line3" }, pairs.map(([key, value]) => hand(key, value)));

export function form213({ message, replies, as_of: asOf }) {
  if (!message) return null;
  const m = message.said, reply = replies[0], due = m.reply_by_us && m.reply_by_us !== "0";
  return sheet({ kind: "213", incident: message.incident, status: message.status, asOf }, form("213", "1 | 2 | 3 | 4*3 5 6 | 7 | 8 | 9 | 10", {
    1: message.incident, 2: dots(m.to_role, words.who((message.to ?? []).join(", "))), 3: dots(m.from_role, message.sender), 4: m.subject,
    5: date(message.event_at), 6: words.clock(message.event_at).slice(0, 5),
    7: [given(m.text, 8), due ? el("p", {}, say("paper.reply_by", { at: stamp(Number(m.reply_by_us) / 1000) })) : null, lines(2)],
    8: byHand([["paper.name"], ["paper.signature"], ["paper.position"]]), 9: [given(replies.map((one) => one.said.text), 8), lines(2)],
    10: byHand([["paper.name", dots(reply?.said.from_role, reply?.sender)], ["paper.signature"], ["paper.date", stamp(reply?.event_at)]]),
  }));
}

const timeOf = (line, type) => line.schedules?.find((one) => one.type === "SCHEDULE_TYPE_" + type);
function quantity({ assignment }) {
  const much = assignment?.quantity;
  return much ? amount(Number(much.value) / 10 ** (much.scale ?? 0), much.unit) : assignment?.quantity_text ?? "";
}

const urgencies = { LANE_FLASH: "URGENT", LANE_IMMEDIATE: "URGENT", LANE_PRIORITY: "URGENT", LANE_ROUTINE: "ROUTINE", LANE_BULK: "LOW" };
// `of`: what was promised for a line.
const lineColumns = (of) => [
  ["paper.qty", quantity, "n"], ["paper.kind", (line) => kindName(line.resource)], ["paper.type", (line) => line.resource?.type],
  ["paper.detail", ({ resource, assignment }) => dots(resource?.name, resource?.description, assignment?.function, resource?.special_requirements)],
  ["paper.wanted_at", (line) => stamp(Number(timeOf(line, "REQUESTED_ARRIVAL")?.time_us ?? 0) / 1000 || null), "t"],
  ["paper.eta", (line) => of(line).map((one) => stamp(one.arrives_at)).filter(Boolean).join(", "), "t"],
  ["paper.cost", (line) => of(line).map((one) => one.price).filter(Boolean).join(", ")],
];
const answerLine = (one) => dots(stamp(one.event_at), one.sender, word("type", one.type), word("response", one.response),
  word("reason", one.reason), one.response_text);

export function form213rr({ request, promises, answers, as_of: asOf }) {
  if (!request) return null;
  const r = request.said, list = r.lines ?? [], who = r.contacts?.find((one) => one.role === "Requester") ?? r.contacts?.[0];
  const of = (line) => promises.filter((one) => one.line_id === (line.line_id ?? 0)), every = (field) => unique(promises.map((one) => one[field])).join(", ");
  const places = unique(list.flatMap((line) => (line.schedules ?? []).map((one) => one.location?.place_name)));
  const layout = "1*2 2 3 | 4 | 5*2 6*2 | 7*2 8 9_2 | 10 11 12 | 13_3 | 14*2_2 15 16 | 17_3 | 18*2_2 19";
  return sheet({ kind: "213rr", incident: request.incident, status: request.status, asOf }, form("213rr", layout, {
    1: request.incident, 2: stamp(request.event_at), 3: `№ ${request.seq}`, 4: grid(lineColumns(of), list, 4), 5: dots(request.place, ...places),
    6: list.map((line) => line.resource?.substitutes), 7: dots(who?.name, who?.agency, request.sender),
    8: ["URGENT", "ROUTINE", "LOW"].map((one) => tick(urgencies[request.lane] === one, say(`paper.${one.toLowerCase()}`))),
    10: every("order_id"), 12: every("supplier"), 13: [r.description, ...answers.map(answerLine)], 17: (r.funding ?? []).map((one) => dots(one.code, one.text)),
  }));
}

const activityColumns = [["paper.date", "at", "t"], ["paper.activities", told], ["col.by", "by"]];
const teamColumns = [["paper.name", "principal"], ["paper.ics_position", (one) => dots(one.role, one.place_name)], ["paper.agency", () => ""]];

export const form214 = (record) => sheet(headOf("214", record), form("214", "1*2 2*2 | 3 4 5 | 6 | 7 | 8", {
  1: record.incident.name, 2: period(record), 3: api.me.person, 6: grid(teamColumns, record.duty, 3), 7: grid(activityColumns, [...record.log].reverse(), 12),
  8: signed(record),
}));
