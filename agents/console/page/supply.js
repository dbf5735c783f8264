// supply - requests for resources and what suppliers have promised of them: every legal next message of EDXL-RM, by rows.
import * as api from "./api.js";
import * as words from "./words.js";
import { say, time, word } from "./words.js";
import { kindName } from "./called.js";
import { ask } from "./form.js";

const units = ["H87", "KGM", "TNE", "LTR", "hour", "person"];
const reasons = ["NO_STOCK", "ALREADY_COMMITTED", "ROAD_CLOSED", "NO_FUEL", "NO_AUTHORITY", "COST", "TOO_LATE", "OTHER"];

const agency = () => api.me.sender.split(".")[0];
const contact = (role) => [{ role, name: api.me.person, agency: agency() }];
// "2.5" is 25 of scale 1.
export function quantity(text, unit) {
  const [whole, part = ""] = String(text).split(".");
  return { value: Number(whole + part), ...(part ? { scale: part.length } : {}), ...(unit ? { unit } : {}) };
}

// --- a request for an incident --------------------------------------------------------------------------------------------

export async function request(thing, formOf, frame, choices, { kindField, toField }) {
  let kind = "", to = null, timer = null;
  const toWhom = await toField(thing.places, { kind: () => kind || "-", bind: (bound) => (to = bound) });
  // Who could supply that is proposed anew, unless somebody was chosen.
  const changed = (value) => {
    kind = value ?? "";
    clearTimeout(timer);
    timer = setTimeout(async () => to?.offer((await toWhom.find("")).slice(0, 1)), 300);
  };
  ask(formOf("request", thing, { fields: [
    kindField(choices, { changed }),
    { name: "amount", label: say("form.amount"), type: "number", required: true, value: "1", path: "quantity" },
    { name: "unit", label: say("form.unit"), type: "choice", half: true, value: "H87", options: units.map((unit) => [unit, word("unit", unit)]) },
    { name: "priority", label: say("form.priority"), type: "choice", value: "IMMEDIATE", options: ["IMMEDIATE", "ROUTINE", "BULK"].map((lane) => [lane, say("priority." + lane.toLowerCase())]) },
    { name: "place", label: say("form.where"), most: 200, path: "place_name" },
    { name: "needed", label: say("form.time_requested_arrival"), type: "time", path: "schedules" },
    { name: "use", label: say("form.use"), most: 500, path: "function" },
    { ...toWhom, required: toWhom.value.length > 0 },
  ], make: (v) => {
    const base = frame(thing), at = { ...base.area, ...(v.place ? { place_name: v.place } : {}) };
    return [{ ...base, area: at, ...(v.to ? { to: v.to } : {}), lane: "LANE_" + v.priority, request_resource: { contacts: contact("Requester"), lines: [{ line_id: 1, resource: { kind: v.kind },
      assignment: { quantity: quantity(v.amount, v.unit), ...(v.use ? { function: v.use } : {}) },
      ...(v.needed ? { schedules: [{ type: "SCHEDULE_TYPE_REQUESTED_ARRIVAL", time_us: v.needed, location: at }] } : {}) }] } }];
  } }));
}

// --- what can be said of a line ---------------------------------------------------------------------------------------------

export const linesOf = async (id, line) => (await api.view("line", { id, line, lang: words.lang })).lines;

