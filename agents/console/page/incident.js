// incident - the list of incidents, and one: where it stands, what offices say of it side by side, what gateways measured, what is
// asked for, who was harmed, whom the warnings reached, and all that happened.
import { below, el, facts as list, link, none, scrolled } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { dots, figure, say, word } from "./words.js";
import { bars, chip, exercise, families, levelTone, unitOf } from "./board.js";
import { rowsTable, section, table, termOf } from "./table.js";
import { plot } from "./plot.js";
import { detectedNode, kindName, worded } from "./called.js";
import { watch } from "./watch.js";
import { actBar, actMenu, incidentThing, lineMenu, onActKey } from "./act.js";

const tones = { REPORTED: "bad", VERIFYING: "warn", CONFIRMED: "bad", RESPONDING: "warn", STABILISED: "good", RECOVERY: "good" };
const stateOf = (state) => chip(word("state", state), tones[state]);

// --- reports side by side ---

const facts = [
  "deaths", "injured", "missing", "evacuated", "displaced", "houses", "destroyed", "heavy", "silted", "households", "displaced_households", "relocate",
  "road_cut", "road_km",
];
const said = (fact, value) => (fact === "road_cut" ? word("answer", value) : figure(value));

// A fact is marked where offices contradict each other, and every word that is not the newest one's.
function factRow(fact, reports) {
  const values = reports.map((one) => one.facts[fact] ?? null), known = values.filter((value) => value !== null).map(String);
  if (!known.length) return null;
  const differs = new Set(known).size > 1, isOther = (value) => differs && value !== null && String(value) !== known.at(-1);
  return el("tr", { class: differs ? "differs" : null, "data-fact": fact },
    el("th", { scope: "row" }, say(`fact.${fact}`), differs && chip(say("incident.differs"), "warn")),
    values.map((value) => el("td", { class: isOther(value) ? "n other" : "n" },
      value === null ? el("span", { class: "none" }, "–") : (isOther(value) ? "≠ " : "") + said(fact, value))));
}

// Who was told by telephone is not who says it.
const speaks = (one) => (one.role && (one.role !== "DISTRICT_DUTY" || one.sender === api.me.sender) ? word("role", one.role) : words.who(one.sender));
const reporter = (one) => el("th", { scope: "col" },
  el("span", { class: "who" }, speaks(one)), el("span", {}, dots(word("type", one.type), word("version", one.version))),
  el("time", { datetime: one.at }, words.time(one.at)),
  el("span", {}, dots(one.place, speaks(one) === words.who(one.sender) ? word("role", one.role) : words.who(one.sender)) || one.district));

function sideBySide(reports) {
  const caption = say("incident.reports"), row = (key, cell, kind) => el("tr", { class: kind }, el("th", { scope: "row" }, say(key)), reports.map(cell));
  return section(caption, reports.length ? scrolled(caption, el("table", { class: "beside" },
    el("thead", {}, el("tr", {}, el("td", {}), reports.map(reporter))),
    el("tbody", {}, facts.map((fact) => factRow(fact, reports)),
      row("fact.confidence", (one) => el("td", { class: "n" }, word("confidence", one.confidence))),
      row("col.text", (one) => el("td", {}, one.text ?? ""), "words")))) : null, say("incident.no_reports"));
}

// --- what gateways measured ---

// From one conclusion of a gateway until its next one.
function levels(detections, sender, end) {
  const own = detections.filter((one) => one.sender === sender), until = (i) => (own[i + 1] ? Date.parse(own[i + 1].at) : end);
  return own.map((one, i) => ({ name: word("level", one.level), kind: one.level.toLowerCase(), from: Date.parse(one.at), to: until(i) }))
    .filter((one) => one.kind !== "clear");
}

// What people did and said while it rose and fell: first words of offices, moves of the incident, alerts.
const isMoved = (one) => one.to_state && one.to_state !== one.from_state;
function eventOf(one) {
  if (one.cycle === "incident" && isMoved(one)) return word("state", one.to_state);
  return /^(flash_report|public_alert)$/.test(one.what) ? word("type", one.what) : null;
}
function eventsOf(timeline) {
  const first = new Map();
  for (const one of [...timeline].reverse()) if (eventOf(one) && !first.has(eventOf(one))) first.set(eventOf(one), Date.parse(one.at));
  return [...first].map(([name, at]) => ({ name, at })).sort((a, b) => a.at - b.at).slice(0, 9);
}

