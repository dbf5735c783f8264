// supply - requests for resources and what suppliers have promised of them: every legal next message of EDXL-RM, by rows.
import * as api from "./api.js";
import { all, dots, lang, say, time, who, word } from "./words.js";
import { kindName } from "./called.js";
import { codes, deed, formOf, frame, kindField, may, movesOf, toField } from "./envelope.js";
import { ask } from "./form.js";

const reasons = ["NO_STOCK", "ALREADY_COMMITTED", "ROAD_CLOSED", "NO_FUEL", "NO_AUTHORITY", "COST", "TOO_LATE", "OTHER"];

const agency = () => api.me.sender.split(".")[0];
const contact = (role) => [{ role, name: api.me.person, agency: agency() }];
const asking = (more) => ({ contacts: contact("Requester"), ...more });
const recall = (id) => ({ recalled_id: id, type: "RECALL_TYPE_CANCEL" });
// "2.5" is 25 of scale 1.
export function quantity(text, unit) {
  const [whole, part = ""] = String(text).split(".");
  return { value: Number(whole + part), scale: part.length || null, unit };
}
// A moment of a line, and where that is.
const schedule = (type, time, location) => (time ? [{ type: "SCHEDULE_TYPE_" + type, time_us: time, location }] : null);

// --- a request for an incident ---

export async function request(thing, choices) {
  let kind = "", to = null, timer = null;
  const toWhom = await toField(thing.places, { kind: () => kind || "-", bind: (bound) => (to = bound) });
  // Who could supply that is proposed anew, unless somebody was chosen.
  async function propose() {
    const of = kind, found = await toWhom.find("").catch(() => []);
    if (of === kind) to?.offer(found.slice(0, 1)); // else something else is asked for by now
  }
  const changed = (value) => {
    kind = value ?? "";
    clearTimeout(timer);
    timer = setTimeout(propose, 300);
  };
  ask(formOf("request", thing, { fields: [
    kindField(choices, { changed }),
    { name: "amount", type: "number", required: true, value: "1", path: "quantity" },
    { name: "unit", half: true, options: ["H87", "KGM", "TNE", "LTR", "hour", "person"] },
    { name: "priority", options: all },
    { name: "where", most: 200, path: "place_name" },
    { name: "needed", label: say("form.time_requested_arrival"), type: "time", path: "schedules" },
    { name: "use", most: 500, path: "function" },
    { ...toWhom, required: toWhom.value.length > 0 },
  ], make: (v) => {
    const base = frame(thing, v.where);
    return [{ ...base, to: v.to, lane: "LANE_" + v.priority, request_resource: asking({ lines: [{
      line_id: 1, resource: { kind: v.kind }, assignment: { quantity: quantity(v.amount, v.unit), function: v.use }, schedules: schedule("REQUESTED_ARRIVAL", v.needed, base.area),
    }] }) }];
  } }));
}

// --- what can be said of a line ---

export const linesOf = async (id, line) => (await api.view("line", { id, line, lang })).lines;

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
  const no = one.answer === "DECLINE", why = no ? { reason: v.reason && "DECLINE_REASON_" + v.reason, text: v.text } : null;
  return {
    contacts: contact(one.side === "ours" ? "Requester" : "RespondingOrg"), description: no ? null : v.text, funding: v.funding && [{ text: v.funding }],
    recall: one.recall && recall(part.message_id),
    lines: [{
      line_id: line.line_id, response: one.answer && { type: "RESPONSE_TYPE_" + one.answer, ...why },
      resource: no ? null : { kind: line.kind, resource_id: v.item, status: one.ready && { readiness: "READINESS_" + one.ready } },
      assignment: v.amount && { quantity: quantity(v.amount, part?.unit ?? line.unit) }, schedules: schedule(one.time, v.time, { pcodes: codes(line.places) }),
    }],
  };
}

const aboutLine = (line, supplier) => ({ ...line, id: line.thread, line_id: dots(line.line_id, supplier), detail: dots(kindName(line), supplier && who(supplier)) });
// What is asked with it; the last one always.
function fieldsOf(line, part, one) {
  const left = part?.quantity ?? line.open ?? line.wanted, unit = word("unit", part?.unit ?? line.unit);
  return [
    one.amount && { name: "amount", label: `${say("form.amount")}, ${unit}`, type: "number", required: !one.ready, value: left ? String(Number(left)) : "", path: "quantity" },
    one.time && { name: "time", label: say("form.time_" + one.time.toLowerCase()), type: "time", past: one.past, required: one.past || one.must,
      value: one.past ? time(Date.now()) : one.must ? "+2" : "", path: "schedules" },
    one.item && { name: "item", most: 64, path: "resource_id" },
    one.funding && { name: "funding", required: true },
    one.answer === "DECLINE" && { name: "reason", options: reasons },
    { name: "text", most: 500 },
  ];
}
function sayOf(line, part, one) {
  const thing = aboutLine(line, part?.supplier);
  ask(formOf(one.name, thing, { fields: fieldsOf(line, part, one), make: (v) => [{
    ...frame(thing), kind: one.recall && "KIND_CANCEL", originating_id: line.thread, preceding_id: part?.message_id ?? line.message_id, [one.type]: answer(line, part, one, v),
  }] }));
}

function cancel(line) {
  const thing = aboutLine(line);
  ask(formOf("cancel_request", thing, { fields: [{ name: "text", label: say("form.reason"), most: 500, path: "description" }], make: (v) => [{
    ...frame(thing), kind: "KIND_CANCEL", originating_id: line.thread, request_resource: asking({
      recall: recall(line.message_id), description: v.text,
      lines: [{ line_id: line.line_id, resource: { kind: line.kind }, assignment: { quantity: quantity(line.wanted ?? 0, line.unit) } }],
    }),
  }] }));
}

// Actions of one line: what our side may answer to the request itself, then of each supplier's part.
export function lineActions(line) {
  const ours = !line.asked_by || line.asked_by === agency(), acts = [], own = api.me.sender.split(".").slice(0, 2).join(".");
  const put = (one, part) => {
    if (!may(one.type, line.places)) return;
    const of = part ? `${who(part.supplier)}: ${word("state", part.state)}` : line.state !== "OFFERED" && kindName(line);
    acts.push({ ...deed(one.key, one.name, one.type, line, () => sayOf(line, part, one)), label: dots(say("act." + one.name), of) });
  };
  const open = line.state === "OPEN" || line.state === "PARTLY", mine = line.parts.some((part) => part.phase !== "over" && part.supplier === own);
  if (open && !mine) for (const name of ["commit", "respond", "decline"]) put(says.find((one) => one.name === name));
  for (const part of line.parts) {
    const legal = movesOf("line", part.state), sides = { any: true, ours, mine: part.agency === agency() };
    for (const one of says) if (legal[one.event] && sides[one.side]) put(one, part);
  }
  if (line.message_id && ours && movesOf("request", line.state).CANCEL && may("request_resource", line.places))
    acts.push(deed("x", "cancel_request", "request_resource", line, () => cancel(line)));
  return acts;
}
