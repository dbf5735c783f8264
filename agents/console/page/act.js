// act - what a dispatcher can do about a thing, here and now. A thing is a row of eoc.queue, or what looks like one: {what, id,
// incident_id, state, places, hazard, status, detail, by}.
import { button, el, isPageKey, keyOf, refill } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { dots, say, word } from "./words.js";
import { asked, called, codes, deed, formOf, frame, may, movesOf, receipt, terms, titleOf, toField } from "./envelope.js";
import { ask, menu } from "./form.js";
import { kindName, whyUndecided } from "./called.js";
import { saidBox, speak } from "./said.js";
import { part } from "./parts.js";
import { go, toast, tried } from "./way.js";
import { lineActions, linesOf, request } from "./supply.js";

// Orders come when somebody gives one, not with the first page of a night.
const orderForm = async (thing) => (await part("./orders.js")).orderForm(thing);

const choices = (thing) => api.view("choices", { places: thing.places, status: api.me.status.toUpperCase(), lang: words.lang });
const reason = { name: "reason", most: 1000 }, needed = { ...reason, required: true };
const certainty = { name: "certainty", options: words.all };
const text = { name: "text", type: "area" };
const hazardField = (thing) => ({ name: "hazard", label: say("col.hazard"), value: thing.hazard, options: words.all });
const onePlace = (...parts) => parts.filter(Boolean).join(", ");

// --- incidents ---

const transition = (thing, event, to, more) => ({
  ...frame({ ...thing, incident_id: thing.id }),
  incident_transition: {
    incident_id: thing.id, event: "INCIDENT_EVENT_" + event, from_state: "INCIDENT_STATE_" + thing.state, to_state: "INCIDENT_STATE_" + to,
    decided_by: api.me.person, ...more,
  },
});
// Moves of an incident, and what is asked with each; the others take a reason if there is one.
const events = {
  verify: ["OPENED"],
  confirm: ["CONFIRMED", { ...certainty, options: ["OBSERVED", "LIKELY"] }, reason],
  recover: ["ASSESSED"],
  resume: ["HAZARD_RESUMED"],
  stabilise: ["HAZARD_OVER", { name: "agreed_by", required: true, most: 200 }, reason],
  false_alarm: ["JUDGED_FALSE", needed],
  close: ["CLOSED"],
  reopen: ["REOPENED", needed],
};
const moving = (name) => (thing) => {
  const [event, ...fields] = events[name], to = movesOf("incident", thing.state)[event];
  ask(formOf(name, thing, {
    note: `${word("state", thing.state)} → ${word("state", to)}`, fields: fields.length ? fields : [reason],
    make: (v) => [transition(thing, event, to, { ...v, ...terms({ certainty: v.certainty }) })],
  }));
};

const incidentText = (one) => dots(one.name || one.incident_id.slice(0, 8), one.place, word("state", one.state), say("act.reports", { n: one.reports }), words.age(one.began_at));
// One of the incidents that go on there; where there is none the form says so.
const intoOne = (list, path, value) => (list.length
  ? { fields: [{ name: "into", type: "radio", required: true, value, options: list.map((one) => [one.incident_id, incidentText(one)]), path }, reason] }
  : { fields: [reason], note: say("act.no_incident") });

async function merge(thing) {
  const others = (await choices(thing)).incidents.filter((one) => one.incident_id !== thing.id);
  ask(formOf("merge", thing, { ...intoOne(others, "merged_into"), make: (v) => [transition(thing, "MERGED", "MERGED", { merged_into: v.into, reason: v.reason })] }));
}
async function requestFor(thing) {
  return request(thing, await choices(thing).catch(() => (toast(say("trouble.store_away"), "bad"), { kinds: [], others: [] })));
}

// --- words to people ---

function note(thing) {
  ask(formOf("note", thing, { fields: [{ ...text, required: true }], make: (v) => [{
    ...frame(thing), activity_log_entry: { position: api.me.person, text: v.text, about_ids: [thing.id].filter((id) => id && id !== thing.incident_id) },
  }] }));
}

