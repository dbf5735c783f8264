// alert_form - an alert written once in three languages: hazard and places fill in the templates, what somebody
// edits stays as edited. Nothing goes out from here: it becomes a draft that another person approves.
import { el, fill } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { whyNodes } from "./refusal.js";
import { go, toast } from "./way.js";
import { preview } from "./alert_text.js";

const parts = ["headline", "description", "instruction"];
const hazards = { mudflow: "GEO", flash_flood: "MET", river_flood: "MET", landslide: "GEO", rockfall: "GEO", avalanche: "MET", earthquake: "GEO", glof: "GEO", lake_outburst: "GEO",
  windstorm: "MET", hail: "MET", fire: "FIRE", technological: "CBRNE", epidemic: "HEALTH", other: "SAFETY" };
const choices = { urgency: ["immediate", "expected", "future", "past"], severity: ["extreme", "severe", "moderate", "minor"], certainty: ["observed", "likely", "possible"],
  response: ["evacuate", "shelter", "prepare", "avoid", "monitor", "all_clear"] };
const first = { urgency: "immediate", severity: "severe", certainty: "likely", response: "evacuate" };
const over = { urgency: "past", severity: "minor", certainty: "observed", response: "all_clear" };

let texts = null; // of all three languages
async function allTexts() {
  texts ??= Object.fromEntries(await Promise.all(words.languages.map(async (lang) => [lang, await (await fetch(`/words/${lang}.json`)).json()])));
  return texts;
}

// What the form starts with: an incident, or the alert that it updates or cancels.
function startOf(incident, old, cancels) {
  const info = old?.cap.infos?.[0], sure = (info?.certainty?.replace("CERTAINTY_", "") ?? incident?.certainty)?.toLowerCase();
  return { hazard: (info?.hazard ?? incident?.hazard ?? "").replace("HAZARD_", "").toLowerCase() || "mudflow", codes: old?.places ?? (incident?.places ?? "").split(" ").filter(Boolean),
    ...(cancels ? over : first), ...(!cancels && choices.certainty.includes(sure) ? { certainty: sure } : {}), hours: cancels ? 1 : 6, incident: old?.incident_id ?? incident?.incident_id };
}

