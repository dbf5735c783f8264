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

const BLIND_MS = 5000;
let source = null, heard = 0, blind = false;
export let truth = null;

function hear(event, data) {
  heard = Date.now();
  if (blind) {
    blind = false;
    give("sight", true);
  }
  give(event, data);
}

function open() {
  source?.close();
  source = new EventSource("/api/news");
  for (const event of ["message", "withdrawn", "settled", "truth"])
    source.addEventListener(event, (e) => {
      if (!e.data) return;
      const data = JSON.parse(e.data);
      const was = String(truth?.hubs);
      if (event === "truth") truth = data;
      hear(event, data);
      if (event === "truth" && String(data.hubs) !== was) give("hubs", data.hubs);
    });
  // The stream was ended for good: the person is signed out, here or everywhere.
  source.addEventListener("error", () => api.whoAmI().catch((trouble) => trouble.status === 401 && location.reload()));
}

export function start() {
  heard = Date.now();
  open();
  setInterval(() => {
    const silent = Date.now() - heard;
    if (silent < BLIND_MS) return;
    if (!blind) {
      blind = true;
      give("sight", false);
    }
    if (silent % 6000 < 1000) open(); // also after a night's sleep of the browser
  }, 1000);
}
