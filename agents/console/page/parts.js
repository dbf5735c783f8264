// parts - what is not in the first view: it comes when somebody wants it, and by itself as soon as the first view stands, so
// that at night nobody waits for a part and a broken line takes none away. What a person most likely wants comes first.
import * as api from "./api.js";

export const ACT = "./act.js"; // all that can be done about a thing
const all = [ACT, "./incident.js", "./incidents.js", "./resources.js", "./warn.js", "./map.js", "./districts.js", "./sensors.js", "./orders.js", "./relocation.js", "./search.js", "./system.js",
  "./recipients.js", "./paper.js", "./numbers.js"];
const AGAIN_MS = 3000;

const here = new Map(); // file -> its module
export const have = (file) => here.get(file);
function keep(file, module) {
  here.set(file, module);
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

// Somebody wants it now. If it cannot come any more the page begins anew, with the address that it has by then; not while
// something is being said, which would be lost.
export async function part(file) {
  try {
    return have(file) ?? keep(file, await import(file));
  } catch (trouble) {
    if (!api.telling && (await isReplaced())) location.reload();
    throw trouble;
  }
}

// The browser's next quiet moment.
const quiet = () => new Promise((done) => (globalThis.requestIdleCallback ?? setTimeout)(done));
const later = () => new Promise((done) => setTimeout(done, AGAIN_MS));

export async function bringAll() {
  for (const file of all)
    for (let come = have(file); !come; ) {
      await quiet();
      come = await import(file).catch(() => null);
      if (come) keep(file, come);
      else if (await isReplaced().catch(() => false)) return; // who wants one of them gets the new version
      else await later();
    }
}
