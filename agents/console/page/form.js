// form - one dialog for everything that is said: labelled fields, the first has the focus, Enter goes to the next and says from the
// last (from everywhere Ctrl and Enter), Escape leaves and loses nothing. What is refused is shown at the field it concerns.
import { button, el, fill, holdFocus, keyOf, none } from "./dom.js";
import * as words from "./words.js";
import { say, word, ZONE_MS } from "./words.js";
import { whyNodes } from "./called.js";
import { dropRefused, isUnderWay, speak } from "./said.js";
import { codeIn, findPlaces, picker } from "./pick.js";

// --- a time as people say it ---

const DAY_MS = 86400000;
function moment(year, month, day, hour, minute) {
  const at = new Date(Date.UTC(year, month, day, hour, minute));
  return at.getUTCMonth() === month && at.getUTCDate() === day ? at.getTime() - ZONE_MS : NaN; // 31.2 is no day
}
// "6:30", "8.8 6:30", "+2" (hours), "+0:45": milliseconds; NaN if it is none. Without a day the next such time, without a year
// the nearest; `past` the last.
export function readTime(text, past) {
  const soon = text.match(/^\+\s*(\d{1,3})(?:[:.](\d\d))?$/), said = text.match(/^(?:(\d{1,2})[./](\d{1,2})(?:[./](\d{4}))?\s+)?(\d{1,2})[:.](\d\d)$/);
  if (soon) return Date.now() + (Number(soon[1]) * 60 + Number(soon[2] ?? 0)) * 60000;
  if (!said || said[4] > 23 || said[5] > 59) return NaN;
  const now = new Date(Date.now() + ZONE_MS), year = now.getUTCFullYear(), soonest = Date.now() - 60000, latest = Date.now() + 60000;
  if (said[1]) {
    const on = (one) => moment(Number(one), said[2] - 1, Number(said[1]), Number(said[4]), Number(said[5]));
    if (said[3]) return on(said[3]);
    const away = (at) => Math.abs(at - Date.now()), found = [year - 1, year, year + 1].map(on).filter((at) => !Number.isNaN(at) && (!past || at <= latest));
    return found.sort((a, b) => away(a) - away(b))[0] ?? NaN;
  }
  const at = moment(year, now.getUTCMonth(), now.getUTCDate(), Number(said[4]), Number(said[5]));
  if (past) return at > latest ? at - DAY_MS : at;
  return at < soonest ? at + DAY_MS : at;
}

// --- one field ---
// {name, label, type, value, required, options, words, path, hint, least, wrong: of the name come its label and where the
// message has it, unless the form says otherwise; `options` make it a choice: pairs of value and text, or words of a group.

function optionsOf({ options, name, words = name }) {
  const list = typeof options === "function" ? options(words) : options;
  return list?.map((one) => (Array.isArray(one) ? one : [one, word(words, one)]));
}
const whole = (field) => ({
  type: field.options ? "choice" : "text", path: field.name, label: say("form." + field.name), ...field, options: optionsOf(field),
});

const line = (common, field, more) => el("input", { ...common, type: "text", value: field.value, autocomplete: "off", ...more });
const makers = {
  text: (field, common) => line(common, field, { maxlength: field.most ?? 500 }),
  area: (field, common) => {
    const node = el("textarea", { ...common, rows: 3, maxlength: field.most ?? 2000 });
    node.value = field.value ?? "";
    return node;
  },
  number: (field, common) => line(common, field, { inputmode: "decimal" }),
  time: (field, common) => line(common, field, { placeholder: "06:30 · +2" }),
  choice: (field, common) => el("select", common, field.options.map(([value, text]) => el("option", { value, selected: value === field.value }, text))),
  // One of a few that are long to read.
  radio: (field, common) => {
    const one = ([value, text]) => el("label", {},
      el("input", { type: "radio", name: field.name, value, checked: value === field.value, required: field.required }), el("span", {}, text));
    const box = el("div", { id: common.id, class: "radios" }, field.options.map(one)), chosen = () => box.querySelector(":checked");
    box.focus = () => (chosen() ?? box.querySelector("input")).focus();
    return Object.defineProperty(box, "value", { get: () => chosen()?.value ?? "" });
  },
  pick: picker,
  place: (field, common) => picker({ ...field, find: findPlaces }, common),
};
// What stands in the field, as the message has it; undefined: it cannot be read.
const readers = {
  pick: (text, field, node) => node.read(),
  number: (text, field) => {
    const value = text.replace(",", ".");
    return /^\d{1,9}(\.\d{1,3})?$/.test(value) && Number(value) >= (field.least ?? 0) ? value : undefined;
  },
  place: (text, field, node) => node.read() ?? codeIn(node.inner.value),
  time: (text, field) => {
    const at = readTime(text, field.past);
    return Number.isNaN(at) ? undefined : new Date(at).toISOString();
  },
};

