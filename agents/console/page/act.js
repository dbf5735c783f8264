// act - what a dispatcher can do about a thing, here and now. A thing is a row of eoc.queue, or what looks like one: {what, id,
// incident_id, state, places, hazard, status, detail, by}. Only moves that its life cycle has (eoc.transition) and that the
// person's rights allow; whether the bus takes them it says itself.
import { el, isPageKey, keyOf, refill } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { ask, menu } from "./form.js";
import { whyUndecided } from "./refusal.js";
import { saidBox, speak } from "./said.js";
import { part } from "./parts.js";
import { go, tried } from "./way.js";
import { detailOf, kindName } from "./called.js";
import { lineActions, linesOf, request } from "./supply.js";

const recipients = () => part("./recipients.js");
const toField = async (...all) => (await recipients()).toField(...all);

let moves = {};
const rights = new Map(); // places -> the types that may be said there; null while that is asked

const AGAIN_MS = 3000;
// Until the record has told them moves are not offered.
const askMoves = () => api.view("moves").then((answer) => {
  moves = answer;
  dispatchEvent(new Event("rights"));
}, () => setTimeout(askMoves, AGAIN_MS));
const asked = askMoves();
const movesOf = (cycle, state) => moves[cycle]?.[state] ?? {};

function may(type, places) {
  const key = [...new Set((places ?? "").split(" ").map((place) => place.slice(0, 7)))].join(" ");
  if (!rights.has(key)) {
    rights.set(key, null);
    setTimeout(() => rights.delete(key), 600000);
    api.view("rights", { places: key }).then((types) => {
      rights.set(key, new Set(types));
      dispatchEvent(new Event("rights"));
    }, () => rights.delete(key));
  }
  return rights.get(key)?.has(type) ?? true;
}

// --- how a thing becomes an envelope -------------------------------------------------------------------------------------

export const area = (places, name) => ({ pcodes: (places ?? "").split(" ").filter(Boolean).slice(0, 8), ...(name ? { place_name: name } : {}) });
export const frame = (thing) => ({ area: area(thing.places), lang: "LANG_" + words.lang.toUpperCase(), ...(thing.incident_id ? { incident_ids: [thing.incident_id] } : {}) });
const choices = (thing) => api.view("choices", { places: thing.places, status: api.me.status.toUpperCase(), lang: words.lang });
// Of an alarm or a report the detail is a word of the contract, of the others what people wrote.
const called = (thing) => (thing.what === "alert" || thing.what === "report" ? word("hazard", thing.hazard) : detailOf(thing) || thing.name || word("hazard", thing.hazard));
const titleOf = (name, thing) => [say("act." + name), called(thing), thing.place].filter(Boolean).join(" · ");
const formOf = (name, thing, rest) => ({ key: `${name} ${thing.id} ${thing.line_id ?? ""}`, title: titleOf(name, thing), button: say("act." + name), about: [thing.id], ...rest });

const reason = (required) => ({ name: "reason", label: say("form.reason"), required, most: 1000, path: "reason" });
const options = (group, list) => list.map((one) => [one, word(group, one)]);
const certainty = (list, value) => ({ name: "certainty", label: say("form.certainty"), type: "choice", value, options: options("certainty", list), path: "certainty" });

// --- incidents -----------------------------------------------------------------------------------------------------------

function transition(thing, event, to, more) {
  return { ...frame({ ...thing, incident_id: thing.id }), incident_transition: { incident_id: thing.id, event: "INCIDENT_EVENT_" + event, from_state: "INCIDENT_STATE_" + thing.state,
    to_state: "INCIDENT_STATE_" + to, decided_by: api.me.person, ...more } };
}
// What has to be said with a move; the others take a reason if there is one.
const extra = {
  CONFIRMED: () => [certainty(["OBSERVED", "LIKELY"], "OBSERVED"), reason()],
  JUDGED_FALSE: () => [reason(true)],
  REOPENED: () => [reason(true)],
  HAZARD_OVER: () => [{ name: "agreed_by", label: say("form.agreed_by"), required: true, most: 200, path: "agreed_by" }, reason()],
};
function move(thing, name, event, to) {
  ask(formOf(name, thing, { note: `${word("state", thing.state)} → ${word("state", to)}`, fields: (extra[event] ?? (() => [reason()]))(),
    make: (v) => [transition(thing, event, to, { ...(v.reason ? { reason: v.reason } : {}), ...(v.agreed_by ? { agreed_by: v.agreed_by } : {}), ...(v.certainty ? { certainty: "CERTAINTY_" + v.certainty } : {}) })] }));
}
const incidentText = (one) => [one.name || one.incident_id.slice(0, 8), one.place, word("state", one.state), say("act.reports", { n: one.reports }), words.age(one.began_at)].filter(Boolean).join(" · ");

