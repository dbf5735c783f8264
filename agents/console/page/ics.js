// ics - forms of the Incident Command System as FEMA numbers their boxes (ICS 201, 209, 213, 213RR, 214; public domain).
import { el } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { figure, say, word } from "./words.js";
import { kindName, worded } from "./called.js";
import { amount, approvedBox, box, date, given, grid, hand, join, lines, preparedBox, row, sheet, stamp, tick } from "./sheet.js";

const number = (incident) => incident.glide || incident.incident_id.slice(0, 8);
const where = (incident) => (incident.where ?? []).map((one) => `${one.name} (${one.pcode})`).join(", ");
const period = (record) => (record.since || record.until ? `${stamp(record.since)} – ${stamp(record.until)}` : "");
const headOf = (kind, record) => ({
  kind, incident: record.incident.name || number(record.incident), period: period(record), status: record.incident.status, asOf: record.as_of,
});
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
  if (entry.cycle === "incident") return join(`→ ${word("state", entry.to_state)}`, entry.text);
  return join(entry.what ? word("type", entry.what) : say("paper.households", { n: entry.households }), word("event", entry.event), worded(entry));
}
const newestFirst = (record) => [...record.reports].sort((a, b) => (a.event_at < b.event_at ? 1 : -1));
const said = (record, field) => newestFirst(record).filter((one) => one[field])
  .map((one) => el("p", {}, one[field], el("small", {}, ` ${one.sender}, ${stamp(one.event_at)}`)));

const keptDeeds = ["public_alert", "activity_log_entry", "flash_report"];
const summed = ["KILLED", "MISSING", "INJURED", "EVACUATED", "HOUSEHOLDS_AFFECTED", "HOUSES_DESTROYED"];
const deedColumns = [["col.since", (one) => stamp(one.at), "t"], ["paper.doing", told], ["col.by", (one) => one.by]];
const dutyColumns = [
  ["paper.role", (one) => join(one.role, one.place_name)], ["paper.name", (one) => one.principal], ["col.until", (one) => stamp(one.to_at)],
];
const resourceColumns = (requests) => [
  ["col.what", (one) => join(kindName(one), amount(one.quantity, one.unit))], ["paper.identifier", (one) => (one.items ?? []).join(", ")],
  ["paper.ordered", (one) => stamp(requests.find((r) => r.thread === one.thread)?.asked_at), "t"], ["paper.eta", (one) => stamp(one.arrives_at), "t"],
  ["paper.arrived", (one) => (one.arrived_at ? `☒ ${stamp(one.arrived_at)}` : "☐"), "t"],
  ["paper.notes", (one) => join(one.supplier, word("state", one.state))],
];

export function form201(record) {
  const i = record.incident, deeds = record.log.filter((one) => one.cycle === "incident" || keptDeeds.includes(one.what)).reverse().slice(-60);
  const sums = summed.filter((one) => total(record, one) !== null).map((one) => `${word("harm", one)}: ${shown(record, one)}`);
  return sheet(headOf("201", record),
    row(box("201", 1, given(i.name), 2), box("201", 2, given(number(i))), box("201", 3, given(stamp(i.began_at)))),
    row(box("201", 4, [given(where(i)), el("div", { class: "sketch" })])),
    row(box("201", 5, [given([record.described?.text, ...said(record, "situation")], 6), el("p", {}, sums.join("; "))])),
    row(box("201", 7, given(said(record, "plan"), 5))),
    row(box("201", 8, grid(deedColumns, deeds, 6))),
    row(box("201", 9, [given(i.command ? say("paper.command", { who: i.command }) : ""), grid(dutyColumns, record.duty, 4)])),
    row(box("201", 10, grid(resourceColumns(record.requests), record.promises, 4))),
    row(preparedBox("201", 6, record.as_of)));
}

