// orders - orders to machines: what one person writes others read here, each in his language, and approve with a key of his own
// that the password opens; and what became of it.
import { below, button, el, facts, fill, isPageKey, keyOf, link, none } from "./dom.js";
import * as api from "./api.js";
import * as news from "./news.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { chip } from "./board.js";
import { section, table, tableOrNone } from "./table.js";
import { frame, turnDown } from "./envelope.js";
import { ask } from "./form.js";
import { why, whyNodes } from "./called.js";
import { saidBox } from "./said.js";
import { watch } from "./watch.js";
import { toast, tried } from "./way.js";

const families = /siren_command|siren_report|sensor_control|sensor_configuration|receipt/;
const tones = { ACCEPTED: "good", HEARD: "good", SOUNDED: "good", SILENCED: "good", EXPIRED: "warn", REJECTED: "bad", REFUSED: "bad", FAILED: "bad" };
const stateTones = { WAITING: "warn", SAID: "good" }; // the others are bad
const stateOf = (row) => chip(word("order.state", row.state), stateTones[row.state] ?? "bad");

// "SOUND EVACUATE": what it is called, and what it does, in whole sentences.
const keyOfOrder = (what) => String(what ?? "").trim().replaceAll(" ", ".");
export const called = (what) => (words.has("order.do." + keyOfOrder(what).toLowerCase()) ? word("order.do", keyOfOrder(what)) : word("", what));
const whatOf = (row) => (row.type === "sensor_configuration" ? "NUMBERS" : [row.action, row.how].filter(Boolean).join(" "));
const meansOf = (row) => "order.means." + keyOfOrder(whatOf(row)).toLowerCase();
const lasts = ({ duration_s: n }) => (n % 6 ? say("order.for_s", { n }) : say(n ? "order.for" : "order.until_changed", { n: n / 60 }));
// In an exercise a siren tests itself, and does nothing else.
const isExercise = () => api.me.status === "exercise";
const isHeard = (what) => /^SOUND|^SILENCE/.test(what);
// Nobody approves what there are no words for, or what no machine does.
function unmeant(row) {
  if (row.status === "EXERCISE" && isHeard(row.action)) return "order.means.exercise";
  return words.has(meansOf(row)) && (row.action !== "SOUND" || row.duration_s) ? null : "order.means.unclear";
}
const meant = (row) => say(unmeant(row) ?? meansOf(row), { machine: row.machine, for: lasts(row) });
function answered(row) {
  if (!row.answer) return Date.parse(row.not_after) < Date.now() ? chip(say("order.unanswered"), "warn") : say("order.no_answer_yet");
  const code = "order.code." + row.code;
  return [chip(word("order.answer", row.answer), tones[row.answer]), row.code && below(words.has(code) ? say(code) : row.code)];
}
const names = (list) => words.who((list ?? []).join(", "));
const approvals = (draft) => say("order.of", { n: draft.approved_by.length, of: draft.needed });

// --- writing one -----------------------------------------------------------------------------------

// What a page orders.
const siren = (action, more) => (v) => ({ siren_command: { site: v.machine, action: "SIREN_ACTION_" + action, reason: v.reason, ...more?.(v) } });
const sound = (pattern) => siren("SOUND", (v) => ({ pattern: "SIREN_PATTERN_" + pattern, duration_s: Math.round((v.minutes ?? 3) * 60) }));
const control = (action, more) => (v) => ({ sensor_control: { target: v.machine, action: "SENSOR_ACTION_" + action, reason: v.reason, ...more?.(v) } });
const mode = (name) => control("SET_MODE", (v) => ({ mode: "SENSOR_MODE_" + name, duration_s: v.minutes && Math.round(v.minutes * 60) }));
const bodies = {
  "SELF_TEST": siren("SELF_TEST"), "SOUND EVACUATE": sound("EVACUATE"), "SOUND ATTENTION": sound("ATTENTION"), "SOUND ALL_CLEAR": sound("ALL_CLEAR"),
  "SILENCE": siren("SILENCE"), "SET_MODE MAINTENANCE": mode("MAINTENANCE"), "SET_MODE NORMAL": mode("NORMAL"), "SET_MODE EVENT": mode("EVENT"),
  "CLEAR": control("CLEAR"), "RESTART": control("RESTART"),
};

const all = () => api.view("orders", { lang: words.lang, status: api.me.status.toUpperCase() });
// What became of an order is said when the record has it: one that takes nobody else has gone by then.
async function tell([{ message_id: id }]) {
  const { waiting, said } = await all().catch(() => ({ waiting: [], said: [] })), has = (rows) => rows.some((row) => row.message_id === id);
  if (has(waiting)) toast(say("order.given"));
  else if (has(said)) toast(say("order.gone"));
}

