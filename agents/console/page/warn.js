// warn - public alerts: what waits for a second person, what is in force; writing one; one with its receipts.
import { el, fill } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { table } from "./table.js";
import { watch } from "./watch.js";
import { go, toast } from "./app.js";
import { ask } from "./form.js";
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

const complain = (failed) => toast(why(failed), "bad", failed.message);

async function approve(draft, id) {
  try {
    await api.approve(draft.message_id, id);
    toast(say("warn.approved"));
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

// What this person may do with it now.
function acts(answer, id) {
  const { alert, draft } = answer, own = draft?.author === api.me.person, waits = draft?.state === "WAITING" && draft.message_id === alert.message_id, no = own ? "take_back" : "turn_down";
  const button = (name, act, kind) => el("button", { type: "button", class: kind, id: "do-" + name.replaceAll("_", "-"), onclick: act }, say("warn." + name));
  if (waits) return el("div", { class: "move" }, own ? el("p", {}, say("warn.own")) : button("approve", () => approve(draft, id), "first"), button(no, () => turnDown(draft, alert.places ?? [], no)), saidBox(draft.message_id));
  if (answer.in_force) return el("div", { class: "move" }, button("update", () => go(`/warn?update=${alert.message_id}`)), button("cancel", () => go(`/warn?cancel=${alert.message_id}`)));
  return null;
}

export function warningPage(main, id) {
  const said = api.newId(); // approved twice, it is said once
  return watch(main, "warning", { alert: id }, (answer) => {
    const { alert, draft } = answer;
    if (!alert) return el("p", { class: "none" }, say("warn.unknown"));
    const cap = alert.cap, info = cap.infos?.[0] ?? {}, plain = (value, prefix) => String(value ?? "").replace(prefix, ""), isDraft = draft?.message_id === alert.message_id;
    const facts = [["col.state", isDraft ? word("warn.state", draft.state) : answer.verdict ?? say(answer.in_force ? "warn.state.in_force" : "warn.state.ended")], ["col.what", word("warn.type", plain(cap.msg_type, "CAP_MSG_TYPE_"))],
      ["col.status", word("status", isDraft ? draft.status : alert.status)], ["warn.urgency", word("warn.urgency", plain(info.urgency, "URGENCY_"))], ["warn.severity", word("warn.severity", plain(info.severity, "SEVERITY_"))],
      ["warn.certainty", word("warn.certainty", plain(info.certainty, "CERTAINTY_"))], ["warn.response", (info.response_types ?? []).map((one) => word("warn.response", plain(one, "CAP_RESPONSE_TYPE_"))).join(", ")],
      ["warn.place", (info.areas ?? []).map((area) => `${area.description} (${(area.geocodes ?? []).map((code) => code.value).join(" ")})`).join("; ")], ["col.until", info.expires_us ? words.time(Number(info.expires_us) / 1000) : ""]];
    return [el("section", { class: "facts" }, el("dl", {}, facts.map(([key, value]) => el("div", {}, el("dt", {}, say(key)), el("dd", {}, String(value ?? ""))))),
      el("p", {}, say("warn.by", { who: draft?.author ?? alert.author })), draft?.state === "APPROVED" ? el("p", {}, say("warn.approved_by", { who: draft.answered_by })) : null,
      draft?.state === "TURNED_DOWN" ? el("p", {}, say("warn.turned_by", { who: draft.answered_by, why: draft.why ?? "" })) : null,
      isDraft && draft.alert_id ? el("p", {}, el("a", { href: `/warn/${draft.alert_id}`, "data-link": true }, say("warn.became"))) : null), acts(answer, said),
    el("h2", {}, say("warn.preview")), el("div", { class: "languages-of" }, (cap.infos ?? []).map((one) => el("article", {}, el("h3", {}, say("warn.lang." + one.language)), preview(one.language, one)))),
    isDraft ? null : table(say("warn.receipts"), [["warn.col.place_of", (row) => row.place], ["warn.col.delivered", (row) => row.delivered, "n"], ["warn.col.displayed", (row) => row.displayed, "n"],
      ["warn.col.accepted", (row) => row.accepted, "n"], ["warn.col.undeliverable", (row) => row.undeliverable, "n"], ["col.since", (row) => words.time(row.last_at)]], answer.receipts)];
  }, /public_alert|receipt/);
}
