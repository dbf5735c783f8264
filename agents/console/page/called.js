// called - what a thing is, in the reader's language where it is not people's own words.
import { figure, has, say, word } from "./words.js";
import { detected } from "./detected.js";
import { whyUndecided } from "./refusal.js";

// Of a row, or of a kind alone: as the list calls it, else as people wrote it.
export const kindName = (row) => row?.kind_name ?? (has("kind." + (row?.kind ?? row)) ? say("kind." + (row?.kind ?? row)) : row?.kind ?? row ?? "");
// "2 KGM fuel" of the queue.
function wantedText(item) {
  const [, amount, unit, kind] = item.detail.match(/^([\d.]+ )?(?:(KGM|TNE|LTR|hour|person) )?(.*)$/s);
  return [amount && figure(amount), unit && word("unit", unit), item.kind_name ?? kindName(kind)].filter(Boolean).join(" ");
}
// What an entry of a log tells.
export const worded = (one) => (one.detection ? detected(one.detection) : /resource|quot/.test(one.what ?? one.type) && one.text ? wantedText({ detail: one.text }) : one.text);
// What a row of the queue says of itself.
export const detailOf = (thing) => (thing.what === "undecided" ? whyUndecided(thing) : (thing.what === "request" || thing.what === "late") && thing.detail ? wantedText(thing) : thing.detail);