function fieldsOf(thing, machines) {
  const isNear = (one) => (thing.places ?? "").split(" ").includes(one.pcode), isFar = (one) => !isNear(one);
  const known = machines.some((one) => one.principal === thing.machine); // else no other stands there in its place
  const ordered = [...machines.filter(isNear), ...machines.filter(isFar)].map((one) => [one.principal, `${words.who(one.principal)} · ${one.principal}`]);
  return [
    { name: "machine", label: say("order.machine"), required: true, value: thing.machine, options: [...(known ? [] : [["", ""]]), ...ordered], path: "target" },
    { name: "what", label: say("order.what"), options: Object.keys(bodies).filter((one) => !isExercise() || !isHeard(one)).map((one) => [one, called(one)]), path: "action" },
    { name: "minutes", label: say("order.minutes"), type: "number", least: 0.1, wrong: "order.minutes_least", hint: say("order.minutes_hint"), path: "duration_s" },
    { name: "waits", label: say("order.waits"), value: "15", half: true, options: ["5", "10", "15"].map((one) => [one, say("order.min", { n: one })]), path: "not_after_us" },
    { name: "reason", required: true, most: 400 },
  ];
}
// thing: {machine, places, incident_id}; each may be missing.
export async function orderForm(thing = {}) {
  const { machines } = await all();
  if (!machines.length) return toast(say("order.no_machine"), "bad");
  ask({ key: `order ${thing.machine ?? thing.incident_id ?? ""}`, title: say("order.write"), button: say("order.give"), note: say("order.note") + (isExercise() ? " " + say("order.means.exercise") : ""), about: [], stored: tell,
    fields: fieldsOf(thing, machines), make: (v) => {
      const now = Date.now(), machine = machines.find((one) => one.principal === v.machine);
      const reason = v.reason.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ""); // an order shows what it is: nothing in it is unseen
      return [{ ...frame({ places: machine.pcode, incident_id: thing.incident_id }), message_id: api.newId(), event_time_us: new Date(now).toISOString(),
        not_after_us: new Date(now + v.waits * 60000).toISOString(), ...bodies[v.what]({ ...v, reason }) }];
    } });
}

// --- all of them -----------------------------------------------------------------------------------

const linked = (id, what) => (id ? link(`/order/${id}`, called(what)) : called(what));
const waitingColumns = [
  ["order.what", (row) => linked(row.message_id, whatOf(row))], ["order.machine", (row) => words.who(row.machine)], ["col.place", "place"], ["order.by", (row) => words.who(row.author)],
  ["form.reason", "reason"], ["order.approved", approvals, "n"], ["col.state", stateOf], ["col.until", "not_after", "t"],
];
const saidColumns = [
  ["col.since", "event_at", "t"], ["order.what", (row) => linked(row.draft_id, row.what)], ["order.machine", "machine"],
  ["order.by", (row) => words.who(row.author ?? row.sender)], ["order.approved_by", (row) => names(row.approved_by)], ["form.reason", "reason"], ["order.became", answered],
];
// A part of the sensors' page; answers what to do on leaving.
export async function ordersBox(place) {
  place.append(el("p", {}, button(say("order.write"), () => tried(orderForm), { class: "first", id: "order-write" })));
  return watch(place, "orders", { status: api.me.status.toUpperCase() }, (answer) => [
    tableOrNone(say("order.waiting"), waitingColumns, answer.waiting), tableOrNone(say("order.newest"), saidColumns, answer.said),
  ], families);
}

// --- one -------------------------------------------------------------------------------------------

// Made once: what is typed there stays while the page is drawn anew.
function approval(said) {
  const password = el("input", { id: "own-password", type: "password", autocomplete: "current-password", required: true, maxlength: "200" });
  const trouble = el("div", { class: "trouble", role: "alert" });
  let shown = null, busy = false;
  function whyNot(failed) {
    const key = ["order.no.", "trouble."].map((group) => group + failed.word).find(words.has);
    return key ? say(key, { n: failed.wait }) : why(failed);
  }
  async function submit(event) {
    event.preventDefault();
    if (busy || !password.value) return password.focus();
    busy = true;
    fill(trouble, say("said.saying"));
    try {
      said((await api.approveOrder(shown.message_id, shown.seq, api.newId(), password.value)).message_id);
      fill(trouble);
      toast(say("order.signed"));
    } catch (failed) {
      fill(trouble, whyNot(failed));
      password.focus();
    }
    busy = false;
    password.value = "";
  }
  const form = el("form", { class: "approval", onsubmit: submit },
    el("label", { for: "own-password" }, say("order.password")), password, el("button", { class: "first" }, say("order.approve")), trouble);
  return { form, password, of: (draft) => { shown = draft; return form; } };
}