async function message(thing) {
  ask(formOf("message", thing, { fields: [
    await toField(thing.places, { wanted: (thing.by ?? "").split(", ")[0] }),
    { name: "subject", required: true, most: 200, value: onePlace(called(thing), thing.place) },
    { ...text, required: true, most: 4000 },
    { name: "lane", label: say("form.priority"), value: "ROUTINE", options: ["IMMEDIATE", "PRIORITY", "ROUTINE"].map((lane, i) => [lane, say("precedence." + (i + 2))]) },
    { name: "reply_by", type: "time" },
  ], make: (v) => [{
    ...frame(thing), to: v.to, lane: "LANE_" + v.lane, kind: v.reply_by && "KIND_REQUEST",
    general_message: { from_role: api.me.person, subject: v.subject, text: v.text, reply_by_us: v.reply_by },
  }] }));
}
// Where nobody is named, to whoever is on duty.
const messageDuty = (thing) => message({ ...thing, by: thing.by || (thing.places && "duty@" + thing.places.slice(0, 7)) });

async function escalate(thing) {
  ask(formOf("escalate", thing, { fields: [
    await toField(thing.places), { name: "channel", options: words.all }, { name: "answer_by", type: "time", required: true, value: "+0:05", path: "deadline_us" },
  ], make: (v) => [{
    ...frame(thing), to: v.to, preceding_id: thing.id, escalation_event: {
      alert_id: thing.id, step: 1, target_role: v.to[0], ...terms({ channel: v.channel }), deadline_us: v.answer_by, outcome: "ESCALATION_OUTCOME_STARTED",
    },
  }] }));
}

// What somebody says by telephone or radio is a flash report as a district writes it, and stands in the queue like one.
const placesOf = ({ places, place }) => codes(places).slice(0, 1).map((code) => ({ value: code, label: [place, code].filter(Boolean).join(" ") }));
const counts = ["deaths", "injured", "missing", "houses", "to_evacuate"];
function takeDown(thing) {
  const of = thing.what === "incident" ? thing : {};
  const about = of.id ? {} : { title: say("act.take_down"), about: null };
  ask(formOf("take_down", of, { ...about, fields: [
    { name: "place", label: say("col.place"), type: "place", required: true, value: placesOf(of), path: "pcodes" },
    { name: "village", label: say("form.where"), most: 80 },
    hazardField(of),
    { name: "reporter", value: "RESIDENT", options: words.all },
    { name: "confidence", label: say("form.certainty"), value: "SOME", options: words.all },
    { ...text, most: 240 },
    ...counts.map((name) => ({ name, type: "number" })),
  ], make: ({ place, village, hazard, reporter, confidence, text, ...counted }) => [{
    ...frame({ places: place, incident_id: of.id }), flags: 6, flash_report: {
      village, text, ...terms({ hazard, confidence, reporter_role: reporter }), ...Object.fromEntries(counts.map((name) => [name, counted[name] && Math.round(counted[name])])),
    },
  }] }));
}

// --- reports that belong to no incident yet ---

const opened = (thing, id, { name, text, hazard, severity = "UNKNOWN", urgency = "UNKNOWN", certainty }) => ({
  ...frame({ ...thing, incident_id: id }), kind: "KIND_REPORT", event_time_us: thing.since,
  incident: { incident_id: id, name, text, ...terms({ hazard, severity, urgency, certainty }), cause_ids: [thing.id] },
});
const nameOf = (thing) => onePlace(thing.place || thing.places, word("hazard", thing.hazard), words.time(thing.since));

