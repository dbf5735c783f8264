// places - names of regions and districts by P-code, for what comes by news with codes only.
import * as api from "./api.js";
import * as words from "./words.js";

let names = {};
export async function load() {
  names = (await api.view("names", { lang: words.lang }).catch(() => null))?.names ?? names;
}
// The name of the first place, of the district if a jamoat or village is not known; else the code itself.
export function name(pcodes) {
  const first = pcodes.split(" ")[0];
  return names[first] ?? names[first.slice(0, 7)] ?? first;
}
