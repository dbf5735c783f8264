// orders - orders to machines: what one person writes others read here, each in his language, and approve with a key of his own
// that the password opens; and what became of it.
import { el, fill, isPageKey, keyOf } from "./dom.js";
import * as api from "./api.js";
import * as news from "./news.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { chip } from "./board.js";
import { ask } from "./form.js";
import { why, whyNodes } from "./refusal.js";
import { saidBox } from "./said.js";
import { table } from "./table.js";
import { watch } from "./watch.js";
import { toast, tried } from "./way.js";

const families = /siren_command|siren_report|sensor_control|sensor_configuration|receipt/;
const tones = { ACCEPTED: "good", HEARD: "good", SOUNDED: "good", SILENCED: "good", EXPIRED: "warn", REJECTED: "bad", REFUSED: "bad", FAILED: "bad" };
const stateTones = { WAITING: "warn", SAID: "good", TURNED_DOWN: "bad", OVER: "bad" };

// "SOUND EVACUATE": what it is called, and what it does, in whole sentences.
const keyOfOrder = (what) => String(what ?? "").trim().toLowerCase().replaceAll(" ", ".");
export const called = (what) => (words.has("order.do." + keyOfOrder(what)) ? say("order.do." + keyOfOrder(what)) : String(what).toLowerCase().replaceAll("_", " "));
const whatOf = (row) => (row.type === "sensor_configuration" ? "NUMBERS" : [row.action, row.how].filter(Boolean).join(" "));
const lasts = ({ duration_s: n }) => (n % 6 ? say("order.for_s", { n }) : say(n ? "order.for" : "order.until_changed", { n: n / 60 }));
// Nobody approves what there are no words for.
const isClear = (row) => words.has("order.means." + keyOfOrder(whatOf(row))) && (row.action !== "SOUND" || row.duration_s);
const meant = (row) => say("order.means." + (isClear(row) ? keyOfOrder(whatOf(row)) : "unclear"), { machine: row.machine, for: lasts(row) });
const answered = (row) => (row.answer ? [chip(word("order.answer", row.answer), tones[row.answer]), row.code ? el("span", { class: "below" }, words.has("order.code." + row.code) ? say("order.code." + row.code) : row.code) : null]
  : Date.parse(row.not_after) < Date.now() ? chip(say("order.unanswered"), "warn") : say("order.no_answer_yet"));
const names = (list) => (list ?? []).join(", ");

// --- writing one -----------------------------------------------------------------------------------

// What a page orders: the body, and the longest that such an order may wait for its approvals, in minutes.
const siren = (action, more) => (v) => ({ siren_command: { site: v.machine, action: "SIREN_ACTION_" + action, reason: v.reason, ...more?.(v) } });
const sound = (pattern) => siren("SOUND", (v) => ({ pattern: "SIREN_PATTERN_" + pattern, duration_s: Math.round((v.minutes ?? 3) * 60) }));
const control = (action, more) => (v) => ({ sensor_control: { target: v.machine, action: "SENSOR_ACTION_" + action, reason: v.reason, ...more?.(v) } });
const mode = (name) => control("SET_MODE", (v) => ({ mode: "SENSOR_MODE_" + name, ...(v.minutes ? { duration_s: Math.round(v.minutes * 60) } : {}) }));
const bodies = { "SELF_TEST": siren("SELF_TEST"), "SOUND EVACUATE": sound("EVACUATE"), "SOUND ATTENTION": sound("ATTENTION"), "SOUND ALL_CLEAR": sound("ALL_CLEAR"), "SILENCE": siren("SILENCE"),
  "SET_MODE MAINTENANCE": mode("MAINTENANCE"), "SET_MODE NORMAL": mode("NORMAL"), "SET_MODE EVENT": mode("EVENT"), "CLEAR": control("CLEAR"), "RESTART": control("RESTART") };

const all = () => api.view("orders", { lang: words.lang, status: api.me.status.toUpperCase() });
// What became of an order is said when the record has it: one that takes nobody else has gone by then.
async function tell([{ message_id: id }]) {
  const { waiting, said } = await all().catch(() => ({ waiting: [], said: [] })), has = (rows) => rows.some((row) => row.message_id === id);
  if (has(waiting)) toast(say("order.given"));
  else if (has(said)) toast(say("order.gone"));
}