async function merge(thing) {
  const others = (await choices(thing)).incidents.filter((one) => one.incident_id !== thing.id);
  ask(formOf("merge", thing, { fields: [others.length ? { name: "into", label: say("form.into"), type: "radio", required: true, options: others.map((one) => [one.incident_id, incidentText(one)]), path: "merged_into" } : null, reason()],
    note: others.length ? "" : say("act.no_incident"),
    make: (v) => [transition(thing, "MERGED", "MERGED", { merged_into: v.into, ...(v.reason ? { reason: v.reason } : {}) })] }));
}
// What leads on stands first, what ends or undoes last.
const onward = [["o", "verify", "OPENED"], ["c", "confirm", "CONFIRMED"], ["b", "recover", "ASSESSED"]];
const endings = [["u", "resume", "HAZARD_RESUMED"], ["h", "stabilise", "HAZARD_OVER"], ["f", "false_alarm", "JUDGED_FALSE"], ["z", "close", "CLOSED"], ["y", "reopen", "REOPENED"]];

function incidentActions(thing) {
  const legal = movesOf("incident", thing.state), of = { ...thing, incident_id: thing.id };
  const some = (list) => list.filter(([, , event]) => legal[event]).map(([key, name, event]) => act(key, name, "incident_transition", of, () => move(thing, name, event, legal[event])));
  return [
    ...some(onward),
    legal.RESPONSE_STARTED ? act("r", "request", "request_resource", of, async () => request(of, formOf, frame, await choices(of).catch(() => ({ kinds: [], others: [] })), await recipients())) : null,
    act("n", "note", "activity_log_entry", of, () => note(of)),
    act("m", "message", "general_message", of, () => message(of)),
    act("w", "warn", "public_alert", of, () => go(`/warn?incident=${thing.id}`)),
    act("k", "order", "siren_command", of, () => orderForm(of)),
    act("e", "escalate", "escalation_event", of, () => escalate(of)),
    legal.MERGED ? act("g", "merge", "incident_transition", of, () => merge(thing)) : null,
    ...some(endings),
  ];
}

// --- words to people -------------------------------------------------------------------------------------------------------

function note(thing) {
  ask(formOf("note", thing, { fields: [{ name: "text", label: say("form.text"), type: "area", required: true, path: "text" }],
    make: (v) => [{ ...frame(thing), activity_log_entry: { position: api.me.person, text: v.text, ...(thing.id && thing.id !== thing.incident_id ? { about_ids: [thing.id] } : {}) } }] }));
}

async function message(thing, to) {
  ask(formOf("message", thing, { fields: [
    await toField(thing.places, { wanted: to || (thing.by ?? "").split(", ")[0] }),
    { name: "subject", label: say("form.subject"), required: true, most: 200, value: [called(thing), thing.place].filter(Boolean).join(", "), path: "subject" },
    { name: "text", label: say("form.text"), type: "area", required: true, most: 4000, path: "text" },
    { name: "lane", label: say("form.priority"), type: "choice", value: "ROUTINE", options: [["IMMEDIATE", say("precedence.2")], ["PRIORITY", say("precedence.3")], ["ROUTINE", say("precedence.4")]] },
    { name: "by", label: say("form.reply_by"), type: "time", path: "reply_by_us" },
  ], make: (v) => [{ ...frame(thing), to: v.to, lane: "LANE_" + v.lane, ...(v.by ? { kind: "KIND_REQUEST" } : {}),
    general_message: { from_role: api.me.person, subject: v.subject, text: v.text, ...(v.by ? { reply_by_us: v.by } : {}) } }] }));
}
async function escalate(thing) {
  ask(formOf("escalate", thing, { fields: [
    await toField(thing.places),
    { name: "channel", label: say("form.channel"), type: "choice", value: "CONSOLE", options: options("channel", ["CONSOLE", "PHONE", "RADIO", "SMS", "SATELLITE", "RUNNER"]), path: "channel" },
    { name: "until", label: say("form.answer_by"), type: "time", required: true, value: "+0:05", path: "deadline_us" },
  ], make: (v) => [{ ...frame(thing), to: v.to, preceding_id: thing.id,
    escalation_event: { alert_id: thing.id, step: 1, target_role: v.to[0], channel: "CHANNEL_" + v.channel, deadline_us: v.until, outcome: "ESCALATION_OUTCOME_STARTED" } }] }));
}