function declare(thing) {
  const id = api.newId();
  ask(formOf("declare", thing, { about: [thing.id, id], fields: [
    { name: "name", label: say("col.name"), required: true, most: 200, value: nameOf(thing) },
    hazardField(thing),
    { name: "severity", value: "SEVERE", options: words.all },
    { name: "urgency", options: words.all },
    { ...certainty, value: "LIKELY" },
    { ...text, most: 4000 },
  ], make: (v) => [opened(thing, id, v)] }));
}
// One more report of an incident that goes on; of one that calmed down it is a second surge.
async function belongs(thing) {
  const eventOf = (one) => ["REPORTED", "HAZARD_RESUMED"].find((event) => movesOf("incident", one.state)[event]);
  const fit = (await choices(thing)).incidents.filter(eventOf);
  ask(formOf("belongs", thing, { ...intoOne(fit, "incident_id", thing.incident_id), make: (v) => {
    const one = fit.find((some) => some.incident_id === v.into), event = eventOf(one);
    const grown = { ...one, id: one.incident_id, places: thing.places || one.places };
    return [transition(grown, event, movesOf("incident", one.state)[event], { evidence_ids: [thing.id], reason: v.reason })];
  } }));
}
// Judged false is the incident that the report would have been.
function falseReport(thing) {
  const id = api.newId();
  ask(formOf("false_alarm", thing, { fields: [needed, hazardField(thing)], make: (v) => [
    opened(thing, id, { hazard: v.hazard, name: nameOf(thing), certainty: "UNLIKELY" }),
    transition({ ...thing, id, state: "REPORTED" }, "JUDGED_FALSE", "FALSE_ALARM", { reason: v.reason, evidence_ids: [thing.id] }),
  ] }));
}

// --- the others ---

function reject(thing) {
  ask(formOf("reject", thing, {
    fields: [{ name: "code", label: say("form.reason"), words: "reject", options: ["not_mine", "no_authority", "road_closed", "clock_unknown"] }, { name: "text", most: 500 }],
    make: (v) => [{ ...frame(thing), ...receipt(thing.id, "REJECTED", v) }],
  }));
}

const decision = (thing, name, ruling, required) => formOf(name, thing, {
  note: thing.what === "undecided" ? whyUndecided(thing) : "", fields: [{ ...reason, name: "text", label: say("form.reason"), required }],
  make: (v) => [{
    ...frame(thing), label: "LABEL_" + (thing.label ?? "RESTRICTED"), preceding_id: thing.id,
    decision: { message_id: thing.id, seq: String(thing.seq), ruling: "RULING_" + ruling, decided_by: api.me.person, text: v.text },
  }],
});
// Of a report it needs a reason; what was played needs none: one key, and no question.
function dismiss(thing) {
  const form = decision(thing, "dismiss", "DISMISSED", thing.what !== "undecided");
  if (thing.what === "undecided" || thing.status !== "EXERCISE") return ask(form);
  speak({ title: form.title, about: form.about }, form.make({})).catch(() => {}); // what is refused stands near the thing (said.js)
}

// One line needs no question which.
async function lines(thing, name) {
  const all = (await linesOf(thing.id)).flatMap(lineActions), fit = all.filter((action) => action.name === name);
  if (fit.length === 1) fit[0].run();
  else menu(titleOf(name ?? "more", thing), fit.length ? fit : all);
}

// --- what is offered ---

// Each with its letter, what the bus calls such a message, and how it is asked for.
const deeds = {
  verify: ["o", "incident_transition", moving("verify")],
  confirm: ["c", "incident_transition", moving("confirm")],
  recover: ["b", "incident_transition", moving("recover")],
  resume: ["u", "incident_transition", moving("resume")],
  stabilise: ["h", "incident_transition", moving("stabilise")],
  false_alarm: ["f", "incident_transition", (thing) => (thing.what === "incident" ? moving("false_alarm") : falseReport)(thing)],
  close: ["z", "incident_transition", moving("close")],
  reopen: ["y", "incident_transition", moving("reopen")],
  merge: ["g", "incident_transition", merge],
  request: ["r", "request_resource", requestFor],
  note: ["n", "activity_log_entry", note],
  message: ["m", "general_message", message],
  warn: ["w", "public_alert", (thing) => go(`/warn?incident=${thing.id}`)],
  order: ["k", "siren_command", (thing) => orderForm(thing.what === "machine" ? { machine: thing.id, places: thing.places } : thing)],
  escalate: ["e", "escalation_event", escalate],
  belongs: ["b", "incident_transition", belongs],
  declare: ["i", "incident", declare],
  dismiss: ["d", "decision", dismiss],
  reject: ["d", "receipt", reject],
  apply: ["y", "decision", (thing) => ask(decision(thing, "apply", "APPLIED"))],
  commit: ["c", "commit_resource", (thing) => lines(thing, "commit")],
  decline: ["d", "response_to_request_resource", (thing) => lines(thing, "decline")],
  more: ["l", "request_information", (thing) => lines(thing)],
  read_order: ["w", "receipt", (thing) => go(`/order/${thing.id}`)],
  approve: ["w", "public_alert", (thing) => go(`/warn/${thing.id}`)],
  take_down: ["t", "flash_report", takeDown],
};