export function fieldNode(given) {
  const field = whole(given), { type, required } = field, id = "f-" + field.name, isGroup = type === "radio";
  const input = makers[type](field, { id, name: field.name, required, "aria-describedby": id + "-why" });
  const trouble = el("p", { id: id + "-why", class: "trouble" }), hint = field.hint ?? (type === "area" && say("form.new_line"));
  const free = required || type === "choice" || type === "number" ? "" : el("span", { class: "small" }, " " + say("form.free"));
  const meant = type === "time" ? el("output", { for: id, class: "small" }) : null;
  const mean = () => meant && fill(meant, words.time(readTime(input.value.trim(), field.past)));
  input.addEventListener("input", mean);
  mean();
  const node = el(isGroup ? "fieldset" : "div", { class: type === "number" || field.half ? "field half" : "field" },
    el(isGroup ? "legend" : "label", { for: isGroup ? null : id }, field.label, free), input, meant,
    hint && el("p", { class: "small" }, hint), trouble);
  return {
    field, node, input,
    wrong(...text) {
      fill(trouble, ...text);
      (input.inner ?? input).setAttribute("aria-invalid", text.length ? "true" : "false");
    },
    // null: nothing is there; undefined: something that cannot be meant
    read() {
      const text = input.value.trim();
      this.wrong();
      if (text && readers[type]) return readers[type](text, field, input);
      if (!text && required) return undefined;
      return text || null;
    },
  };
}

const drafts = new Map(); // what was typed and not said, by the form's key
const spoken = new Map(); // what was said last by that form: {owner, words, at}

// --- the dialog ---