const numberColumns = [
  ["order.number", "name"], ["col.value", (row) => String(Number((row.value ?? 0) + "e" + (row.exponent ?? 0))), "n"],
  ["order.unit", (row) => String(row.unit ?? "").replace("UNIT_", "").toLowerCase()],
];
const numbersTable = (numbers) => table(numbers.profile + " " + numbers.profile_version, numberColumns, numbers.parameters ?? []);

const incidentOf = ({ incident_id: id, name }) => [link("/incident/" + id, name || id.slice(0, 8)), " "];
// What a machine refused counts as refused, though it was given.
const factsOf = (draft, said) => [
  ["col.state", tones[said?.answer] === "bad" ? chip(word("order.answer", said.answer), "bad") : stateOf(draft)], ["order.what", called(whatOf(draft))], ["order.machine", draft.machine], ["col.place", draft.place ?? ""],
  ["col.status", word("status", draft.status)], ["order.by", words.who(draft.author)], ["form.reason", draft.reason], ["col.since", words.time(draft.since)],
  draft.incidents && ["col.incident", draft.incidents.map(incidentOf)], ["order.waits_until", words.time(draft.not_after)], ["order.approved", [approvals(draft), names(draft.approved_by)].filter(Boolean).join(": ")],
  draft.how === "VOICE" && ["order.recording", String(draft.recording ?? 0)],
  draft.span_to && ["order.span", words.time(draft.span_from) + " – " + words.time(draft.span_to)],
  draft.effective && ["order.effective", words.time(draft.effective)],
].filter(Boolean).map(([key, value]) => [say(key), value]);

// Why this person does not approve it, if so.
function whyNot(draft) {
  if (draft.author === api.me.person) return "order.own";
  // Enough of them and not said: one is not true, and it may be the one in this name.
  if (draft.approved_by.includes(api.me.person) && draft.approved_by.length < draft.needed) return "order.signed_already";
  return draft.may ? unmeant(draft) : "order.no.rights";
}
function acts(draft, sign) {
  if (draft.state !== "WAITING") return null;
  const own = draft.author === api.me.person, no = own ? "take_back" : "turn_down", not = whyNot(draft);
  const answer = () => turnDown(draft.message_id, draft.places, { name: no, title: say("order." + no), label: say("form.reason") });
  return [el("div", { class: "move" }, not ? el("p", {}, say(not, draft)) : sign.of(draft),
    (own || draft.may) && button(say("order." + no), answer, { id: "do-" + no.replaceAll("_", "-") })), saidBox(draft.message_id)];
}

export async function orderPage(main, id) {
  const refused = el("div", { class: "trouble", role: "alert" }), mine = new Set(), sign = approval((of) => mine.add(of));
  const onKey = (event) => {
    if (!isPageKey(event) || keyOf(event) !== "a" || !sign.form.isConnected) return;
    event.preventDefault();
    sign.password.focus();
  };
  addEventListener("keydown", onKey);
  main.append(refused);
  // Nobody tells the page that its time is over.
  let timer = null;
  const isOver = () => sign.form.replaceWith(el("p", { role: "status" }, say("order.over")));
  function awaitEnd(draft) {
    clearTimeout(timer);
    if (draft.state === "WAITING") timer = setTimeout(isOver, Math.max(0, Date.parse(draft.not_after) - Date.now()));
  }
  const ends = [
    () => removeEventListener("keydown", onKey), () => clearTimeout(timer),
    news.on("settled", (settled) => mine.has(settled.message_id) && fill(refused, settled.stored ? "" : whyNodes(settled))),
    await watch(main, "order", { draft: id }, ({ draft, said }) => {
      if (!draft) return none(say("order.unknown"));
      awaitEnd(draft);
      return [el("p", { class: "means", id: "means" }, meant(draft)), el("section", { class: "facts" }, facts(factsOf(draft, said))),
        draft.numbers && numbersTable(draft.numbers),
        draft.state === "TURNED_DOWN" && el("p", {}, say("order.turned_by", { who: draft.answered_by, why: draft.why ?? "" })),
        draft.state === "OVER" && el("p", {}, say("order.over")), draft.state === "REFUSED" && el("p", { id: "refused" }, whyNodes({ code: draft.code, text: draft.why })),
        said && section(say("order.became"), el("p", { id: "became" }, answered(said))), acts(draft, sign)];
    }, families),
  ];
  return () => ends.forEach((end) => end());
}