const detectionColumns = [
  ["col.since", "at", "t"], ["col.level", (row) => chip(word("level", row.level), levelTone(row.level))], ["col.by", "sender"], ["col.text", detectedNode],
];
function measured(answer) {
  const [from, to] = answer.span ?? [], events = eventsOf(answer.timeline);
  const points = (one) => one.points.flatMap(([at, low, high]) => (low === high ? [[at, high]] : [[at, low], [at, high]]));
  const plots = answer.plots.map((one) => plot({
    title: `${word("obs", one.type)} · ${words.who(one.sender)}`, unit: unitOf(one.unit), from, to, events, narrow: true,
    series: [{ name: word("obs", one.type), points: points(one) }],
    thresholds: (one.lines ?? []).map((line) => ({ name: say("plot.line"), value: Number(line.line) })),
    bands: levels(answer.detections, one.sender, Math.min(to, Date.now())),
  }));
  return el("section", { class: "plots" }, el("h2", {}, say("incident.plots")), plots.length ? plots : none(say("incident.no_plots")),
    answer.detections.length ? table(say("incident.detections"), detectionColumns, [...answer.detections].reverse()) : null);
}

// --- what is asked for, who was harmed, who knows ---

function partsOf(row, commitments) {
  const own = commitments.filter((one) => one.thread === row.thread && one.line_id === row.line_id);
  if (!own.length) return (row.suppliers ?? []).join(", ");
  const when = (one) => (one.arrived_at ? words.time(one.arrived_at) : one.arrives_at && say("board.expected", { at: words.time(one.arrives_at) }));
  return el("ul", { class: "plain" }, own.map((one) => el("li", {}, `${words.who(one.supplier)}: `, chip(word("state", one.state), one.arrived_at ? "good" : ""), " ",
    dots(figure(one.arrived_at ? one.arrived : one.quantity), when(one)))));
}

const requests = (answer) => table(say("incident.requests"), [
  ["col.what", kindName],
  ["col.state", (row) => chip(word("state", row.state), row.state === "MET" ? "good" : "warn")],
  ["col.wanted", "wanted", "n"], ["col.open", "open", "n"], ["col.needed", "needed_at", "t"],
  ["col.by", (row) => partsOf(row, answer.commitments)],
], answer.requests, null, lineMenu);

function harmed(answer) {
  const rows = answer.filter((one) => one.what === "household").sort((a, b) => (b.families ?? 0) - (a.families ?? 0));
  const total = answer.find((one) => one.what === "total" && one.families !== null);
  const text = (one) => families(one) + (one.persons === null ? "" : ` (${say("board.persons", { n: figure(one.persons) })})`);
  return el("div", { class: "families" },
    bars(say("incident.families"), rows.map((one) => ({ name: word("state", one.word), n: one.families ?? 0, text: text(one) })), say("incident.no_families")),
    total && el("p", { class: "summary" }, say("incident.families_total", { n: figure(total.families), persons: figure(total.persons ?? 0) })));
}

const receiptTones = { ACCEPTED: "good", DISPLAYED: "good", DELIVERED: "good", STORED: "warn", REJECTED: "bad", EXPIRED: "bad", UNDELIVERABLE: "bad" };
const receiptColumns = [
  ["col.place", (row) => el("b", {}, row.place || say("incident.no_place"))], ["col.by", "recipient"],
  ["col.state", (row) => [chip(word("receipt", row.level), receiptTones[row.level]), row.code && below(word("reject", row.code))]],
  ["col.since", "level_at", "t"],
];
// One message: how far it got with how many, and with each, place by place.
function reached(rows) {
  const title = [word("type", rows[0].type), worded(rows[0])].filter(Boolean).join(": "), count = (level) => rows.filter((one) => one.level === level).length;
  const sums = [...new Set(rows.map((one) => one.level))].map((level) => [" ", chip(`${word("receipt", level)} ${count(level)}`, receiptTones[level])]);
  return [el("h3", {}, title, sums), rowsTable(title, receiptColumns, rows)];
}

function alertState(row) {
  if (!row.state) return "";
  const word_ = row.taken_by && row.state === "UNANSWERED" ? word("event", "EXHAUST") : word("state", row.state);
  return [chip(word_), row.taken_by && below(`${word("event", "ACCEPT")}: ${words.who(row.taken_by)}`)];
}
const alertColumns = [
  ["col.since", "at", "t"],
  ["col.what", (row) => [word("cap", row.msg_type), exercise(row.cap_status === "EXERCISE" ? "EXERCISE" : "ACTUAL")]],
  ["col.state", alertState], ["col.severity", termOf("severity")], ["col.until", "expires_at", "t"], ["col.text", "headline"],
];
function warned(answer) {
  const messages = [...new Set(answer.receipts.map((one) => one.message_id))].map((id) => answer.receipts.filter((one) => one.message_id === id));
  return [table(say("incident.alerts"), alertColumns, answer.alerts, say("incident.no_alerts")),
    el("section", { class: "receipts" }, el("h2", {}, say("incident.receipts")), messages.length ? messages.map(reached) : none(say("incident.no_receipts")))];
}

