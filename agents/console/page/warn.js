// warn - public alerts: what waits for a second person, what is in force; writing one; one with its receipts.
import { el, fill, isPageKey, keyOf } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { table } from "./table.js";
import { watch } from "./watch.js";
import { go, toast } from "./way.js";
import { ask, openDialog } from "./form.js";
import { why } from "./refusal.js";
import { saidBox } from "./said.js";
import { alertForm } from "./alert_form.js";
import { preview } from "./alert_text.js";

const link = (row) => el("a", { href: `/warn/${row.message_id}`, "data-link": true }, row.headline || row.identifier.slice(0, 8));
const shared = [["warn.col.headline", link], ["col.place", (row) => row.place], ["col.what", (row) => word("warn.type", String(row.msg_type).replace("CAP_MSG_TYPE_", ""))],
  ["col.status", (row) => word("status", row.status)], ["warn.col.author", (row) => row.author]];
const tables = (answer) => [
  table(say("warn.drafts"), [...shared, ["col.since", (row) => words.time(row.since)], ["col.until", (row) => words.time(row.expires_at)]], answer.drafts.filter((row) => row.state === "WAITING")),
  table(say("warn.in_force"), [...shared, ["col.until", (row) => words.time(row.expires_at)]], answer.in_force),
  table(say("warn.earlier"), [...shared, ["col.since", (row) => words.time(row.since)], ["col.state", (row) => word("warn.state", row.state)]], answer.drafts.filter((row) => row.state !== "WAITING")),
];

// /warn, /warn?write, /warn?incident=ID, /warn?update=ID, /warn?cancel=ID
export async function warnPage(main) {
  const asked = new URLSearchParams(location.search), about = asked.get("update") ?? asked.get("cancel");
  if (![...asked].length) {
    main.append(el("p", {}, el("a", { class: "button first", href: "/warn?write", "data-link": true }, say("warn.write"))));
    return watch(main, "warn", {}, tables, /public_alert|receipt/);
  }
  const place = el("div");
  main.append(place); // at once: who has gone on meanwhile finds nothing of it there
  const given = await api.view("warn", { incident: asked.get("incident"), lang: words.lang });
  const old = about ? (await api.view("warning", { alert: about })).alert : null;
  fill(place, about && !old ? el("p", { class: "none" }, say("warn.unknown")) : await alertForm({ incident: given.incident, old, cancels: asked.has("cancel") }));
}

// --- one -----------------------------------------------------------------------------------------

const drill = () => (api.me.status === "exercise" ? ".exercise" : "");
const complain = (failed) => toast(why(failed), "bad", failed.message);

async function approve(draft, id) {
  try {
    await api.approve(draft.message_id, id);
    toast(say("warn.approved" + drill()));
  } catch (failed) {
    complain(failed);
  }
}

function turnDown(draft, places, name) {
  ask({ key: `${name} ${draft.message_id}`, title: say("warn." + name), button: say("warn." + name), about: [draft.message_id],
    fields: [{ name: "reason", label: say("warn.reason"), required: true, most: 500, path: "text" }],
    make: (v) => [{ area: { pcodes: places }, preceding_id: draft.message_id,
      receipt: { message_id: draft.message_id, level: "RECEIPT_LEVEL_REJECTED", by: api.me.person, time_us: new Date().toISOString(), code: "turned_down", text: v.reason } }] });
}