const frames = ["12_H", "24_H", "48_H", "72_H", "LATER"];
function needsIn(frame, record) {
  const asked = record.needs.filter((one) => one.horizon === frame).map((one) => join(`${one.item}: ${amount(one.quantity, one.unit)}`,
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
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": say("ics.209.48") }, el("table", { class: "grid" },
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
// Boxes that the record knows nothing of: a line each to write on.
const blanks = (form, ...numbers) => row(...numbers.map((one) => box(form, one, lines(1))));

export function form209(record) {
  const i = record.incident, newest = newestFirst(record)[0], version = newest?.version, reporters = newestFirst(record).map((one) => one.place_name);
  const covered = period(record) || (newest ? `${stamp(newest.period_from)} – ${stamp(newest.period_to)}` : "");
  return sheet(headOf("209", record),
    row(box("209", 1, given(i.name), 2), box("209", 2, given(number(i)))),
    row(box("209", 3, [["INITIAL", "UPDATE", "FINAL"].map((one) => tick(version === one, word("version", one))),
      el("p", {}, newest?.report_no ? `№ ${newest.report_no}` : "")]),
    box("209", 4, given(i.command)), box("209", 5, lines(1)), box("209", 6, given(stamp(i.began_at)))),
    row(box("209", 7, given(where(i)), 2), box("209", 8, lines(1)), box("209", 9, given(word("hazard", i.hazard))), box("209", 10, lines(1))),
    row(box("209", 11, given(covered)), box("209", 13, given(stamp(record.as_of?.at)))),
    row(preparedBox("209", 12, record.as_of), approvedBox("209", 14), box("209", 15, lines(3))),
    row(box("209", 16, given("Тоҷикистон / Tajikistan")), box("209", 17, given((i.where ?? []).map((one) => one.name).join(", "))),
      box("209", 18, given(unique(reporters).join(", "))), box("209", 19, lines(1))),
    blanks("209", 20, 21, 22, 23, 24),
    row(box("209", 25, given(unique([where(i), ...reporters]).join("; ")), 2), box("209", 26, lines(1)), box("209", 27, lines(1))),
    row(box("209", 28, given([...said(record, "situation"), ...said(record, "actions")], 6))),
    row(box("209", 29, given(join(word("hazard", i.hazard), word("severity", i.severity), word("certainty", i.certainty))))),
    row(box("209", 30, grid(houseColumns, houseRows(record))), box("209", 31, grid(peopleColumns(record), people))),
    row(box("209", 32, lines(2)), box("209", 33, lines(2)),
      box("209", 34, given(record.alerts.map((one) => `${one.headline} (${stamp(one.sent_at)})`), 2))),
    row(box("209", 35, lines(2)), box("209", 36, given(said(record, "outlook"), 3))),
    row(box("209", 37, given(said(record, "plan"), 3)), box("209", 38, lines(3))),
    row(box("209", 39, needsByFrame(record))),
    row(box("209", 40, lines(3)), box("209", 41, given(said(record, "plan"), 3))),
    blanks("209", 42, 43, 44, 45, 46),
    row(box("209", 47, given(record.silence.map((one) => say("paper.silent", { place: one.place, at: stamp(one.since) })), 3))),
    row(box("209", 49, record.promises.length ? resourceMatrix(record) : lines(4))),
    row(box("209", 53, lines(2))));
}

const byHand = (pairs) => el("div", { class: "line3" }, pairs.map(([key, value]) => hand(key, value)));

export function form213({ message, replies, as_of: asOf }) {
  if (!message) return null;
  const m = message.said, reply = replies[0], due = m.reply_by_us && m.reply_by_us !== "0";
  return sheet({ kind: "213", incident: message.incident, status: message.status, asOf },
    row(box("213", 1, given(message.incident))),
    row(box("213", 2, given([join(m.to_role, words.who((message.to ?? []).join(", ")))]))),
    row(box("213", 3, given([join(m.from_role, message.sender)]))),
    row(box("213", 4, given(m.subject), 3), box("213", 5, given(date(message.event_at))),
      box("213", 6, given(words.clock(message.event_at).slice(0, 5)))),
    row(box("213", 7, [given(m.text, 8), due ? el("p", {}, say("paper.reply_by", { at: stamp(Number(m.reply_by_us) / 1000) })) : null, lines(2)])),
    row(box("213", 8, byHand([["paper.name"], ["paper.signature"], ["paper.position"]]))),
    row(box("213", 9, [given(replies.map((one) => one.said.text), 8), lines(2)])),
    row(box("213", 10, byHand([["paper.name", join(reply?.said.from_role, reply?.sender)], ["paper.signature", ""],
      ["paper.date", stamp(reply?.event_at)]]))));
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
  ["paper.detail", ({ resource, assignment }) => join(resource?.name, resource?.description, assignment?.function, resource?.special_requirements)],
  ["paper.wanted_at", (line) => stamp(Number(timeOf(line, "REQUESTED_ARRIVAL")?.time_us ?? 0) / 1000 || null), "t"],
  ["paper.eta", (line) => of(line).map((one) => stamp(one.arrives_at)).filter(Boolean).join(", "), "t"],
  ["paper.cost", (line) => of(line).map((one) => one.price).filter(Boolean).join(", ")],
];
const answerLine = (one) => join(stamp(one.event_at), one.sender, word("type", one.type), word("response", one.response),
  word("reason", one.reason), one.response_text);

export function form213rr({ request, promises, answers, as_of: asOf }) {
  if (!request) return null;
  const r = request.said, list = r.lines ?? [], who = r.contacts?.find((one) => one.role === "Requester") ?? r.contacts?.[0];
  const of = (line) => promises.filter((one) => one.line_id === (line.line_id ?? 0)), urgency = urgencies[request.lane];
  const places = unique(list.flatMap((line) => (line.schedules ?? []).map((one) => one.location?.place_name)));
  return sheet({ kind: "213rr", incident: request.incident, status: request.status, asOf },
    row(box("213rr", 1, given(request.incident), 2), box("213rr", 2, given(stamp(request.event_at))), box("213rr", 3, given(`№ ${request.seq}`))),
    row(box("213rr", 4, grid(lineColumns(of), list, 4))),
    row(box("213rr", 5, given(join(request.place, ...places)), 2), box("213rr", 6, given(list.map((line) => line.resource?.substitutes)), 2)),
    row(box("213rr", 7, given(join(who?.name, who?.agency, request.sender)), 2),
      box("213rr", 8, ["URGENT", "ROUTINE", "LOW"].map((one) => tick(urgency === one, say(`paper.${one.toLowerCase()}`)))), box("213rr", 9, lines(2))),
    row(box("213rr", 10, given(unique(promises.map((one) => one.order_id)).join(", "))), box("213rr", 11, lines(1)),
      box("213rr", 12, given(unique(promises.map((one) => one.supplier)).join(", ")))),
    row(box("213rr", 13, given([r.description, ...answers.map(answerLine)], 3))),
    row(box("213rr", 14, lines(2), 2), box("213rr", 15, lines(1)), box("213rr", 16, lines(1))),
    row(box("213rr", 17, given((r.funding ?? []).map((one) => join(one.code, one.text)), 3))),
    row(box("213rr", 18, lines(2), 2), box("213rr", 19, lines(1))));
}

const activityColumns = [["paper.date", (one) => stamp(one.at), "t"], ["paper.activities", told], ["col.by", (one) => one.by]];
const teamColumns = [
  ["paper.name", (one) => one.principal], ["paper.ics_position", (one) => join(one.role, one.place_name)], ["paper.agency", () => ""],
];

export function form214(record) {
  return sheet(headOf("214", record),
    row(box("214", 1, given(record.incident.name), 2), box("214", 2, given(period(record), 1), 2)),
    row(box("214", 3, given(api.me.person)), box("214", 4, lines(1)), box("214", 5, lines(1))),
    row(box("214", 6, grid(teamColumns, record.duty, 3))),
    row(box("214", 7, grid(activityColumns, [...record.log].reverse(), 12))),
    row(preparedBox("214", 8, record.as_of)));
}
