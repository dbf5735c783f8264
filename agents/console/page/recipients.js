// recipients - to whom something is said, chosen by place, office or agency as people call them; who is on duty there and whether
// the link is alive stand beside.
import * as api from "./api.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { picker } from "./pick.js";

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
