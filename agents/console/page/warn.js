// warn - public alerts: what waits for a second person, what is in force; writing one; one with its receipts.
import { button, el, facts, fill, isPageKey, keyOf, link, none } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { table, termOf } from "./table.js";
import { watch } from "./watch.js";
import { go, toast } from "./way.js";
import { terms, turnDown } from "./envelope.js";
import { openDialog } from "./form.js";
import { findPlaces, picker } from "./pick.js";
import { why, whyNodes } from "./called.js";
import { saidBox } from "./said.js";
import { smsLength } from "./sms.js";

// A value of CAP as pages name it: "URGENCY_PAST" of warn.urgency.
const capWord = (group, value, prefix = group.toUpperCase()) => word("warn." + group, String(value ?? "").replace(prefix + "_", ""));
const typeOf = (row) => capWord("type", row.msg_type, "CAP_MSG_TYPE");

const since = ["col.since", "since", "t"], until = ["col.until", "expires_at", "t"];
const shared = [
  ["warn.col.headline", (row) => link(`/warn/${row.message_id}`, row.headline || row.identifier.slice(0, 8))], ["col.place", "place"], ["col.what", typeOf],
  ["col.status", termOf("status")], ["warn.col.author", (row) => words.who(row.author)],
];
const tables = (answer) => [
  table(say("warn.drafts"), [...shared, since, until], answer.drafts.filter((row) => row.state === "WAITING")),
  table(say("warn.in_force"), [...shared, until], answer.in_force),
  table(say("warn.earlier"), [...shared, since, ["col.state", termOf("warn.state", "state")]], answer.drafts.filter((row) => row.state !== "WAITING")),
];

// /warn, /warn?write, /warn?incident=ID, /warn?update=ID, /warn?cancel=ID
export async function warnPage(main) {
  const asked = new URLSearchParams(location.search), about = asked.get("update") ?? asked.get("cancel");
  if (![...asked].length) {
    main.append(el("p", {}, link("/warn?write", say("warn.write"), { class: "button first" })));
    return watch(main, "warn", {}, tables, /public_alert|receipt/);
  }
  const place = el("div");
  main.append(place); // at once: who has gone on meanwhile finds nothing of it there
  const { incident } = await api.view("warn", { incident: asked.get("incident"), lang: words.lang });
  const old = about ? (await api.view("warning", { alert: about })).alert : null;
  fill(place, about && !old ? none(say("warn.unknown")) : await alertForm({ incident, old, cancels: asked.has("cancel") }));
}

// --- one -----------------------------------------------------------------------------------------

const drill = () => (api.me.status === "exercise" ? ".exercise" : "");

async function approve(draft, id) {
  try {
    await api.approve(draft.message_id, id);
    toast(say("warn.approved" + drill()));
  } catch (failed) {
    toast(why(failed), "bad", failed.message);
  }
}