// event -> key, words, message, whose part it is to say, answer, time that it says (and whether that is past), what is asked.
// `mine`: said by the supplier; `ours`: by the agency that asked; `any`: a fact that either side may report.
const says = [
  { event: "REQUISITION", key: "q", name: "requisition", type: "requisition_resource", side: "ours", time: "REQUESTED_ARRIVAL", amount: true, funding: true },
  { event: "COMMIT", key: "c", name: "commit", type: "commit_resource", side: "mine", answer: "ACCEPT", time: "ESTIMATED_ARRIVAL", amount: true, item: true, must: true },
  { event: "RESPOND", key: "v", name: "respond", type: "response_to_request_resource", side: "mine", answer: "ACCEPT", time: "ESTIMATED_ARRIVAL", amount: true },
  { event: "RESPOND_DECLINE", key: "d", name: "decline", type: "response_to_request_resource", side: "mine", answer: "DECLINE" },
  { event: "COMMIT_DECLINE", key: "d", name: "decline", type: "commit_resource", side: "mine", answer: "DECLINE" },
  { event: "DEPART", key: "t", name: "departed", type: "report_resource_deployment_status", side: "any", time: "ACTUAL_DEPARTURE", past: true, amount: true, ready: "EN_ROUTE" },
  { event: "ARRIVE", key: "i", name: "arrived", type: "report_resource_deployment_status", side: "any", time: "ACTUAL_ARRIVAL", past: true, amount: true, ready: "ON_SCENE" },
  { event: "RELEASE", key: "l", name: "release", type: "release_resource", side: "ours", amount: true },
  { event: "EXTEND", key: "e", name: "extend", type: "request_extended_deployment_duration", side: "ours", time: "ESTIMATED_RETURN_DEPARTURE", must: true },
  { event: "EXTEND_ACCEPT", key: "y", name: "extend_accept", type: "response_to_request_extended_deployment_duration", side: "mine", answer: "ACCEPT" },
  { event: "EXTEND_DECLINE", key: "n", name: "extend_decline", type: "response_to_request_extended_deployment_duration", side: "mine", answer: "DECLINE" },
  { event: "ASK_RETURN", key: "k", name: "ask_return", type: "request_return", side: "mine" },
  { event: "RETURN_ACCEPT", key: "y", name: "return_accept", type: "response_to_request_return", side: "ours", answer: "ACCEPT" },
  { event: "RETURN_DECLINE", key: "n", name: "return_decline", type: "response_to_request_return", side: "ours", answer: "DECLINE" },
  { event: "RETURN_DEPART", key: "u", name: "left", type: "report_resource_deployment_status", side: "any", time: "ACTUAL_RETURN_DEPARTURE", past: true, ready: "RETURNING" },
  { event: "RETURN_ARRIVE", key: "h", name: "home", type: "report_resource_deployment_status", side: "any", time: "ACTUAL_RETURN_ARRIVAL", past: true, ready: "AVAILABLE" },
  { event: "WITHDRAW", key: "w", name: "withdraw", type: "commit_resource", side: "mine", answer: "DECLINE", recall: true },
  { event: "ASK_STATUS", key: "s", name: "ask_status", type: "request_resource_deployment_status", side: "any" },
];

// What is said of a line, or of one supplier's part of it, as an envelope.
function answer(line, part, one, v) {
  const no = one.answer === "DECLINE", schedule = v.time && { type: "SCHEDULE_TYPE_" + one.time, time_us: v.time, location: { pcodes: line.places.split(" ").slice(0, 8) } };
  const resource = { kind: line.kind, ...(v.item ? { resource_id: v.item } : {}), ...(one.ready ? { status: { readiness: "READINESS_" + one.ready } } : {}) };
  return { contacts: contact(one.side === "ours" ? "Requester" : "RespondingOrg"), ...(v.text && !no ? { description: v.text } : {}), ...(v.funding ? { funding: [{ text: v.funding }] } : {}),
    ...(one.recall ? { recall: { recalled_id: part.message_id, type: "RECALL_TYPE_CANCEL" } } : {}), lines: [{ line_id: line.line_id,
      ...(one.answer ? { response: { type: "RESPONSE_TYPE_" + one.answer, ...(no && v.reason ? { reason: "DECLINE_REASON_" + v.reason } : {}), ...(no && v.text ? { text: v.text } : {}) } } : {}),
      ...(no ? {} : { resource }), ...(v.amount ? { assignment: { quantity: quantity(v.amount, part?.unit ?? line.unit) } } : {}), ...(schedule ? { schedules: [schedule] } : {}) }] };
}