// A dialog with a title. When it closes it is gone at once, and the focus is back where it was, also if the page drew that anew.
export function openDialog(title, kind, ...children) {
  const back = holdFocus();
  const dialog = el("dialog", { class: kind, "aria-labelledby": "dialog-title", onclose: () => dialog.close(), onkeydown: (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    dialog.close();
  } }, el("h2", { id: "dialog-title" }, title), children);
  const shut = dialog.close.bind(dialog);
  dialog.close = () => {
    if (dialog.open) shut();
    if (!dialog.isConnected) return;
    dialog.remove();
    back();
    if (document.activeElement === document.body) document.getElementById("main").focus({ preventScroll: true });
  };
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

const leaving = () => button(say("form.leave"), (event) => event.target.closest("dialog").close());

// What the fields have; null if one of them cannot be meant: the first that cannot has the focus then.
function valuesOf(fields) {
  const values = Object.fromEntries(fields.map((one) => [one.field.name, one.read()])), wrong = fields.filter((one) => values[one.field.name] === undefined);
  for (const one of wrong) one.wrong(say(one.input.value.trim() ? one.field.wrong ?? "form." + one.field.type : "form.needed"));
  wrong[0]?.input.focus();
  return wrong.length ? null : values;
}
// From the last field Enter says, unless it took a row of its list; in a long text it makes a new line.
function onEnter(event, fields, go) {
  const says = event.ctrlKey || event.metaKey, took = event.defaultPrevented, at = fields.findIndex((one) => one.node.contains(event.target));
  if (!says && event.target.matches("textarea")) return;
  event.preventDefault();
  if (says || (at === fields.length - 1 && !took)) return event.currentTarget.requestSubmit();
  const next = fields[at + 1]?.input ?? go;
  next.focus();
  (next.inner ?? next).select?.();
}
// Who says it (said.js): when the record has it, what was typed is kept no longer, unless it is something else by now.
function ownerOf(form, typed) {
  const owner = { title: form.title, about: form.about, stored() {
    if (JSON.stringify(drafts.get(form.key)) === typed) drafts.delete(form.key);
    if (spoken.get(form.key)?.owner === owner) spoken.delete(form.key); // it would hold its dialog, and that the page under it
    form.stored?.(owner.said);
  } };
  return owner;
}

// form: {key, title, note, about: [ids], fields, button, make(values) -> messages, stored(messages): the record has them, however late}
export function ask(form, trouble) {
  const draft = drafts.get(form.key) ?? {};
  const fields = form.fields.filter(Boolean).map((field) => fieldNode({ ...field, value: draft[field.name] ?? field.value }));
  const before = spoken.get(form.key), waits = before && isUnderWay(before.owner);
  const status = el("p", { class: "trouble", role: "alert" }), go = el("button", { class: "first" }, form.button ?? say("form.say"));
  let busy = false;

  // A field may tell that it changed when the dialog goes.
  const keep = () => dialog.open && drafts.set(form.key, Object.fromEntries(fields.map((one) => [one.field.name, one.input.value])));
  function refuse(trouble) {
    const at = fields.find((one) => trouble.path && one.field.path && trouble.path.includes(one.field.path));
    at?.wrong(whyNodes(trouble));
    fill(status, at ? "" : whyNodes(trouble));
    (at?.input ?? fields[0]?.input ?? go).focus();
  }
  async function submit(event) {
    event.preventDefault();
    const values = !busy && valuesOf(fields);
    if (!values) return;
    busy = true;
    status.textContent = say("said.saying");
    keep();
    const draft = drafts.get(form.key), typed = JSON.stringify(draft), owner = ownerOf(form, typed);
    // The same words once more, while the first wait for the record, would be a second message.
    if (before && isUnderWay(before.owner) && before.words === typed) return dialog.close();
    spoken.set(form.key, { owner, words: typed, at: Date.now() });
    try {
      // Refused after the form has gone, it opens as it was typed.
      owner.said = form.make(values);
      await speak(owner, owner.said, (trouble) => {
        drafts.set(form.key, draft);
        ask(form, trouble);
      });
      dialog.close();
    } catch (trouble) {
      busy = false;
      if (!dialog.open) return;
      dropRefused(owner);
      refuse(trouble);
    }
  }
  const onKey = (event) => event.key === "Enter" && !event.isComposing && !event.target.matches("button") && onEnter(event, fields, go);
  const dialog = openDialog(form.title, "ask", form.note && el("p", { class: "small" }, form.note),
    waits && el("p", { class: "late", role: "status" }, say("form.waits", { at: words.time(before.at) })),
    el("form", { onsubmit: submit, onkeydown: onKey, oninput: keep, onchange: keep, novalidate: true }, fields.map((one) => one.node), status,
      fields.length > 1 && el("p", { class: "small" }, say("form.keys")), el("div", { class: "buttons" }, go, leaving())));
  (fields[0]?.input ?? go).focus();
  if (trouble) refuse(trouble);
}

// What can be done here and now, each with a letter: [{key, label, run}].
export function menu(title, actions) {
  const taken = new Set(), free = [..."123456789abcdefghijklmnopqrstuvwxyz"];
  const rows = actions.map((action) => {
    const key = action.key && !taken.has(action.key) ? action.key : free.find((one) => !taken.has(one) && !actions.some((other) => other.key === one));
    taken.add(key);
    return { ...action, key };
  });
  const choose = (action) => {
    dialog.close();
    action.run();
  };
  const row = (action) => el("li", {}, button([el("kbd", {}, action.key), " ", action.label], () => choose(action), { "data-key": action.key }));
  const list = el("ul", { class: "acts-menu" }, rows.map(row));
  const dialog = openDialog(title, "ask", rows.length ? list : none(say("act.none")), el("div", { class: "buttons" }, leaving()));
  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const buttons = [...dialog.querySelectorAll(".acts-menu button")], at = buttons.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1 }[event.key];
    const hit = rows.find((action) => action.key === keyOf(event).toLowerCase());
    if (next !== undefined) buttons[(next + buttons.length) % buttons.length]?.focus();
    else if (hit) choose(hit);
    else return;
    event.preventDefault();
  });
}