// What somebody says by telephone or radio is a flash report as a district writes it, and stands in the queue like one.
const reporters = ["DISTRICT_DUTY", "JAMOAT", "RESCUE_TEAM", "POLICE", "ROADS", "HEALTH", "RED_CRESCENT", "RESIDENT", "OTHER"];
const counts = ["deaths", "injured", "missing", "houses", "to_evacuate"];
function takeDown(thing) {
  const of = thing?.what === "incident" ? thing : {};
  ask({ ...formOf("take_down", of), ...(of.id ? {} : { title: say("act.take_down"), about: null }), fields: [
    { name: "place", label: say("col.place"), type: "place", required: true, value: [of.place, of.places?.split(" ")[0]].filter(Boolean).join(" "), path: "pcodes" },
    { name: "village", label: say("form.where"), most: 80, path: "village" },
    hazardField(of),
    { name: "who", label: say("form.reporter"), type: "choice", value: "RESIDENT", options: options("reporter", reporters), path: "reporter_role" },
    { name: "confidence", label: say("form.certainty"), type: "choice", value: "SOME", options: options("confidence", ["HIGH", "SOME", "UNSURE", "NONE"]), path: "confidence" },
    { name: "text", label: say("form.text"), type: "area", most: 240, path: "text" },
    ...counts.map((name) => ({ name, label: say("form." + name), type: "number", path: name })),
  ], make: (v) => [{ ...frame({ places: v.place, incident_id: of.id }), flags: 6, flash_report: { hazard: "HAZARD_" + v.hazard, confidence: "CONFIDENCE_" + v.confidence, reporter_role: "REPORTER_ROLE_" + v.who,
    ...(v.village ? { village: v.village } : {}), ...(v.text ? { text: v.text } : {}), ...Object.fromEntries(counts.filter((name) => v[name] !== null).map((name) => [name, Math.round(v[name])])) } }] });
}

// --- reports that belong to no incident yet ------------------------------------------------------------------------------------

const hazards = ["MUDFLOW", "FLASH_FLOOD", "RIVER_FLOOD", "LANDSLIDE", "ROCKFALL", "AVALANCHE", "EARTHQUAKE", "GLOF", "LAKE_OUTBURST", "WINDSTORM", "HAIL", "FIRE", "TECHNOLOGICAL", "EPIDEMIC", "OTHER"];
function opened(thing, id, v) {
  return { ...frame({ ...thing, incident_id: id }), kind: "KIND_REPORT", event_time_us: thing.since,
    incident: { incident_id: id, hazard: "HAZARD_" + v.hazard, name: v.name, severity: "SEVERITY_" + (v.severity ?? "UNKNOWN"), urgency: "URGENCY_" + (v.urgency ?? "UNKNOWN"),
      certainty: "CERTAINTY_" + (v.certainty ?? "UNKNOWN"), cause_ids: [thing.id], ...(v.text ? { text: v.text } : {}) } };
}
const nameOf = (thing) => [thing.place || thing.places, word("hazard", thing.hazard), words.time(thing.since)].filter(Boolean).join(", ");
const hazardField = (thing) => ({ name: "hazard", label: say("col.hazard"), type: "choice", value: thing.hazard || "MUDFLOW", options: options("hazard", hazards), path: "hazard" });

