// news - what happens, as it happens (server-sent events), and whether we still hear: a page that hears
// nothing for 5 s says that it is blind, and when it hears again asks its views anew.

import * as api from "./api.js";

const listeners = new Map();
export function on(event, listener) {
  if (!listeners.has(event)) listeners.set(event, new Set());
  listeners.get(event).add(listener);
  return () => listeners.get(event).delete(listener);
}
function give(event, data) {
  for (const listener of listeners.get(event) ?? []) listener(data);
}

const BLIND_MS = 5000, AGAIN_MS = 6000;
let source = null, opened = 0, heard = 0, heardAt = 0, blind = false, broken = false;
export let truth = null;

// By two clocks: one stands still while the machine sleeps, the other one can be set back.
const silent = () => Math.max(performance.now() - heard, Date.now() - heardAt);

// Nothing is told again after a break, however short: who hears once more asks the record.
function hear(event, data) {
  heard = performance.now();
  heardAt = Date.now();
  if (blind || broken) {
    blind = broken = false;
    give("sight", true);
  }
  give(event, data);
}

function open() {
  source?.close();
  opened = performance.now();
  source = new EventSource("/api/news");
  for (const event of ["message", "withdrawn", "settled", "truth"])
    source.addEventListener(event, (e) => {
      if (!e.data) return;
      const data = api.read(e.data), hubs = String(truth?.hubs);
      if (event === "truth") truth = data;
      hear(event, data);
      if (String(truth?.hubs) !== hubs) give("hubs");
    });
  source.addEventListener("error", () => {
    broken = true;
    api.whoAmI().catch(() => {}); // was it ended for good, as the person is signed out?
  });
}

function look() {
  if (silent() < BLIND_MS) return;
  if (!blind) {
    blind = true;
    give("sight", false);
  }
  if (performance.now() - opened >= AGAIN_MS) open();
}

export function start() {
  heard = performance.now();
  heardAt = Date.now();
  open();
  setInterval(look, 1000);
  // Back from a sleep of the machine or of the tab, whose timers may be a minute apart: at once. What the browser had put
  // aside whole has no connection any more.
  for (const event of ["online", "focus", "resume"]) addEventListener(event, look);
  for (const event of ["visibilitychange", "resume"]) document.addEventListener(event, look);
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    broken = true;
    open();
  });
}