function sayOf(line, part, one, tools) {
  const thing = { id: line.thread, line_id: `${line.line_id} ${part?.supplier ?? ""}`, incident_id: line.incident_id, places: line.places, place: line.place,
    detail: [kindName(line), part?.supplier].filter(Boolean).join(" · ") };
  const left = part?.quantity ?? line.open ?? line.wanted, before = part?.message_id ?? line.message_id;
  ask(tools.formOf(one.name, thing, { fields: [
    one.amount ? { name: "amount", label: `${say("form.amount")}, ${word("unit", part?.unit ?? line.unit)}`, type: "number", required: one.type !== "report_resource_deployment_status", value: left ? String(Number(left)) : "", path: "quantity" } : null,
    one.time ? { name: "time", label: say("form.time_" + one.time.toLowerCase()), type: "time", past: one.past, required: one.past || one.must, value: one.past ? time(Date.now()) : one.must ? "+2" : "", path: "schedules" } : null,
    one.item ? { name: "item", label: say("form.item"), most: 64, path: "resource_id" } : null,
    one.funding ? { name: "funding", label: say("form.funding"), required: true, path: "funding" } : null,
    one.answer === "DECLINE" ? { name: "reason", label: say("form.reason"), type: "choice", value: "NO_STOCK", options: reasons.map((reason) => [reason, word("reason", reason)]), path: "reason" } : null,
    { name: "text", label: say("form.text"), most: 500, path: "text" },
  ], make: (v) => [{ ...tools.frame(thing), ...(one.recall ? { kind: "KIND_CANCEL" } : {}), originating_id: line.thread, ...(before ? { preceding_id: before } : {}), [one.type]: answer(line, part, one, v) }] }));
}

function cancel(line, tools) {
  const thing = { id: line.thread, line_id: line.line_id, incident_id: line.incident_id, places: line.places, detail: kindName(line) };
  ask(tools.formOf("cancel_request", thing, { fields: [{ name: "text", label: say("form.reason"), most: 500, path: "description" }],
    make: (v) => [{ ...tools.frame(thing), kind: "KIND_CANCEL", originating_id: line.thread, request_resource: { contacts: contact("Requester"), recall: { recalled_id: line.message_id, type: "RECALL_TYPE_CANCEL" }, ...(v.text ? { description: v.text } : {}),
      lines: [{ line_id: line.line_id, resource: { kind: line.kind }, assignment: { quantity: quantity(line.wanted ?? 0, line.unit) } }] } }] }));
}

// Actions of one line: what our side may answer to the request itself, then of each supplier's part.
export function lineActions(line, tools) {
  const ours = !line.asked_by || line.asked_by === agency(), acts = [];
  const put = (one, part) => {
    if (!tools.may(one.type, line.places)) return;
    acts.push({ ...tools.act(one.key, one.name, one.type, line, () => sayOf(line, part, one, tools)),
      label: [say("act." + one.name), part ? `${part.supplier}: ${word("state", part.state)}` : line.state === "OFFERED" ? "" : kindName(line)].filter(Boolean).join(" · ") });
  };
  const open = line.state === "OPEN" || line.state === "PARTLY", mine = line.parts.some((part) => part.phase !== "over" && part.supplier === api.me.sender.split(".").slice(0, 2).join("."));
  if (open && !mine) for (const name of ["commit", "respond", "decline"]) put(says.find((one) => one.name === name));
  for (const part of line.parts) {
    const legal = tools.movesOf("line", part.state);
    for (const one of says)
      if (legal[one.event] && (one.side === "any" || (one.side === "ours" ? ours : part.agency === agency()))) put(one, part);
  }
  if (line.message_id && ours && tools.movesOf("request", line.state).CANCEL && tools.may("request_resource", line.places))
    acts.push(tools.act("x", "cancel_request", "request_resource", line, () => cancel(line, tools)));
  return acts;
}