// What leads on stands first, what ends or undoes last.
function ofIncident(thing) {
  const legal = movesOf("incident", thing.state), moves = (...names) => names.filter((name) => legal[events[name][0]]);
  return [
    ...moves("verify", "confirm", "recover"), legal.RESPONSE_STARTED && "request", "note", "message", "warn", "order", "escalate",
    legal.MERGED && "merge", ...moves("resume", "stabilise", "false_alarm", "close", "reopen"),
  ];
}
const ofReport = (thing) => [...(thing.incident_id ? ["belongs", "declare"] : ["declare", "belongs"]), "false_alarm", "dismiss"];
const offered = {
  incident: ofIncident,
  report: ofReport,
  alert: (thing) => [...(thing.hazard && !thing.incident_id ? ofReport(thing) : []), "message", "reject", "escalate"],
  undecided: () => ["apply", "dismiss", "message"],
  request: () => ["commit", "decline", "more", "message"],
  late: (thing) => [thing.id && "more", "message"],
  order: () => ["read_order"],
  draft: () => ["approve"],
  message: () => ["message"],
  offer: () => ["message"],
  silence: () => ["message"],
  machine: () => ["order", "message"],
};
const toDuty = { silence: messageDuty, machine: messageDuty };
function act(name, thing) {
  const [key, type, run] = deeds[name];
  return deed(key, name, type, thing, () => (name === "message" ? toDuty[thing.what] ?? run : run)(thing));
}

// [{key, name, label, run}]: the first is what the thing most often needs. `run` opens a form, or goes somewhere.
export function actionsFor(thing) {
  const of = thing?.what === "incident" ? { ...thing, incident_id: thing.id } : thing;
  return (offered[of?.what]?.(of) ?? []).filter(Boolean).map((name) => act(name, of)).filter((action) => may(action.type, action.places));
}
// All lines of a board's row, with their actions.
export const lineMenu = (row) => tried(async () => {
  const found = await linesOf(row.thread, row.line_id);
  menu(`${kindName(row)} · ${row.place ?? words.placeName(row.places)}`, found.flatMap(lineActions));
});
// Of a thing, or of nothing (no row is chosen); a word by telephone is taken down anywhere.
export async function actMenu(thing = {}) {
  await Promise.race([asked, api.pause(1000)]);
  menu(titleOf("title", thing), [...actionsFor(thing), act("take_down", thing)]);
}
// A page has one bar: what the last one drew is drawn again when its rights are known.
let drawBar = () => {};
addEventListener("rights", () => drawBar());
// Buttons for a page about one thing, and what is said about it and not settled yet; `x` opens the same as a menu.
export function actBar(thing) {
  const bar = el("div", { class: "acts", role: "group", "aria-label": say("act.title") });
  const own = (action) => button(action.label, action.run, { id: "act-" + action.name, class: action.key === "c" ? "first" : null });
  const menu = () => button([el("kbd", {}, "x"), " ", say("act.title")], () => actMenu(thing), { id: "act-menu" });
  drawBar = () => refill(bar, actionsFor(thing).map(own), menu());
  drawBar();
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
export const incidentThing = (incident) => ({ ...incident, what: "incident", id: incident.incident_id, since: incident.began_at });
