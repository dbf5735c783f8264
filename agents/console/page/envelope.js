// envelope - how a thing becomes a message: whether its life cycle (eoc.transition) and the person's rights have such a move,
// the frame around what is said, and the form that asks for the rest. Whether the bus takes it the bus says itself.
import * as api from "./api.js";
import * as words from "./words.js";
import { dots, say, word } from "./words.js";
import { detailOf } from "./called.js";
import { ask } from "./form.js";
import { tried } from "./way.js";

const AGAIN_MS = 3000, RIGHTS_MS = 600000;

// --- what may be said ---

let moves = {};
const rights = new Map(); // places -> the types that may be said there; null while that is asked
const tellRights = () => dispatchEvent(new Event("rights"));

// Until the record has told them moves are not offered.
async function askMoves() {
  try {
    moves = await api.view("moves");
    tellRights();
  } catch {
    setTimeout(askMoves, AGAIN_MS);
  }
}
export const asked = askMoves();
export const movesOf = (cycle, state) => moves[cycle]?.[state] ?? {};

async function askRights(places) {
  rights.set(places, null);
  setTimeout(() => rights.delete(places), RIGHTS_MS);
  try {
    rights.set(places, new Set(await api.view("rights", { places })));
    tellRights();
  } catch {
    rights.delete(places);
  }
}
// Yes until that is known: the bus has the last word.
export function may(type, places) {
  const key = [...new Set((places ?? "").split(" ").map((place) => place.slice(0, 7)))].join(" ");
  if (!rights.has(key)) askRights(key);
  return rights.get(key)?.has(type) ?? true;
}

// --- the message ---

export const codes = (places) => (places ?? "").split(" ").filter(Boolean).slice(0, 8);
// What is not known is left out of a message when it is told (api.js).
export const frame = (thing, placeName) => ({
  area: { pcodes: codes(thing.places), place_name: placeName }, lang: "LANG_" + words.lang.toUpperCase(), incident_ids: [thing.incident_id].filter(Boolean),
});
// {hazard: "HAIL"} as the contract has it: {hazard: "HAZARD_HAIL"}.
export const terms = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value && `${name.toUpperCase()}_${value}`]));
export const receipt = (id, level, more) => ({
  preceding_id: id, receipt: { message_id: id, level: "RECEIPT_LEVEL_" + level, by: api.me.person, time_us: new Date().toISOString(), ...more },
});

// --- its form ---

// Of an alarm or a report the detail is a word of the contract, of the others what people wrote.
const isDetected = (thing) => thing.what === "alert" || thing.what === "report";
export const called = (thing) => (!isDetected(thing) && (detailOf(thing) || thing.name)) || word("hazard", thing.hazard);
export const titleOf = (name, thing) => dots(say("act." + name), called(thing), !String(called(thing)).includes(thing.place) && thing.place);
export const formOf = (name, thing, rest) => ({
  key: `${name} ${thing.id} ${thing.line_id ?? ""}`, title: titleOf(name, thing), button: say("act." + name), about: [thing.id], ...rest,
});
// A second person says no to what waits for him, and who wrote it takes it back: both with a reason.
export const turnDown = (id, places, { name, title, label }) => ask({
  key: `${name} ${id}`, title, button: title, about: [id], fields: [{ name: "reason", label, required: true, path: "text" }],
  make: (v) => [{ area: { pcodes: codes(places) }, ...receipt(id, "REJECTED", { code: "turned_down", text: v.reason }) }],
});
// One thing that can be done, as menus and buttons have it.
export const deed = (key, name, type, thing, run) => ({ key, name, type, label: say("act." + name), run: () => tried(run), places: thing.places });

// --- to whom: by place, office or agency as people call them; who is on duty there and whether the link is alive stand beside ---

const ALIVE_MS = 30 * 60000;
function link(one) {
  if (one.served_by) return say("to.listens");
  if (!one.heard_at) return "";
  return say(Date.now() - Date.parse(one.heard_at) < ALIVE_MS ? "to.heard" : "to.silent", { age: words.age(one.heard_at) });
}
function option(one) {
  const isAgency = one.kind === "agency", where = one.place ?? (one.kind === "principal" && one.recipient.split(".").slice(1).join(" "));
  return {
    value: one.recipient, title: one.recipient, label: dots([one.title, where].filter(Boolean).join(", "), !isAgency && one.agency),
    note: dots(word("could", one.why), isAgency && say("to.whole"), one.on_duty.length > 0 && say("to.on_duty", { who: one.on_duty.join("; ") }), link(one)),
  };
}

// A field `to`: `wanted` if that is somebody one can write to, else whom the list has first; who could supply `kind` comes first.
export async function toField(places, { wanted, kind, ...rest } = {}) {
  const own = [api.me.sender, api.me.person], find = async (text) =>
    (await api.view("recipients", { text, places, lang: words.lang, kind: kind?.() })).items.filter((one) => !own.includes(one.recipient)).map(option);
  const named = wanted ? await find(wanted).catch(() => []) : [];
  const first = named.find((one) => one.value === wanted) ?? (await find("").catch(() => []))[0];
  return { name: "to", type: "pick", many: true, required: true, value: first ? [first] : [], find, path: "to[", hint: say("to.how"), ...rest };
}
// What was asked for, by the names of the list in the reader's language; whatever else people write stays as they wrote it.
const tajik = { қ: "к", ҳ: "х", ҷ: "ч", ғ: "г" };
const plain = (text) => text.toLowerCase().normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/[қҳҷғ]/g, (one) => tajik[one]);
export function kindField({ kinds, others }, rest) {
  const all = [
    ...kinds.map((one) => ({ value: one.id, label: one.name, known: plain(`${one.id} ${one.name} ${one.also}`) })),
    ...others.map((one) => ({ value: one, label: one, known: plain(one) })),
  ];
  const find = (text) => all.filter((one) => one.known.includes(plain(text))).slice(0, 12);
  return { name: "kind", label: say("col.what"), type: "pick", free: true, required: true, find, path: "resource", ...rest };
}