// thing: {machine, places, incident_id}; each may be missing.
export async function orderForm(thing = {}) {
  const { machines } = await all();
  if (!machines.length) return toast(say("order.no_machine"), "bad");
  const near = (one) => (thing.places ?? "").split(" ").includes(one.pcode), ordered = [...machines.filter(near), ...machines.filter((one) => !near(one))];
  const known = machines.some((one) => one.principal === thing.machine); // else no other stands there in its place
  ask({ key: `order ${thing.machine ?? thing.incident_id ?? ""}`, title: say("order.write"), button: say("order.give"), note: say("order.note"), about: [], stored: tell, fields: [
    { name: "machine", label: say("order.machine"), type: "choice", required: true, value: thing.machine, options: [...(known ? [] : [["", ""]]), ...ordered.map((one) => [one.principal, `${one.principal} · ${one.place ?? one.pcode}`])], path: "target" },
    { name: "what", label: say("order.what"), type: "choice", value: "SELF_TEST", options: Object.keys(bodies).map((one) => [one, called(one)]), path: "action" },
    { name: "minutes", label: say("order.minutes"), type: "number", least: 0.1, wrong: "order.minutes_least", hint: say("order.minutes_hint"), path: "duration_s" },
    { name: "waits", label: say("order.waits"), type: "choice", value: "15", half: true, options: ["5", "10", "15"].map((one) => [one, say("order.min", { n: one })]), path: "not_after_us" },
    { name: "reason", label: say("form.reason"), required: true, most: 400, path: "reason" },
  ], make: (v) => {
    const now = Date.now(), machine = machines.find((one) => one.principal === v.machine), minutes = v.minutes === null ? null : Number(v.minutes);
    return [{ message_id: api.newId(), event_time_us: new Date(now).toISOString(), not_after_us: new Date(now + Number(v.waits) * 60000).toISOString(), area: { pcodes: [machine.pcode] },
      lang: "LANG_" + words.lang.toUpperCase(), ...(thing.incident_id ? { incident_ids: [thing.incident_id] } : {}), ...bodies[v.what]({ ...v, minutes, reason: v.reason.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "") }) }];
  } });
}

// --- all of them -----------------------------------------------------------------------------------

const link = (id, text) => el("a", { href: `/order/${id}`, "data-link": true }, text);
// A part of the sensors' page; answers what to do on leaving.
export async function ordersBox(place) {
  place.append(el("p", {}, el("button", { type: "button", class: "first", id: "order-write", onclick: () => tried(() => orderForm()) }, say("order.write"))));
  return watch(place, "orders", { status: api.me.status.toUpperCase() }, (answer) => [
    answer.waiting.length ? table(say("order.waiting"), [["order.what", (row) => link(row.message_id, called(whatOf(row)))], ["order.machine", (row) => row.machine], ["col.place", (row) => row.place],
      ["order.by", (row) => row.author], ["form.reason", (row) => row.reason], ["order.approved", (row) => say("order.of", { n: row.approved_by.length, of: row.needed }), "n"],
      ["col.state", (row) => chip(word("order.state", row.state), stateTones[row.state])], ["col.until", (row) => words.time(row.not_after), "t"]], answer.waiting) : null,
    answer.said.length ? table(say("order.newest"), [["col.since", (row) => words.time(row.event_at), "t"], ["order.what", (row) => (row.draft_id ? link(row.draft_id, called(row.what)) : called(row.what))], ["order.machine", (row) => row.machine],
      ["order.by", (row) => row.author ?? row.sender], ["order.approved_by", (row) => names(row.approved_by)], ["form.reason", (row) => row.reason], ["order.became", answered]], answer.said) : null,
  ], families);
}

// --- one -------------------------------------------------------------------------------------------

function turnDown(draft, name) {
  ask({ key: `${name} ${draft.message_id}`, title: say("order." + name), button: say("order." + name), about: [draft.message_id],
    fields: [{ name: "reason", label: say("form.reason"), required: true, most: 500, path: "text" }],
    make: (v) => [{ area: { pcodes: draft.places.split(" ").slice(0, 8) }, preceding_id: draft.message_id,
      receipt: { message_id: draft.message_id, level: "RECEIPT_LEVEL_REJECTED", by: api.me.person, time_us: new Date().toISOString(), code: "turned_down", text: v.reason } }] });
}

