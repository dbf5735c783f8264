// words - the page's own words in three languages, plurals, times and numbers. Chromium has no Tajik locale
// data, so months, plurals and the order of the alphabet are ours.

export const languages = ["tg", "ru", "en"];
export const languageNames = { tg: "Тоҷикӣ", ru: "Русский", en: "English" };
// What a person has chosen in this browser stays, whoever signs in between; what is chosen before anybody has signed in is for
// whoever does then in this tab. Else it is the person's own of the people file, and before that what the browser's owner reads.
export function choose(lang, person) {
  localStorage.setItem(person ? "lang " + person : "lang", lang);
  if (!person) sessionStorage.setItem("lang", lang);
}
export function languageOf(me) {
  if (!me) return localStorage.getItem("lang") ?? navigator.languages.map((one) => one.slice(0, 2)).find((one) => languages.includes(one)) ?? "ru";
  if (sessionStorage.getItem("lang")) choose(sessionStorage.getItem("lang"), me.person);
  sessionStorage.removeItem("lang");
  return localStorage.getItem("lang " + me.person) ?? me.lang;
}
let texts = {};
export let lang = "ru";

const bookOf = async (lang) => (await fetch(`/words/${lang}.json`)).json();
export async function useLanguage(wanted) {
  const next = languages.includes(wanted) ? wanted : "ru";
  texts = await bookOf(next);
  lang = next; // not before its words are here
  document.documentElement.lang = lang;
}

// What is told in all of them at once: an alert, the titles of papers.
const books = {};
export async function inAllLanguages() {
  for (const one of languages) books[one] ??= await bookOf(one);
  return books;
}

// "queue.empty" with {name} filled in; a key without words shows itself, so that it is noticed.
export function say(key, values = {}) {
  const text = texts[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? (name === "who" ? who : String)(values[name]) : whole));
}

// Names by code, for what comes with codes only: regions and districts, offices, gateways and duties. When they do not come
// those of before stand.
let names = { __proto__: null };
export async function call(asked) {
  names = { ...names, ...(await asked.catch(() => ({}))).names, __proto__: null };
}
// The name of the first place, of the district if a jamoat or village is not known; else the code itself.
export function placeName(pcodes) {
  const first = pcodes.split(" ")[0];
  return names[first] ?? names[first.slice(0, 7)] ?? first;
}
// A text with codes (`coes.ayni.office`, `duty@3505203`) as people call them; what is none stays.
export const who = (text) => names[text] ?? String(text ?? "").replace(/(, )?(\w+@\d+|\w[\w-]*(?:\.[\w-]+)+)/g, (all, next, code) => {
  const [duty, at] = code.split("@"), name = names[at ? duty + "@" : code];
  return name ? `${next ? "; " : ""}${name}${at ? `, ${placeName(at)}` : ""}` : all;
});
export function has(key) {
  return key in texts;
}
const isThere = (one) => one !== null && one !== undefined && one !== false && one !== "";
// What there is of these, side by side.
export const dots = (...parts) => parts.filter(isThere).join(" · ");

// A word of the contract ("VERIFYING") in people's language, as it is if there is none.
export function word(group, value) {
  if (value === null || value === undefined || value === "") return "";
  return texts[`${group}.${String(value).toLowerCase()}`] ?? String(value).toLowerCase().replaceAll("_", " ");
}

// All of the contract that have words in a group, in the order of their table: what a form offers.
export const all = (group) => Object.keys(texts).filter((key) => key.startsWith(group + ".")).map((key) => key.slice(group.length + 1).toUpperCase());

// "EVACUATE IMMEDIATE" is two of them.
export const levels = (value) => String(value ?? "").split(" ").map((one) => word("level", one)).filter(Boolean).join(", ");

// Order of names: figures, Latin, then Cyrillic as the Tajik alphabet has it with the letters of the Russian one in
// their places, so that it is right in both.
const alphabet = "0123456789abcdefghijklmnopqrstuvwxyzабвгғдеёжзиӣйкқлмнопрстуӯфхҳцчҷшщъыьэюя";
const ordinals = (text) => Array.from(String(text ?? "").normalize("NFC").toLowerCase(), (letter) => alphabet.indexOf(letter)).filter((at) => at >= 0);
export function compare(a, b) {
  const one = ordinals(a), other = ordinals(b);
  for (let i = 0; i < one.length && i < other.length; i++) if (one[i] !== other[i]) return one[i] - other[i];
  return one.length - other.length;
}

// CLDR: Russian one, few, many; Tajik and English one, other.
function form(count) {
  if (lang !== "ru") return count === 1 ? "one" : "other";
  const ten = count % 10, hundred = count % 100;
  if (ten === 1 && hundred !== 11) return "one";
  return ten >= 2 && ten <= 4 && (hundred < 12 || hundred > 14) ? "few" : "many";
}
export function count(key, number) {
  return say(`${key}.${form(number)}`, { n: number });
}

// 1234.5 -> "1 234,5": as an office writes it.
export function figure(value, digits = 3) {
  if (value === null || value === undefined || value === "") return "";
  const [whole, part] = String(Number(Number(value).toFixed(digits))).replace("-", "−").split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") + (part ? (lang === "en" ? "." : ",") + part : "");
}

const two = (number) => String(number).padStart(2, "0");
export const ZONE_MS = 5 * 3600e3; // Dushanbe; no summer time
function parts(value) {
  const at = new Date(new Date(value).getTime() + ZONE_MS);
  return { year: at.getUTCFullYear(), month: at.getUTCMonth(), day: at.getUTCDate(), clock: `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`, second: two(at.getUTCSeconds()) };
}
export function clock(value) {
  const t = parts(value);
  return `${t.clock}:${t.second}`;
}
// "7 авг", with the year if that is not plain.
export function day(value, year = false) {
  const t = parts(value);
  return `${t.day} ${say("month." + (t.month + 1))}${year ? ` ${t.year}` : ""}`;
}
// "14:05" today, "7 авг 14:05" else.
export function time(value) {
  if (!value) return "";
  const t = parts(value), now = parts(Date.now());
  if (t.year === now.year && t.month === now.month && t.day === now.day) return t.clock;
  const year = t.year === now.year ? "" : ` ${t.year}`;
  return `${t.day} ${say("month." + (t.month + 1))}${year} ${t.clock}`;
}
export function age(value, now = Date.now()) {
  const minutes = Math.max(0, Math.round((now - new Date(value)) / 60000));
  if (minutes < 90) return say("age.minutes", { n: minutes });
  if (minutes < 48 * 60) return say("age.hours", { n: Math.round(minutes / 60) });
  return say("age.days", { n: Math.round(minutes / 1440) });
}