export async function alertForm({ incident, old, cancels }) {
  const all = await allTexts(), start = startOf(incident, old, cancels), exercise = api.me.status === "exercise";
  // The table calls districts in Russian by their adjective.
  const nameOf = (place, lang) => (lang === "ru" ? place.ru.replace(/[сц]кий$/, "$& район") : place[lang]);
  let places = start.codes.length ? await api.view("places", { codes: start.codes.join(" ") }) : [];
  const id = api.newId(); // pressed twice, it is one draft
  const pick = (name, values, label = name) => el("label", {}, say("warn." + label),
    el("select", { name, onchange: draw }, values.map((value) => el("option", { value, selected: value === start[name] }, name === "hazard" ? all[words.lang]["warn.event." + value] : word("warn." + name, value)))));
  const chosen = el("ul", { class: "chosen-places" }), found = el("ul", { class: "found", role: "status" });
  const find = el("input", { type: "search", id: "find-place", autocomplete: "off", maxlength: "80", oninput: search });
  const field = (lang, part) => el(part === "place" ? "input" : "textarea", { name: `${lang}.${part}`, lang, maxlength: { place: "300", headline: "200" }[part] ?? "2000", rows: { place: null, headline: "2" }[part] ?? "3",
    required: true, oninput: (event) => { event.target.dataset.edited = "yes"; draw(); } });
  const fields = Object.fromEntries(words.languages.map((lang) => [lang, Object.fromEntries(["place", ...parts].map((part) => [part, field(lang, part)]))]));
  const shown = Object.fromEntries(words.languages.map((lang) => [lang, el("div", {})]));
  const trouble = el("p", { class: "trouble", role: "alert" });
  const form = el("form", { class: "alert-form", onsubmit: submit, onkeydown: onKey },
    old ? el("p", {}, say(cancels ? "warn.cancels" : "warn.updates", { id: old.cap.identifier })) : null,
    el("div", { class: "choices" }, pick("hazard", Object.keys(hazards)), Object.keys(choices).map((name) => pick(name, choices[name])),
      el("label", {}, say("warn.hours"), el("input", { name: "hours", type: "number", min: "1", max: "168", value: String(start.hours), required: true }))),
    el("fieldset", {}, el("legend", {}, say("warn.places")), chosen, el("label", { for: "find-place" }, say("warn.find")), find, found),
    el("div", { class: "languages-of" }, words.languages.map((lang) => el("fieldset", {}, el("legend", {}, say("warn.lang." + lang)),
      ["place", ...parts].map((part) => el("label", {}, say("warn." + part), fields[lang][part])), shown[lang]))),
    trouble, el("button", { class: "first" }, say("warn.send")));

  function filled(lang, key, place, event) {
    const now = words.clock(Date.now()).slice(0, 5), text = all[lang][key] ?? "";
    return text.replaceAll("{place}", place).replaceAll("{time}", now).replaceAll("{event}", event);
  }
  function write(node, text) {
    if (!node.dataset.edited) node.value = text;
  }
  const eventOf = (lang) => all[lang]["warn.event." + form.elements.hazard.value];
  function draw() {
    const template = cancels ? "cancel" : form.elements.hazard.value;
    for (const lang of words.languages) {
      write(fields[lang].place, places.map((place) => nameOf(place, lang)).join(", "));
      for (const part of parts)
        write(fields[lang][part], (part === "headline" && exercise ? all[lang]["warn.exercise"] + ". " : "") + filled(lang, `warn.${part}.${template}`, fields[lang].place.value, eventOf(lang)));
      fill(shown[lang], preview(lang, Object.fromEntries(parts.map((part) => [part, fields[lang][part].value]))));
    }
    fill(chosen, places.map((place, index) => el("li", {}, nameOf(place, words.lang), " ", el("small", {}, place.pcode), " ",
      el("button", { type: "button", "aria-label": say("warn.remove", { name: place[words.lang] }), onclick: () => { places.splice(index, 1); draw(); find.focus(); } }, "×"))));
  }
  // Enter as in every form.
  function onKey(event) {
    const node = event.target;
    if (event.key !== "Enter" || event.isComposing || node.matches("button, textarea") && !event.ctrlKey) return;
    event.preventDefault();
    if (event.ctrlKey) return form.requestSubmit();
    if (node === find && found.querySelector("button")) return found.querySelector("button").click();
    const all = [...form.querySelectorAll("input, select, textarea")];
    all[all.indexOf(node) + 1].focus();
  }
  let asked = 0;
  async function search() {
    const mine = ++asked, text = find.value.trim();
    if (text.length < 2) return fill(found);
    const list = await api.view("places", { text }).catch(() => []);
    if (mine !== asked) return;
    fill(found, list.length ? list.map((place) => el("li", {}, el("button", { type: "button", title: place.path, onclick: () => add(place) }, say("warn.add", { name: place[words.lang] }), " ", el("small", {}, place.path)))) : el("li", {}, say("warn.nothing_found")));
  }
  function add(place) {
    if (places.length < 8 && !places.some((one) => one.pcode === place.pcode)) places.push(place);
    find.value = "";
    fill(found);
    draw();
    find.focus();
  }
  function infoOf(lang, ends) {
    const f = form.elements, response = f.response.value;
    return { language: lang, categories: ["CAP_CATEGORY_" + hazards[f.hazard.value]], event: eventOf(lang), response_types: ["CAP_RESPONSE_TYPE_" + response.toUpperCase()],
      urgency: "URGENCY_" + f.urgency.value.toUpperCase(), severity: "SEVERITY_" + f.severity.value.toUpperCase(), certainty: "CERTAINTY_" + f.certainty.value.toUpperCase(), expires_us: ends,
      sender_name: all[lang]["warn.sender"], ...Object.fromEntries(parts.map((part) => [part, fields[lang][part].value.trim()])), hazard: "HAZARD_" + f.hazard.value.toUpperCase(),
      areas: [{ description: fields[lang].place.value.trim(), geocodes: places.map((place) => ({ name: "PCODE", value: place.pcode })) }] };
  }
  async function submit(event) {
    event.preventDefault();
    trouble.textContent = places.length ? "" : say("warn.need_place");
    if (!places.length) return find.focus();
    const cap = old?.cap, ends = new Date(Date.now() + Number(form.elements.hours.value) * 3600000).toISOString();
    const references = cap ? [{ cap_sender: cap.cap_sender, identifier: cap.identifier, sent_us: cap.sent_us, sent_offset_min: cap.sent_offset_min, message_id: old.message_id }] : [];
    try {
      await api.tell({ message_id: id, status: "STATUS_SYSTEM", area: { pcodes: places.map((place) => place.pcode) }, incident_ids: start.incident ? [start.incident] : [],
        public_alert: { status: "CAP_STATUS_DRAFT", msg_type: "CAP_MSG_TYPE_" + (cancels ? "CANCEL" : old ? "UPDATE" : "ALERT"), references, infos: words.languages.map((lang) => infoOf(lang, ends)) } });
      toast(say("warn.given"));
      go("/warn");
    } catch (failed) {
      fill(trouble, whyNodes(failed));
    }
  }
  draw();
  return form;
}
