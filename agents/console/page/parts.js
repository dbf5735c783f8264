// parts - what is not in the first view: it comes when somebody wants it, and by itself as soon as the first view stands, so
// that at night nobody waits for a part and a broken line takes none away. What a person most likely wants comes first.
import { el, fill } from "./dom.js";
import * as api from "./api.js";
import { say } from "./words.js";

export const ACT = "./act.js"; // all that can be done about a thing
const all = [ACT, "./incident.js", "./boards.js", "./warn.js", "./map.js", "./orders.js", "./search.js", "./system.js",
  "./paper.js", "./plot.js"];
const AGAIN_MS = 3000, TRIES = 3;

const here = new Map(); // file -> its module
export const have = (file) => here.get(file);
function keep(file, module) {
  here.set(file, module);
  sessionStorage.removeItem("anew " + file);
  if (file === ACT) dispatchEvent(new Event("rights")); // the list shows what can be done
  return module;
}

// Addresses name the version that this page began with (page.c). Another console in its place has other parts, which do not
// fit the ones that are here.
const folder = new URL(".", import.meta.url).pathname;
async function isReplaced() {
  const answer = await fetch("/", { cache: "no-store" });
  return answer.ok && !(await answer.text()).includes(folder);
}

// There are browsers that never ask again for a module that once did not come, nor for one that needs it, until the page begins
// anew: so it does when the server answers and the file does not come. Once for a file: where that does not help nothing blinks.
const failed = new Map(); // file -> how often, while the server answered
function isGivenUp(file) {
  const mark = "anew " + file, times = (failed.get(file) ?? 0) + 1;
  failed.set(file, times);
  if (times < TRIES || sessionStorage.getItem(mark)) return false;
  sessionStorage.setItem(mark, "1");
  return true;
}

// Somebody wants it now. If it cannot come any more the page begins anew, with the address that it has by then; not while
// something is being written or said, which would be lost.
const isBusy = () => api.telling || document.querySelector("dialog");
export async function part(file) {
  try {
    return have(file) ?? keep(file, await import(file));
  } catch (trouble) {
    if (!isBusy() && ((await isReplaced()) || isGivenUp(file))) location.reload();
    throw trouble;
  }
}

// Shows something where `place` stands; what could not be fetched or drawn says so and is tried again, until it stands or somebody
// goes on, or the question is none. `show(node)` answers how to leave it.
export function stand(place, show) {
  let over = false, end = null;
  async function begin() {
    while (!over) {
      const node = el("div"); // of its own: what comes late draws nothing into the next one
      place.replaceWith(node);
      place = node;
      try {
        end = (await show(node)) ?? null;
        return over && end?.(); // it came when somebody had gone on
      } catch (trouble) {
        console.error(trouble);
        if (over) return;
        const never = trouble.status === 400; // nobody answers what its address asks
        fill(node, el("p", { class: "trouble", role: "alert" }, say(never ? "refused.question" : "trouble.again")));
        if (never) return;
        await api.pause(AGAIN_MS);
      }
    }
  }
  return { stands: begin(), leave: () => { over = true; end?.(); } };
}

// The browser's next quiet moment.
const quiet = () => new Promise((done) => (globalThis.requestIdleCallback ?? setTimeout)(done));

export async function bringAll() {
  for (const file of all)
    for (let come = have(file); !come; ) {
      await quiet();
      come = await import(file).catch(() => null);
      if (come) keep(file, come);
      else if (await isReplaced().catch(() => false)) return; // who wants one of them gets the new version
      else await api.pause(AGAIN_MS);
    }
}