// Made once: what is typed there stays while the page is drawn anew.
function approval(said) {
  const password = el("input", { id: "own-password", type: "password", autocomplete: "current-password", required: true, maxlength: "200" }), trouble = el("div", { class: "trouble", role: "alert" });
  const button = el("button", { class: "first" }, say("order.approve"));
  let shown = null, busy = false;
  const form = el("form", { class: "approval", onsubmit: async (event) => {
    event.preventDefault();
    if (busy || !password.value) return password.focus();
    busy = true;
    fill(trouble, say("said.saying"));
    try {
      said((await api.approveOrder(shown.message_id, shown.seq, api.newId(), password.value)).message_id);
      fill(trouble);
      toast(say("order.signed"));
    } catch (failed) {
      fill(trouble, words.has("order.no." + failed.word) ? say("order.no." + failed.word) : words.has("trouble." + failed.word) ? say("trouble." + failed.word, { n: failed.wait }) : why(failed));
      password.focus();
    }
    busy = false;
    password.value = "";
  } }, el("label", { for: "own-password" }, say("order.password")), password, button, trouble);
  return { form, password, of: (draft) => { shown = draft; return form; } };
}

const numbersTable = (numbers) => table(numbers.profile + " " + numbers.profile_version, [["order.number", (row) => row.name], ["col.value", (row) => String(Number((row.value ?? 0) + "e" + (row.exponent ?? 0))), "n"],
  ["order.unit", (row) => String(row.unit ?? "").replace("UNIT_", "").toLowerCase()]], numbers.parameters ?? []);

export async function orderPage(main, id) {
  const refused = el("div", { class: "trouble", role: "alert" }), mine = new Set(), sign = approval((of) => mine.add(of));
  const ends = [news.on("settled", (settled) => mine.has(settled.message_id) && fill(refused, settled.stored ? "" : whyNodes(settled)))];
  const onKey = (event) => {
    if (!isPageKey(event) || keyOf(event) !== "a" || !sign.form.isConnected) return;
    event.preventDefault();
    sign.password.focus();
  };
  addEventListener("keydown", onKey);
  main.append(refused);
  // Nobody tells the page that its time is over.
  let timer = null;
  const endOf = (draft) => {
    clearTimeout(timer);
    if (draft.state === "WAITING") timer = setTimeout(() => sign.form.replaceWith(el("p", { role: "status" }, say("order.over"))), Math.max(0, Date.parse(draft.not_after) - Date.now()));
  };
  function acts(draft) {
    const own = draft.author === api.me.person, signed = draft.approved_by.includes(api.me.person), no = own ? "take_back" : "turn_down";
    if (draft.state !== "WAITING") return null;
    const says = own ? "order.own" : signed ? "order.signed_already" : draft.desk !== api.me.sender ? "refused.other_desk" : !draft.may ? "order.no.rights" : isClear(draft) ? null : "order.means.unclear";
    return [el("div", { class: "move" }, says ? el("p", {}, say(says, draft)) : sign.of(draft),
      own || draft.may ? el("button", { type: "button", id: "do-" + no.replaceAll("_", "-"), onclick: () => turnDown(draft, no) }, say("order." + no)) : null), saidBox(draft.message_id)];
  }
  ends.push(await watch(main, "order", { draft: id }, ({ draft, said }) => {
    if (!draft) return el("p", { class: "none" }, say("order.unknown"));
    endOf(draft);
    const facts = [["col.state", chip(word("order.state", draft.state), stateTones[draft.state])], ["order.what", called(whatOf(draft))], ["order.machine", draft.machine], ["col.place", draft.place ?? ""], ["col.status", word("status", draft.status)],
      ["order.by", draft.author], ["form.reason", draft.reason], ["col.since", words.time(draft.since)], ["order.waits_until", words.time(draft.not_after)],
      ["order.approved", say("order.of", { n: draft.approved_by.length, of: draft.needed }) + (draft.approved_by.length ? ": " + names(draft.approved_by) : "")],
      draft.how === "VOICE" && ["order.recording", String(draft.recording ?? 0)], draft.span_to && ["order.span", words.time(draft.span_from) + " – " + words.time(draft.span_to)],
      draft.effective && ["order.effective", words.time(draft.effective)]].filter(Boolean);
    return [el("p", { class: "means", id: "means" }, meant(draft)),
      el("section", { class: "facts" }, el("dl", {}, facts.map(([key, value]) => el("div", {}, el("dt", {}, say(key)), el("dd", {}, value))))),
      draft.numbers ? numbersTable(draft.numbers) : null,
      draft.state === "TURNED_DOWN" ? el("p", {}, say("order.turned_by", { who: draft.answered_by, why: draft.why ?? "" })) : null,
      draft.state === "OVER" ? el("p", {}, say("order.over")) : null,
      said ? el("section", {}, el("h2", {}, say("order.became")), el("p", { id: "became" }, answered(said))) : null, acts(draft)];
  }, families));
  return () => {
    removeEventListener("keydown", onKey);
    clearTimeout(timer);
    ends.forEach((end) => end());
  };
}