function declare(thing) {
  const id = api.newId();
  ask(formOf("declare", thing, { about: [thing.id, id], fields: [
    { name: "name", label: say("col.name"), required: true, most: 200, value: nameOf(thing), path: "name" },
    hazardField(thing),
    { name: "severity", label: say("form.severity"), type: "choice", value: "SEVERE", options: options("severity", ["EXTREME", "SEVERE", "MODERATE", "MINOR", "UNKNOWN"]), path: "severity" },
    { name: "urgency", label: say("form.urgency"), type: "choice", value: "IMMEDIATE", options: options("urgency", ["IMMEDIATE", "EXPECTED", "FUTURE", "PAST", "UNKNOWN"]), path: "urgency" },
    certainty(["OBSERVED", "LIKELY", "POSSIBLE", "UNLIKELY", "UNKNOWN"], "LIKELY"),
    { name: "text", label: say("form.text"), type: "area", most: 4000, path: "text" },
  ], make: (v) => [opened(thing, id, v)] }));
}
// One more report of an incident that goes on; of one that calmed down it is a second surge.
async function belongs(thing) {
  const fit = (await choices(thing)).incidents.map((one) => ({ one, event: ["REPORTED", "HAZARD_RESUMED"].find((event) => movesOf("incident", one.state)[event]) })).filter(({ event }) => event);
  ask(formOf("belongs", thing, { note: fit.length ? "" : say("act.no_incident"), fields: [
    fit.length ? { name: "into", label: say("form.into"), type: "radio", required: true, value: thing.incident_id, options: fit.map(({ one }) => [one.incident_id, incidentText(one)]), path: "incident_id" } : null, reason(),
  ], make: (v) => {
    const { one, event } = fit.find(({ one }) => one.incident_id === v.into);
    return [{ ...frame(thing), ...transition({ ...one, id: one.incident_id, places: thing.places || one.places }, event, movesOf("incident", one.state)[event], { evidence_ids: [thing.id], ...(v.reason ? { reason: v.reason } : {}) }) }];
  } }));
}
// Judged false is the incident that the report would have been.
function falseReport(thing) {
  const id = api.newId();
  ask(formOf("false_alarm", thing, { fields: [reason(true), hazardField(thing)], make: (v) => [
    opened(thing, id, { hazard: v.hazard, name: nameOf(thing), certainty: "UNLIKELY" }),
    transition({ ...thing, id, state: "REPORTED" }, "JUDGED_FALSE", "FALSE_ALARM", { reason: v.reason, evidence_ids: [thing.id] }),
  ] }));
}
const joins = (thing) => act("b", "belongs", "incident_transition", thing, () => belongs(thing));
const declares = (thing) => act("i", "declare", "incident", thing, () => declare(thing));
// What was played needs no reason: one key, and no question.
function dismiss(thing) {
  if (thing.status !== "EXERCISE") return decide(thing, "dismiss", "DISMISSED", true);
  const form = decision(thing, "dismiss", "DISMISSED");
  speak({ title: form.title, about: form.about }, form.make({ text: null })).catch(() => {}); // what is refused stands near the thing (said.js)
}
const reportActions = (thing) => [
  ...(thing.incident_id ? [joins(thing), declares(thing)] : [declares(thing), joins(thing)]),
  act("f", "false_alarm", "incident_transition", thing, () => falseReport(thing)),
  act("d", "dismiss", "decision", thing, () => dismiss(thing)),
];

// --- the others ------------------------------------------------------------------------------------------------------------------

function reject(thing) {
  ask(formOf("reject", thing, { fields: [{ name: "code", label: say("form.reason"), type: "choice", value: "not_mine", options: options("reject", ["not_mine", "no_authority", "road_closed", "clock_unknown"]), path: "code" },
    { name: "text", label: say("form.text"), most: 500, path: "text" }],
  make: (v) => [{ ...frame(thing), preceding_id: thing.id, receipt: { message_id: thing.id, level: "RECEIPT_LEVEL_REJECTED", by: api.me.person, code: v.code, time_us: new Date().toISOString(), ...(v.text ? { text: v.text } : {}) } }] }));
}
const decision = (thing, name, ruling, required) => formOf(name, thing, { note: thing.what === "undecided" ? whyUndecided(thing) : "", fields: [{ ...reason(required), name: "text", path: "text" }],
  make: (v) => [{ ...frame(thing), label: "LABEL_" + (thing.label ?? "RESTRICTED"), preceding_id: thing.id,
    decision: { message_id: thing.id, seq: String(thing.seq), ruling: "RULING_" + ruling, decided_by: api.me.person, ...(v.text ? { text: v.text } : {}) } }] });
const decide = (...what) => ask(decision(...what));
// One line needs no question which.
async function lines(thing, name) {
  const all = (await linesOf(thing.id)).flatMap((line) => lineActions(line, tools));
  const fit = all.filter((action) => action.name === name);
  if (fit.length === 1) fit[0].run();
  else menu(titleOf(name ?? "more", thing), fit.length ? fit : all);
}

// Orders come when somebody gives one, not with the first page of a night.
const orderForm = async (thing) => (await part("./orders.js")).orderForm(thing);

const toDuty = (thing) => act("m", "message", "general_message", thing, () => message(thing, thing.by || (thing.places ? "duty@" + thing.places.slice(0, 7) : "")));