// Said to the public it cannot be unsaid, so that one key or one slip is not enough: the dialog shows what goes out and to
// whom, the focus rests on the way back, and `y` (or the button) says it.
function confirm({ alert, draft }, id) {
  const infos = alert.cap.infos ?? [], places = new Set(infos.flatMap((info) => (info.areas ?? []).map((area) => area.description)));
  const said = () => {
    dialog.close();
    approve(draft, id);
  };
  const back = button(say("warn.not_yet"), () => dialog.close(), { id: "not-yet" });
  const dialog = openDialog(say("warn.confirm" + drill()), "ask confirm", drill() && el("p", { class: "small" }, say("warn.only_exercise")),
    el("p", {}, el("b", {}, [...places].join("; ")), el("strong", { class: "tag" }, word("status", draft.status))),
    el("div", { class: "texts" }, infos.map((info) => el("p", { lang: info.language }, info.headline))),
    el("p", { class: "small" }, say("warn.by", { who: draft.author })),
    el("div", { class: "buttons" }, back, button([el("kbd", {}, "y"), ` ${say("warn.approve")}`], said, { id: "do-approve-now", class: "first" })));
  dialog.addEventListener("keydown", (event) => {
    if (keyOf(event).toLowerCase() !== "y" || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    event.preventDefault();
    said();
  });
  back.focus();
}

// What this person may do with it now.
const keys = { approve: "a", turn_down: "t", take_back: "t", update: "u", cancel: "c" };
function keyed(name, act, kind) {
  const about = { class: kind, id: "do-" + name.replaceAll("_", "-"), "data-key": keys[name], "aria-keyshortcuts": keys[name] };
  return button([el("kbd", {}, keys[name]), ` ${say("warn." + name)}`], act, about);
}
function acts(answer, id) {
  const { alert, draft } = answer, own = draft?.author === api.me.person, no = own ? "take_back" : "turn_down";
  const refuse = () => turnDown(draft.message_id, alert.places?.join(" "), { name: no, title: say("warn." + no), label: say("warn.reason") });
  if (draft?.state === "WAITING" && draft.message_id === alert.message_id)
    return el("div", { class: "move" }, own ? el("p", {}, say("warn.own")) : keyed("approve", () => confirm(answer, id), "first"), keyed(no, refuse), saidBox(draft.message_id));
  const write = (name) => keyed(name, () => go(`/warn?${name}=${alert.message_id}`));
  return answer.in_force ? el("div", { class: "move" }, write("update"), write("cancel")) : null;
}

function factsOf({ alert, draft, verdict, in_force: inForce }, isDraft) {
  const { cap } = alert, info = cap.infos?.[0] ?? {}, codes = (area) => (area.geocodes ?? []).map((code) => code.value).join(" ");
  return [
    ["col.state", isDraft ? word("warn.state", draft.state) : verdict ? whyNodes(verdict) : say(inForce ? "warn.state.in_force" : "warn.state.ended")], ["col.what", typeOf(cap)],
    ["col.status", word("status", isDraft ? draft.status : alert.status)], ...["urgency", "severity", "certainty"].map((name) => ["warn." + name, capWord(name, info[name])]),
    ["warn.response", (info.response_types ?? []).map((one) => capWord("response", one, "CAP_RESPONSE_TYPE")).join(", ")],
    ["warn.place", (info.areas ?? []).map((area) => `${area.description} (${codes(area)})`).join("; ")], ["col.until", words.time(Number(info.expires_us ?? 0) / 1000)],
    ...(isDraft ? [] : [["warn.said_at", words.time(alert.at)]]),
  ].map(([key, value]) => [say(key), value]);
}
const receiptColumns = [
  ["warn.col.place_of", "place"], ...["delivered", "displayed", "accepted", "undeliverable"].map((name) => ["warn.col." + name, name, "n"]), ["col.since", "last_at", "t"],
];

export async function warningPage(main, id) {
  const said = api.newId(); // approved twice, it is said once
  let incident = null;
  const onKey = (event) => {
    const key = isPageKey(event) && keyOf(event), found = key && main.querySelector(`.move button[data-key="${CSS.escape(key)}"]`);
    if (!found && !(key === "i" && incident)) return;
    event.preventDefault();
    if (found) found.click();
    else go(`/incident/${incident}`);
  };
  const leave = await watch(main, "warning", { alert: id }, (answer) => {
    const { alert, draft } = answer;
    if (!alert) return none(say("warn.unknown"));
    incident = alert.incident_id ?? draft?.incident_id ?? null;
    const infos = alert.cap.infos ?? [], isDraft = draft?.message_id === alert.message_id, who = draft?.answered_by;
    const took = answer.taken.map((one) => `${one.by} (${words.time(one.at)})`);
    const read = (one) => el("article", {}, el("h3", {}, say("warn.lang." + one.language)), preview(one.language, one));
    return [
      el("section", { class: "facts" }, facts(factsOf(answer, isDraft)), el("p", {}, say("warn.by", { who: draft?.author ?? alert.author })),
        draft?.state === "APPROVED" && el("p", {}, say("warn.approved_by", { who })),
        draft?.state === "TURNED_DOWN" && el("p", {}, say("warn.turned_by", { who, why: draft.why ?? "" })),
        incident && el("p", {}, el("kbd", {}, "i"), " ", link(`/incident/${incident}`, answer.incident_name || say("col.incident"), { "aria-keyshortcuts": "i" })),
        isDraft && draft.alert_id && el("p", {}, link(`/warn/${draft.alert_id}`, say("warn.became")))),
      acts(answer, said), el("h2", {}, say("warn.preview")), el("div", { class: "languages-of" }, infos.map(read)),
      isDraft ? null : [el("h2", {}, say("warn.taken")), el("p", {}, took.length ? say("warn.taken_by", { who: took.join(", ") }) : say("warn.taken_none")),
        table(say("warn.receipts"), receiptColumns, answer.receipts, say("warn.receipts_none"))],
    ];
  }, /public_alert|receipt/);
  addEventListener("keydown", onKey);
  return () => {
    removeEventListener("keydown", onKey);
    leave();
  };
}

// --- writing one: once in three languages. Hazard and places fill in the templates, what somebody edits stays as edited; it becomes a draft ---

const parts = ["headline", "description", "instruction"], PLACES = 8;
const hazards = {
  mudflow: "GEO", flash_flood: "MET", river_flood: "MET", landslide: "GEO", rockfall: "GEO", avalanche: "MET", earthquake: "GEO", glof: "GEO",
  lake_outburst: "GEO", windstorm: "MET", hail: "MET", fire: "FIRE", technological: "CBRNE", epidemic: "HEALTH", other: "SAFETY",
};
const choices = {
  hazard: Object.keys(hazards), urgency: ["immediate", "expected", "future", "past"], severity: ["extreme", "severe", "moderate", "minor"],
  certainty: ["observed", "likely", "possible"], response: ["evacuate", "shelter", "prepare", "avoid", "monitor", "all_clear"],
};
const first = { urgency: "immediate", severity: "severe", certainty: "likely", response: "evacuate", hours: 6 };
const over = { urgency: "past", severity: "minor", certainty: "observed", response: "all_clear", hours: 1 };

// What the form starts with: an incident, or the alert that it updates or cancels.
function startOf(incident, old, cancels) {
  const info = old?.cap.infos?.[0], bare = (name) => (info?.[name] ?? incident?.[name] ?? "").replace(name.toUpperCase() + "_", "").toLowerCase();
  const sure = choices.certainty.includes(bare("certainty")) ? { certainty: bare("certainty") } : {};
  return {
    ...(cancels ? over : { ...first, ...sure }), hazard: bare("hazard") || "mudflow",
    codes: old?.places ?? (incident?.places ?? "").split(" ").filter(Boolean), incident: old?.incident_id ?? incident?.incident_id,
  };
}
// The table calls districts in Russian by their adjective.
const nameOf = (place, lang) => (lang === "ru" ? place.ru.replace(/[сц]кий$/, "$& район") : place[lang]);
const eachLanguage = (make) => Object.fromEntries(words.languages.map((lang) => [lang, make(lang)]));

async function alertForm({ incident, old, cancels }) {
  const all = await words.inAllLanguages(), start = startOf(incident, old, cancels), exercise = api.me.status === "exercise";
  const id = api.newId(); // pressed twice, it is one draft
  let busy = false;
  let places = start.codes.length ? await api.view("places", { codes: start.codes.join(" ") }) : [];
  const offer = (place) => ({ ...place, value: place.pcode, label: place[words.lang], title: place.pcode });
  const found = new Map(places.map((place) => [place.pcode, place]));
  async function find(text) {
    const list = places.length < PLACES ? (await findPlaces(text)).map(offer) : [];
    for (const place of list) found.set(place.value, place);
    return list;
  }
  function changed(codes) {
    if (codes === undefined) return; // something else stands there yet
    places = (codes ?? []).map((code) => found.get(code));
    draw();
  }
  const where = picker({ many: true, label: say("warn.find"), value: places.map(offer), find, changed }, { id: "find-place" });

  const value = (name) => form.elements[name].value, eventOf = (lang) => all[lang]["warn.event." + value("hazard")];
  const pick = (name) => el("label", {}, say("warn." + name), el("select", { name, onchange: draw },
    choices[name].map((one) => el("option", { value: one, selected: one === start[name] }, word(name === "hazard" ? "warn.event" : "warn." + name, one)))));
  const most = { place: "300", headline: "200" }, written = (event) => {
    event.target.dataset.edited = "yes";
    draw();
  };
  const field = (lang, part) => el(part === "place" ? "input" : "textarea", {
    name: `${lang}.${part}`, lang, maxlength: most[part] ?? "2000", rows: { place: null, headline: "2" }[part] ?? "3", required: true, oninput: written,
  });
  const fields = eachLanguage((lang) => Object.fromEntries(["place", ...parts].map((part) => [part, field(lang, part)])));
  const shown = eachLanguage(() => el("div", {})), trouble = el("p", { class: "trouble", role: "alert" });
  const inLanguage = (lang) => el("fieldset", {}, el("legend", {}, say("warn.lang." + lang)),
    ["place", ...parts].map((part) => el("label", {}, say("warn." + part), fields[lang][part])), shown[lang]);
  const form = el("form", { class: "alert-form", onsubmit: submit, onkeydown: onKey },
    old && el("p", {}, say(cancels ? "warn.cancels" : "warn.updates", { id: old.cap.identifier })),
    el("div", { class: "choices" }, Object.keys(choices).map(pick),
      el("label", {}, say("warn.hours"), el("input", { name: "hours", type: "number", min: "1", max: "168", value: String(start.hours), required: true }))),
    el("fieldset", {}, el("legend", {}, say("warn.places")), el("label", { for: "find-place" }, say("warn.find")), where),
    el("div", { class: "languages-of" }, words.languages.map(inLanguage)), trouble, el("button", { class: "first" }, say("warn.send")));

  function write(node, text) {
    if (!node.dataset.edited) node.value = text;
  }
  function draw() {
    const template = cancels ? "cancel" : value("hazard"), time = words.clock(Date.now()).slice(0, 5);
    for (const lang of words.languages) {
      write(fields[lang].place, places.map((place) => nameOf(place, lang)).join(", "));
      const known = { place: fields[lang].place.value, time, event: eventOf(lang) };
      const filled = (part) => (all[lang][`warn.${part}.${template}`] ?? "").replace(/\{(place|time|event)\}/g, (_, name) => known[name]);
      for (const part of parts) write(fields[lang][part], (part === "headline" && exercise ? all[lang]["warn.exercise"] + ". " : "") + filled(part));
      fill(shown[lang], preview(lang, Object.fromEntries(parts.map((part) => [part, fields[lang][part].value]))));
    }
  }
  // Enter as in every form.
  function onKey(event) {
    const node = event.target;
    if (event.key !== "Enter" || event.isComposing || event.defaultPrevented || node.matches("button, textarea") && !event.ctrlKey) return;
    event.preventDefault();
    if (event.ctrlKey) return form.requestSubmit();
    const all = [...form.querySelectorAll("input, select, textarea")];
    all[all.indexOf(node) + 1].focus();
  }
  function infoOf(lang, ends) {
    const codes = places.map((place) => ({ name: "PCODE", value: place.pcode })), upper = (name) => value(name).toUpperCase();
    return {
      language: lang, categories: ["CAP_CATEGORY_" + hazards[value("hazard")]], event: eventOf(lang), response_types: ["CAP_RESPONSE_TYPE_" + upper("response")],
      ...terms({ hazard: upper("hazard"), urgency: upper("urgency"), severity: upper("severity"), certainty: upper("certainty") }), expires_us: ends,
      sender_name: all[lang]["warn.sender"], ...Object.fromEntries(parts.map((part) => [part, fields[lang][part].value.trim()])),
      areas: [{ description: fields[lang].place.value.trim(), geocodes: codes }],
    };
  }
  async function submit(event) {
    event.preventDefault();
    trouble.textContent = places.length ? "" : say("warn.need_place");
    if (!places.length) return where.focus();
    const cap = old?.cap, ends = new Date(Date.now() + Number(value("hours")) * 3600000).toISOString();
    const references = cap ? [{ cap_sender: cap.cap_sender, identifier: cap.identifier, sent_us: cap.sent_us, sent_offset_min: cap.sent_offset_min, message_id: old.message_id }] : [];
    const type = cancels ? "CANCEL" : old ? "UPDATE" : "ALERT";
    if (busy) return;
    busy = true;
    fill(trouble, say("said.saying"));
    try {
      await api.tell({
        message_id: id, status: "STATUS_SYSTEM", area: { pcodes: places.map((place) => place.pcode) }, incident_ids: start.incident ? [start.incident] : [],
        public_alert: { status: "CAP_STATUS_DRAFT", msg_type: "CAP_MSG_TYPE_" + type, references, infos: words.languages.map((lang) => infoOf(lang, ends)) },
      });
      toast(say("warn.given"));
      if (form.isConnected) go("/warn"); // else somebody has gone on meanwhile
    } catch (failed) {
      fill(trouble, whyNodes(failed));
    }
    busy = false;
  }
  draw();
  return form;
}

// --- as people will read and hear it ------------------------------------------------------------------------------------------

const sentence = (text) => (/[.!?…]$/.test(text.trim()) ? text.trim() : text.trim() + ".");

function smsOf(text) {
  return `${text.headline} ${text.instruction}`.trim();
}
// An exercise begins with the word that says so, and so it is the first that is heard.
function preview(lang, text) {
  const sms = smsOf(text), length = smsLength(sms);
  return el("section", { class: "preview", "aria-label": `${say("warn.preview")}: ${say("warn.lang." + lang)}` }, el("h3", {}, say("warn.sms")), el("p", { lang, class: "sms" }, sms),
    el("p", { class: "small" + (length.parts > 3 ? " late" : "") }, say("warn.sms_is", { letters: words.count("warn.letters", length.letters), parts: words.count("warn.parts", length.parts), code: length.code, each: length.each })),
    el("h3", {}, say("warn.heard")), el("blockquote", { lang }, [text.headline, text.description, text.instruction].filter(Boolean).map(sentence).join(" ")));
}