// Said to the public it cannot be unsaid, so that one key or one slip is not enough: the dialog shows what goes out and to
// whom, the focus rests on the way back, and `y` (or the button) says it.
function confirm(answer, id) {
  const { alert, draft } = answer, infos = alert.cap.infos ?? [], said = () => {
    dialog.close();
    approve(draft, id);
  };
  const back = el("button", { type: "button", id: "not-yet", onclick: () => dialog.close() }, say("warn.not_yet"));
  const dialog = openDialog(say("warn.confirm" + drill()), "ask confirm", drill() ? el("p", { class: "small" }, say("warn.only_exercise")) : null,
    el("p", {}, el("b", {}, [...new Set(infos.flatMap((info) => (info.areas ?? []).map((area) => area.description)))].join("; ")), el("strong", { class: "tag" }, word("status", draft.status))),
    el("div", { class: "texts" }, infos.map((info) => el("p", { lang: info.language }, info.headline))),
    el("p", { class: "small" }, say("warn.by", { who: draft.author })),
    el("div", { class: "buttons" }, back, el("button", { type: "button", id: "do-approve-now", class: "first", onclick: said }, el("kbd", {}, "y"), ` ${say("warn.approve")}`)));
  dialog.addEventListener("keydown", (event) => {
    if (keyOf(event).toLowerCase() !== "y" || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    event.preventDefault();
    said();
  });
  back.focus();
}

// What this person may do with it now.
const keys = { approve: "a", turn_down: "t", take_back: "t", update: "u", cancel: "c" };
function acts(answer, id) {
  const { alert, draft } = answer, own = draft?.author === api.me.person, waits = draft?.state === "WAITING" && draft.message_id === alert.message_id, no = own ? "take_back" : "turn_down";
  const button = (name, act, kind) => el("button", { type: "button", class: kind, id: "do-" + name.replaceAll("_", "-"), "data-key": keys[name], "aria-keyshortcuts": keys[name], onclick: act }, el("kbd", {}, keys[name]), ` ${say("warn." + name)}`);
  if (waits) return el("div", { class: "move" }, own ? el("p", {}, say("warn.own")) : button("approve", () => confirm(answer, id), "first"), button(no, () => turnDown(draft, alert.places ?? [], no)), saidBox(draft.message_id));
  if (answer.in_force) return el("div", { class: "move" }, button("update", () => go(`/warn?update=${alert.message_id}`)), button("cancel", () => go(`/warn?cancel=${alert.message_id}`)));
  return null;
}

export async function warningPage(main, id) {
  const said = api.newId(); // approved twice, it is said once
  let incident = null;
  const onKey = (event) => {
    const key = isPageKey(event) && keyOf(event), button = key && main.querySelector(`.move button[data-key="${CSS.escape(key)}"]`);
    if (!button && !(key === "i" && incident)) return;
    event.preventDefault();
    if (button) button.click();
    else go(`/incident/${incident}`);
  };
  const leave = await watch(main, "warning", { alert: id }, (answer) => {
    const { alert, draft } = answer;
    if (!alert) return el("p", { class: "none" }, say("warn.unknown"));
    incident = alert.incident_id ?? draft?.incident_id ?? null;
    const cap = alert.cap, info = cap.infos?.[0] ?? {}, plain = (value, prefix) => String(value ?? "").replace(prefix, ""), isDraft = draft?.message_id === alert.message_id;
    const facts = [["col.state", isDraft ? word("warn.state", draft.state) : answer.verdict ?? say(answer.in_force ? "warn.state.in_force" : "warn.state.ended")], ["col.what", word("warn.type", plain(cap.msg_type, "CAP_MSG_TYPE_"))],
      ["col.status", word("status", isDraft ? draft.status : alert.status)], ["warn.urgency", word("warn.urgency", plain(info.urgency, "URGENCY_"))], ["warn.severity", word("warn.severity", plain(info.severity, "SEVERITY_"))],
      ["warn.certainty", word("warn.certainty", plain(info.certainty, "CERTAINTY_"))], ["warn.response", (info.response_types ?? []).map((one) => word("warn.response", plain(one, "CAP_RESPONSE_TYPE_"))).join(", ")],
      ["warn.place", (info.areas ?? []).map((area) => `${area.description} (${(area.geocodes ?? []).map((code) => code.value).join(" ")})`).join("; ")], ["col.until", info.expires_us ? words.time(Number(info.expires_us) / 1000) : ""]];
    return [el("section", { class: "facts" }, el("dl", {}, facts.map(([key, value]) => el("div", {}, el("dt", {}, say(key)), el("dd", {}, String(value ?? ""))))),
      el("p", {}, say("warn.by", { who: draft?.author ?? alert.author })), draft?.state === "APPROVED" ? el("p", {}, say("warn.approved_by", { who: draft.answered_by })) : null,
      draft?.state === "TURNED_DOWN" ? el("p", {}, say("warn.turned_by", { who: draft.answered_by, why: draft.why ?? "" })) : null,
      incident ? el("p", {}, el("kbd", {}, "i"), " ", el("a", { href: `/incident/${incident}`, "data-link": true, "aria-keyshortcuts": "i" }, answer.incident_name || say("col.incident"))) : null,
      isDraft && draft.alert_id ? el("p", {}, el("a", { href: `/warn/${draft.alert_id}`, "data-link": true }, say("warn.became"))) : null), acts(answer, said),
    el("h2", {}, say("warn.preview")), el("div", { class: "languages-of" }, (cap.infos ?? []).map((one) => el("article", {}, el("h3", {}, say("warn.lang." + one.language)), preview(one.language, one)))),
    isDraft ? null : table(say("warn.receipts"), [["warn.col.place_of", (row) => row.place], ["warn.col.delivered", (row) => row.delivered, "n"], ["warn.col.displayed", (row) => row.displayed, "n"],
      ["warn.col.accepted", (row) => row.accepted, "n"], ["warn.col.undeliverable", (row) => row.undeliverable, "n"], ["col.since", (row) => words.time(row.last_at)]], answer.receipts)];
  }, /public_alert|receipt/);
  addEventListener("keydown", onKey);
  return () => {
    removeEventListener("keydown", onKey);
    leave();
  };
}