const makers = {
  incident: incidentActions,
  report: reportActions,
  alert: (thing) => [
    ...(thing.hazard && !thing.incident_id ? reportActions(thing) : []),
    act("m", "message", "general_message", thing, () => message(thing)),
    act("d", "reject", "receipt", thing, () => reject(thing)),
    act("e", "escalate", "escalation_event", thing, () => escalate(thing)),
  ],
  undecided: (thing) => [
    act("y", "apply", "decision", thing, () => decide(thing, "apply", "APPLIED")),
    act("d", "dismiss", "decision", thing, () => decide(thing, "dismiss", "DISMISSED")),
    act("m", "message", "general_message", thing, () => message(thing)),
  ],
  request: (thing) => [
    act("c", "commit", "commit_resource", thing, () => lines(thing, "commit")),
    act("d", "decline", "response_to_request_resource", thing, () => lines(thing, "decline")),
    act("l", "more", "request_information", thing, () => lines(thing)),
    act("m", "message", "general_message", thing, () => message(thing)),
  ],
  late: (thing) => [
    thing.id ? act("l", "more", "request_information", thing, () => lines(thing)) : null,
    act("m", "message", "general_message", thing, () => message(thing)),
  ],
  order: (thing) => [act("w", "read_order", "receipt", thing, () => go(`/order/${thing.id}`))],
  draft: (thing) => [act("w", "approve", "public_alert", thing, () => go(`/warn/${thing.id}`))],
  message: (thing) => [act("m", "message", "general_message", thing, () => message(thing))],
  offer: (thing) => [act("m", "message", "general_message", thing, () => message(thing))],
  silence: (thing) => [toDuty(thing)],
  machine: (thing) => [act("k", "order", "siren_command", thing, () => orderForm({ machine: thing.id, places: thing.places })), toDuty(thing)],
};
function act(key, name, type, thing, run) {
  return { key, name, type, label: say("act." + name), run: () => tried(run), places: thing.places };
}
const tools = { formOf, frame, area, act, may, movesOf };

// [{key, name, label, run}]: the first is what the thing most often needs. `run` opens a form, or goes somewhere.
export function actionsFor(thing) {
  return (makers[thing?.what]?.(thing) ?? []).filter((action) => action && may(action.type, action.places));
}
// All lines of a board's row, with their actions.
export const lineMenu = (row) => tried(async () => {
  const found = await linesOf(row.thread, row.line_id);
  menu(`${kindName(row)} · ${row.place ?? row.places}`, found.flatMap((line) => lineActions(line, tools)));
});
// Of a thing, or of nothing (no row is chosen); a word by telephone is taken down anywhere.
export async function actMenu(thing) {
  await Promise.race([asked, new Promise((done) => setTimeout(done, 1000))]);
  menu(titleOf("title", thing ?? {}), [...actionsFor(thing), act("t", "take_down", "flash_report", {}, () => takeDown(thing))]);
}
// A page has one bar: what the last one drew is drawn again when its rights are known.
let drawBar = () => {};
addEventListener("rights", () => drawBar());
// Buttons for a page about one thing, and what is said about it and not settled yet; `x` opens the same as a menu.
export function actBar(thing) {
  const bar = el("div", { class: "acts", role: "group", "aria-label": say("act.title") });
  const draw = () => refill(bar, actionsFor(thing).map((action) => el("button", { type: "button", id: "act-" + action.name, class: action.key === "c" ? "first" : null, onclick: action.run }, action.label)),
    el("button", { type: "button", id: "act-menu", onclick: () => actMenu(thing) }, el("kbd", {}, "x"), " ", say("act.title")));
  draw();
  drawBar = draw;
  return el("div", {}, bar, saidBox(thing.id));
}
// `x` on a page of one thing; answers how to end it.
const isActKey = (event) => keyOf(event) === "x" && isPageKey(event);
export function onActKey(run) {
  const onKey = (event) => {
    if (!isActKey(event)) return;
    event.preventDefault();
    run(event);
  };
  addEventListener("keydown", onKey);
  return () => removeEventListener("keydown", onKey);
}
// Where no page has a thing for `x`, a word can be taken down.
addEventListener("keydown", (event) => isActKey(event) && setTimeout(() => event.defaultPrevented || actMenu()));
// A row of eoc.incident_now as a thing.
export const incidentThing = (incident) => ({ what: "incident", id: incident.incident_id, incident_id: incident.incident_id, state: incident.state, places: incident.places, place: incident.place,
  hazard: incident.hazard, status: incident.status, name: incident.name, since: incident.began_at });
