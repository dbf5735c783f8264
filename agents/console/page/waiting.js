// waiting - what needs a decision and what somebody has in hand: asked once for whatever page is open, again
// after news. The queue draws it, the title counts it, the sound rings for it.
import * as api from "./api.js";
import * as news from "./news.js";
import * as words from "./words.js";

// An alarm on its way to the database is here before the database has it: id -> {item, stored, at}.
const early = new Map(), cameAt = new Map(); // cameAt: id of an alarm -> when this page heard it
const listeners = new Set();
let answer = { items: [], taken: [], total: 0, urgent: 0, past: 0 }, text = "", timer = null, asking = null;
// So many are asked for, the most urgent first; further ones when somebody comes near their end.
const ROWS = 60, MORE = 300, MOST = 2000; // MOST: of page_queue.sql
let rows = ROWS;
export let known = false; // whether the record has answered once: an empty list before that says nothing

// Words to this person stand among the rest, by their lane.
const lanes = ["LANE_FLASH", "LANE_IMMEDIATE", "LANE_PRIORITY", "LANE_ROUTINE"];
const precedence = (message) => 1 + (lanes.indexOf(message.lane) + 4) % 4;
function ordered(now) {
  const said = (now.messages ?? []).map((message) => ({ ...message, precedence: precedence(message) })), all = [...now.items, ...said];
  for (const item of all) {
    item.mine = (item.answers ?? []).some((said) => said.startsWith(api.me.person + " "));
    item.past = item.status === "EXERCISE" && Date.parse(item.since) < Date.now() - PAST_MS;
  }
  const count = (which) => said.filter(which).length;
  return { ...now, items: all.sort((a, b) => a.precedence - b.precedence || (a.turn ?? 0) - (b.turn ?? 0) || (a.since < b.since ? -1 : 1)),
    total: now.total + said.length, urgent: now.urgent + count((item) => item.precedence === 1 && !item.past), past: now.past + count((item) => item.past) };
}
// Where hundreds of alarms are open, one that comes now would stand below all that are older, where nobody looks: for its first
// minute it stands above them; and what the record does not have yet above all, of many the newest first.
const FIRST = 30, NEW_MS = 60000;
const isNew = (item) => item.precedence === 1 && item.turn < 0 && cameAt.get(item.id) > performance.now() - NEW_MS;
export function items() {
  const fresh = [...early.values()].map((one) => one.item), rest = answer.items.filter((item) => !item.past);
  const below = rest.slice(FIRST).filter(isNew);
  return [...(fresh.length > FIRST ? fresh.reverse() : fresh), ...below.reverse(), ...rest.filter((item) => !below.includes(item))];
}
// What an exercise of another day has left: it is there and can be ended, and rings and counts no more. What is real never ages.
const PAST_MS = 86400e3;
export const past = () => answer.items.filter((item) => item.past);
export const taken = () => answer.taken;
// Counts are of all, also of what is not here.
export const pastTotal = () => answer.past;
export const total = () => answer.total - answer.past + early.size;
export const urgent = () => answer.urgent + early.size;
export function more() {
  if (asking || rows === MOST || answer.items.length >= answer.total) return;
  rows = Math.min(MOST, answer.items.length + MORE);
  clearTimeout(timer);
  load();
}
export function fewer() {
  rows = ROWS;
}
export function changed(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
const tellAll = () => listeners.forEach((listener) => listener());

function earlyItem(news) {
  const { sensor_detection: detection, flash_report: flash, public_alert: cap } = news.message ?? {}, about = detection ?? flash ?? {};
  return { what: flash ? "report" : "alert", id: news.message_id, precedence: 1, since: new Date(news.event_time_us / 1000).toISOString(), status: news.status === 2 ? "EXERCISE" : "ACTUAL",
    state: flash ? "NEW" : "ISSUED", places: news.places.join(" "), place: words.placeName(news.places.join(" ")), hazard: (about.hazard ?? "").replace("HAZARD_", ""),
    detail: (detection?.level ?? "").replace("DETECTION_LEVEL_", ""), by: news.author || news.sender, detection, flash, headline: cap?.infos?.[0]?.headline, type: news.type, provisional: true };
}

// Heard a minute ago, and still not in a record that answers: it was recorded while this page heard nothing, or
// is not for this person. It rings no more.
const STALE_MS = 60000;
const stale = (now) => (news.truth?.store && news.truth.view ? [...early].filter(([, one]) => one.at < now - STALE_MS).map(([id]) => id) : []);

// A bus that speaks a hundred times a second is asked about at its database's pace: twenty pages that ask for what takes 50 ms
// keep it busy for half a second of each. For a FLASH that was recorded before anybody heard of it nobody waits so long.
let pause = 0, brief = 0, urges = false;
function load(lang = words.lang) {
  timer = null;
  return asking ? soon(300) : (asking = ask(lang).finally(() => (asking = null)));
}
async function ask(lang) {
  let retry = 0;
  urges = false;
  const settled = [...early].filter(([, one]) => one.stored).map(([id]) => id), began = performance.now();
  try {
    const now = await api.view("queue", { lang, rows }), next = JSON.stringify(now);
    const gone = [...settled, ...stale(began), ...now.items.map((item) => item.id)].filter((id) => early.delete(id));
    if (next !== text || gone.length || !known) {
      known = true;
      text = next;
      answer = ordered(now);
      tellAll();
    }
  } catch {
    retry = 3000;
  }
  if (retry) soon(retry);
  const took = performance.now() - began;
  brief = Math.min(5000, 3 * took);
  pause = Math.max(Math.min(2000, 20 * took), brief);
}
function soon(ms = 0) {
  timer ??= setTimeout(load, Math.max(ms, urges ? brief : pause));
}

const READINGS = /^(observation_batch|sensor_status)$/; // hundreds a second, and nobody decides about one
export function start() {
  news.on("message", (message) => {
    const heard = early.get(message.message_id);
    if (heard && !message.provisional) heard.stored = true;
    else if (message.lane === 1 && message.status <= 2 && message.provisional && !heard && /detection|flash_report|public_alert/.test(message.type)) {
      cameAt.forEach((at, id) => at < performance.now() - NEW_MS && cameAt.delete(id));
      cameAt.set(message.message_id, performance.now());
      early.set(message.message_id, { item: earlyItem(message), stored: false, at: performance.now() });
      tellAll();
    }
    if (message.lane === 1 && !message.provisional && !heard) {
      urges = true;
      clearTimeout(timer);
      timer = null;
    }
    if (!READINGS.test(message.type)) soon();
  });
  news.on("withdrawn", (gone) => early.delete(gone.message_id) && tellAll());
  news.on("sight", (sees) => sees && soon());
  setInterval(soon, 60000); // what becomes due by the clock alone
}
// At the beginning, and in another language.
export async function again(lang) {
  await asking;
  await load(lang);
  tellAll();
}
