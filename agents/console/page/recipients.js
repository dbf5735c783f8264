// recipients - to whom something is said, chosen by place, office or agency as people call them, who is on duty there and whether the
// link is alive beside; by a field that offers what fits while people type: one thing or several, from the list alone or also what
// they wrote themselves. Down and up choose, Enter takes (the first, if none is chosen) and lets the form go on, Escape closes the
// list, Backspace in an empty field takes the last one out.
import * as api from "./api.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { el, fill } from "./dom.js";

const WAIT_MS = 150;

// field: {find(text) -> [{value, label, note, title}], many, free, value, changed(value), bind({offer})}. Its value is a text, as forms
// keep it: JSON of {chosen, text}. offer(list): what is proposed as long as nobody has chosen.
export function picker(field, common) {
  const kept = typeof field.value === "string" && field.value ? JSON.parse(field.value) : { chosen: Array.isArray(field.value) ? field.value : [], text: "" };
  let chosen = kept.chosen, touched = typeof field.value === "string", shown = [], at = -1, turn = 0, timer = null, looked = null;
  const list = el("ul", { role: "listbox", id: common.id + "-list", class: "offers", tabindex: "-1", hidden: true, "aria-label": field.label }), chips = el("ul", { class: "picked" });
  const input = el("input", { ...common, required: null, "aria-required": common.required ? "true" : null, type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", maxlength: field.most ?? 120,
    "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id });
  const box = el("div", { class: "pick" }, chips, input, list);
  const single = () => !field.many && chosen[0]?.label === input.value.trim() && chosen[0];

  function open(is) {
    list.hidden = !is || !shown.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    const active = !list.hidden && shown[at] ? `${list.id}-${at}` : "";
    active ? input.setAttribute("aria-activedescendant", active) : input.removeAttribute("aria-activedescendant");
    [...list.children].forEach((one, i) => one.setAttribute("aria-selected", String(i === at)));
    if (active) list.children[at].scrollIntoView({ block: "nearest" });
  }
  function draw() {
    fill(chips, field.many ? chosen.map((one) => el("li", { title: one.title ?? null }, el("span", {}, one.label), one.note ? el("span", { class: "small" }, ` ${one.note}`) : null, " ",
      el("button", { type: "button", "aria-label": say("pick.remove", { name: one.label }), onclick: () => { set(chosen.filter((other) => other !== one)); input.focus(); } }, "×"))) : []);
    chips.hidden = !chips.children.length;
  }
  function set(next) {
    chosen = next;
    touched = true;
    draw();
    box.dispatchEvent(new Event("input", { bubbles: true }));
    field.changed?.(box.read());
  }
  function take(one) {
    input.value = field.many ? "" : one.label;
    shown = [];
    open(false);
    set(field.many ? [...chosen.filter((other) => other.value !== one.value), one] : [one]);
  }
  async function look() {
    const mine = ++turn, text = single() ? "" : input.value.trim();
    const found = await Promise.resolve(field.find(text)).catch(() => []);
    if (mine !== turn || document.activeElement !== input) return;
    looked = text;
    shown = found.filter((one) => !field.many || !chosen.some((other) => other.value === one.value));
    at = text && !field.free && shown.length ? 0 : -1;
    fill(list, shown.map((one, i) => el("li", { role: "option", id: `${list.id}-${i}`, title: one.title ?? null, "aria-selected": "false", onmousedown: (event) => { event.preventDefault(); take(one); } },
      el("span", {}, one.label), one.note ? el("span", { class: "small" }, one.note) : null)));
    open(true);
  }
  function later() {
    touched = true;
    looked = null;
    clearTimeout(timer);
    timer = setTimeout(look, WAIT_MS);
    field.changed?.(box.read());
  }
  async function onKey(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key], shownNow = !list.hidden;
    if (event.key === "Backspace" && field.many && !input.value && chosen.length) return set(chosen.slice(0, -1));
    if (event.key === "Tab") return shownNow && shown[at] && input.value.trim() ? take(shown[at]) : open(false);
    if (step) {
      event.preventDefault();
      if (!shownNow) return look();
      at = (at + step + shown.length) % shown.length;
    } else if (event.key === "Enter") {
      const text = single() ? "" : input.value.trim();
      if (!text && !shown[at]) return open(false);
      event.preventDefault();
      if (text === looked) return shownNow && take(shown[at] ?? shown[0]);
      // Typed faster than the list came.
      event.stopPropagation();
      clearTimeout(timer);
      await look();
      return void (text === looked && input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true })));
    } else if (event.key === "Escape" && shownNow) {
      event.preventDefault();
      event.stopPropagation();
      turn++;
      return open(false);
    } else return;
    open(true);
  }
  input.addEventListener("input", later);
  input.addEventListener("keydown", onKey);
  input.addEventListener("focus", () => (field.many ? chosen.length : input.value) || look());
  input.addEventListener("blur", () => { turn++; open(false); });
  input.value = field.many ? kept.text : chosen[0]?.label ?? kept.text;
  draw();

  // What the message has: values of what was chosen, or what was written; null: nothing, undefined: what is none of the list.
  box.read = () => {
    const text = input.value.trim();
    if (!field.many) return single()?.value ?? (text ? (field.free ? text : undefined) : null);
    return text ? undefined : chosen.length ? chosen.map((one) => one.value) : null;
  };
  field.bind?.({ offer: (some) => { if (!touched) { chosen = some; draw(); } } });
  box.focus = () => input.focus();
  box.inner = input;
  return Object.defineProperty(box, "value", { get: () => (chosen.length && (field.many || single()) ? JSON.stringify({ chosen, text: field.many ? input.value.trim() : "" }) : input.value.trim() && JSON.stringify({ chosen: [], text: input.value.trim() })) || "" });
}

