// pick - a field with a list of what fits, while people type: one thing or several, from the list alone or also what people wrote
// themselves. Down and up choose, Enter takes (the first, if none is chosen) and lets the form go on, Escape closes the list,
// Backspace in an empty field takes the last one out.
import { button, el, fill } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { say } from "./words.js";

const WAIT_MS = 150;

// --- the list below the field, and what a screen reader is told of it ---

const small = (text) => el("span", { class: "small" }, text);
function listBelow(input, id, label, take) {
  const list = el("ul", { role: "listbox", id, class: "offers", tabindex: "-1", hidden: true, "aria-label": label });
  let rows = [], at = -1;
  const row = (one, i) => el("li", { role: "option", id: `${id}-${i}`, title: one.title, onmousedown: (event) => {
    event.preventDefault();
    take(one);
  } }, el("span", {}, one.label), one.note && small(one.note));
  const active = () => !list.hidden && rows[at];
  function open(is) {
    list.hidden = !is || !rows.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    input.setAttribute("aria-activedescendant", active() ? `${id}-${at}` : "");
    [...list.children].forEach((one, i) => one.setAttribute("aria-selected", String(i === at)));
    if (active()) list.children[at].scrollIntoView({ block: "nearest" });
  }
  return {
    list, active, first: () => active() || (!list.hidden && rows[0]), isOpen: () => !list.hidden, close: () => open(false),
    show(found, choosesFirst) {
      rows = found;
      at = choosesFirst ? 0 : -1;
      fill(list, rows.map(row));
      open(true);
    },
    step(by) {
      at = (Math.max(at, by < 0 ? 0 : -1) + by + rows.length) % rows.length;
      open(true);
    },
  };
}

// --- the field ---

// What a form keeps of it is a text, JSON of {chosen, text}; what it begins with may be a list.
const begun = (value) => (typeof value === "string" && value ? JSON.parse(value) : { chosen: value || [], text: "" });

// field: {find(text) -> [{value, label, note, title}], many, free, value, changed(value), bind({offer})}.
// offer(list): what is proposed as long as nobody has chosen.
export function picker(field, common) {
  const input = el("input", { ...common, required: null, "aria-required": common.required ? "true" : null, type: "text", role: "combobox", autocomplete: "off",
    spellcheck: "false", maxlength: field.most ?? 120, "aria-autocomplete": "list", "aria-controls": common.id + "-list" });
  const offers = listBelow(input, common.id + "-list", field.label, take), chips = el("ul", { class: "picked" }), box = el("div", { class: "pick" }, chips, input, offers.list);
  let { chosen, text } = begun(field.value), touched = typeof field.value === "string", turn = 0, timer = null, looked = null;
  // Of a field for one thing: what was chosen, while it stands there. And what stands there that is not chosen.
  const single = () => !field.many && chosen[0]?.label === input.value.trim() && chosen[0];
  const typed = () => (single() ? "" : input.value.trim());

  function remove(one) {
    set(chosen.filter((other) => other !== one));
    input.focus();
  }
  const chip = (one) => el("li", { title: one.title }, el("span", {}, one.label), one.note && small(` ${one.note}`), " ",
    button("×", () => remove(one), { "aria-label": say("pick.remove", { name: one.label }) }));
  function draw() {
    fill(chips, field.many ? chosen.map(chip) : null);
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
    if (!one.value) return void look(); // what could not be asked is asked again
    input.value = field.many ? "" : one.label;
    offers.show([]);
    set(field.many ? [...chosen.filter((other) => other.value !== one.value), one] : [one]);
  }
  async function look() {
    const mine = ++turn, text = typed();
    const found = await Promise.resolve(field.find(text)).catch(() => [{ label: say("trouble.store_away") }]);
    if (mine !== turn || document.activeElement !== input) return;
    looked = text;
    offers.show(found.filter((one) => !field.many || !chosen.some((other) => other.value === one.value)), text && !field.free);
  }
  function later() {
    touched = true;
    looked = null;
    clearTimeout(timer);
    timer = setTimeout(look, WAIT_MS);
    field.changed?.(box.read());
  }
  function leave() {
    turn++; // what comes now comes too late
    offers.close();
  }

  function step(event, by) {
    event.preventDefault();
    if (offers.isOpen()) offers.step(by);
    else look();
  }
  async function enter(event) {
    const text = typed();
    if (!text && !offers.active()) return offers.close();
    event.preventDefault();
    if (text !== looked) { // typed faster than the list came
      event.stopPropagation();
      clearTimeout(timer);
      await look();
      if (text === looked) input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
    } else if (offers.first()) take(offers.first());
  }
  const keys = {
    ArrowDown: (event) => step(event, 1), ArrowUp: (event) => step(event, -1), Enter: enter,
    Backspace: () => field.many && !input.value && chosen.length && set(chosen.slice(0, -1)),
    Tab: () => (offers.active() && input.value.trim() ? take(offers.active()) : offers.close()),
    Escape(event) {
      if (!offers.isOpen()) return;
      event.preventDefault();
      event.stopPropagation();
      leave();
    },
  };
  input.addEventListener("input", later);
  input.addEventListener("keydown", (event) => event.isComposing || event.ctrlKey || event.metaKey || keys[event.key]?.(event));
  input.addEventListener("focus", () => (field.many ? chosen.length : input.value) || look());
  input.addEventListener("blur", leave);
  input.value = field.many ? text : chosen[0]?.label ?? text;
  offers.close();
  draw();

  // What the message has: values of what was chosen, or what was written; null: nothing, undefined: what is none of the list.
  box.read = () => {
    const text = typed();
    if (!field.many) return single()?.value ?? (text ? (field.free ? text : undefined) : null);
    return text ? undefined : chosen.length ? chosen.map((one) => one.value) : null;
  };
  field.bind?.({ offer: (some) => { if (!touched) { chosen = some; draw(); } } });
  box.focus = () => input.focus();
  box.inner = input;
  const kept = () => ({ chosen: field.many || single() ? chosen : [], text: typed() });
  return Object.defineProperty(box, "value", { get: () => (kept().chosen.length || kept().text ? JSON.stringify(kept()) : "") });
}

// --- places ---

export const codeIn = (text) => text.match(/\b(?:\d{7,13}|[A-Z]{2}\d{2,13})\b/)?.[0];
// A place by its name in any of the languages, or by its code; best first.
export async function findPlaces(text) {
  if (text.length < 2 || codeIn(text)) return [];
  return (await api.view("places", { text })).map((one) => ({ ...one, value: one.pcode, label: `${one[words.lang]} ${one.pcode}`, note: one.path }));
}