// --- all that happened ---

// One message may move several things: it is one line here.
function happened(timeline) {
  const messages = [];
  for (const row of timeline) {
    const last = messages.at(-1);
    if (last && last.seq === row.seq && last.what === row.what) last.moves.push(row);
    else messages.push({ ...row, moves: [row] });
  }
  return messages;
}
// Who was asked and who took it moves an alert, whether or not it stands elsewhere then.
const answered = /^(ACCEPT|ACKNOWLEDGE|REJECT|TAKE_BACK|ASK|ESCALATE|EXHAUST)$/;
const isTold = (one) => one.cycle === "alert" && answered.test(one.event) && (isMoved(one) || one.event !== "EXHAUST");
function moveOf(one) {
  if (isTold(one)) return word("event", one.event);
  return isMoved(one) && [one.from_state, one.to_state].filter(Boolean).map((state) => word("state", state)).join(" → ");
}
const groups = { incident: "incident", alert: "alert", line: "resource", request: "resource", household: "family", offer: "family" };
function lineOf(one) {
  const what = one.what === null ? say("incident.of_families", { n: one.households }) : word("type", one.what), text = worded(one);
  const moves = [...new Set(one.moves.map(moveOf).filter(Boolean))].join(", ");
  return el("li", { class: groups[one.cycle] ?? "said" }, el("time", { datetime: one.at }, words.clock(one.at).slice(0, 5)), el("div", {},
    el("p", {}, el("b", {}, what), " ", chip(moves), el("span", { class: "quiet" }, ` ${words.who(one.by)}`)),
    text && el("p", { class: "small", title: one.detection?.text }, text)));
}
function timelineOf(timeline) {
  const days = new Map();
  for (const one of happened(timeline)) {
    const day = words.day(one.at, true);
    days.set(day, [...(days.get(day) ?? [el("li", { class: "day" }, day)]), lineOf(one)]);
  }
  return section(say("incident.timeline"), timeline.length ? el("ol", { class: "timeline" }, [...days.values()]) : null);
}

// --- the page of one ---

const factsOf = (incident) => [
  ["col.state", stateOf(incident.state)], ["col.place", incident.place], ["col.hazard", word("hazard", incident.hazard)],
  ["col.severity", word("severity", incident.severity)], ["col.certainty", word("certainty", incident.certainty)],
  ["col.began", words.time(incident.began_at)], ["col.newest", words.time(incident.last_at)], ["col.reports", incident.reports], ["col.command", words.who(incident.command)],
].filter(([, value]) => value).map(([key, value]) => [say(key), value]);

// What can change this page without naming the incident: what happens in its district, and what answers something of it.
const answers = /receipt|resource|quote|decision|withdrawn/;

export async function incidentPage(main, id) {
  let thing = null;
  const near = (pcode) => (thing?.places ?? "").split(" ").some((place) => place.slice(0, 7) === pcode.slice(0, 7));
  const concerns = (message) => !thing || message.incidents?.includes(id) || answers.test(message.type) || message.places.some(near);
  const end = onActKey(() => thing && actMenu(thing));
  const leave = await watch(main, "incident", { incident: id }, (answer) => {
    const incident = answer.incident;
    thing = incident ? incidentThing(incident) : null;
    if (!incident) return none(say("incident.unknown"));
    return [
      el("section", { class: "facts" }, el("h2", {}, incident.name || id.slice(0, 8), exercise(incident.status)), list(factsOf(incident)), actBar(thing)),
      sideBySide(answer.reports),
      el("div", { class: "two" }, el("div", {}, measured(answer)), el("div", {}, requests(answer), harmed(answer.families), warned(answer))),
      timelineOf(answer.timeline),
    ];
  }, concerns);
  return () => {
    end();
    leave();
  };
}

// --- the list of all ---

const columns = [
  ["col.name", (row) => [link(`/incident/${row.incident_id}`, row.name || row.incident_id.slice(0, 8)), exercise(row.status)], "name"],
  ["col.state", (row) => stateOf(row.state)],
  ["col.hazard", (row) => [word("hazard", row.hazard), row.severity && below(word("severity", row.severity))]],
  ["col.place", "place"],
  ["col.began", (row) => [words.time(row.began_at), row.last_at && below(`${say("col.newest")}: ${words.time(row.last_at)}`)], "t"],
  ["col.reports", "reports", "n"],
  ["col.open_requests", (row) => row.requests || "", "n"],
  ["col.households", "families", "n"],
];
export const incidentsPage = (main) => watch(main, "incidents", {}, ({ items }) => el("section", {}, items.length
  ? rowsTable(say("page.incidents"), columns, items, (row) => actMenu(incidentThing(row))) : none(say("incidents.none"))), /incident|report|detection/);