// --- to whom ----------------------------------------------------------------------------------------------------------------

const ALIVE_MS = 30 * 60000;
function link(one) {
  if (one.served_by) return say("to.listens");
  if (!one.heard_at) return "";
  const age = words.age(one.heard_at);
  return say(Date.now() - Date.parse(one.heard_at) < ALIVE_MS ? "to.heard" : "to.silent", { age });
}
function option(one) {
  const own = one.recipient.split(".").slice(1).join(" ");
  return { value: one.recipient, title: one.recipient, label: [[one.title, one.place ?? (one.kind === "principal" ? own : "")].filter(Boolean).join(", "), one.kind === "agency" ? "" : one.agency].filter(Boolean).join(" · "),
    note: [one.why ? word("could", one.why) : "", one.kind === "agency" ? say("to.whole") : "", one.on_duty.length ? say("to.on_duty", { who: one.on_duty.join("; ") }) : "", link(one)].filter(Boolean).join(" · ") };
}
// As a form's field asks it; `kind` of resource: who could supply that comes first.
export const finder = (places, kind) => async (text) => (await api.view("recipients", { text, places, lang: words.lang, kind: kind?.() })).items.filter((one) => one.recipient !== api.me.sender && one.recipient !== api.me.person).map(option);

// A field `to`: `wanted` if that is somebody one can write to, else whom the list has first.
export async function toField(places, { wanted, kind, label, ...rest } = {}) {
  const find = finder(places, kind), named = wanted ? await find(wanted).catch(() => []) : [];
  const first = named.find((one) => one.value === wanted) ?? (await find("").catch(() => []))[0];
  return { name: "to", label: label ?? say("form.to"), type: "pick", maker: picker, many: true, required: true, value: first ? [first] : [], find, path: "to[", hint: say("to.how"), ...rest };
}
// What was asked for, by the names of the list in the reader's language; whatever else people write stays as they wrote it.
const plain = (text) => text.toLowerCase().normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/[қҳҷғ]/g, (one) => "кхчг"["қҳҷғ".indexOf(one)]);
export function kindField({ kinds, others }, rest) {
  const all = [...kinds.map((one) => ({ value: one.id, label: one.name, known: plain(`${one.id} ${one.name} ${one.also}`) })), ...others.map((one) => ({ value: one, label: one, known: plain(one) }))];
  return { name: "kind", label: say("col.what"), type: "pick", maker: picker, free: true, required: true, find: (text) => all.filter((one) => one.known.includes(plain(text))).slice(0, 12), path: "resource", ...rest };
}
