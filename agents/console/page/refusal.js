// refusal - why something was refused, is held or contested, in people's language: a sentence for its code, with the numbers,
// states and moves that the bus named; the bus's own words, which are English, stay to be read.
import { el } from "./dom.js";
import { has, say, word } from "./words.js";

const facts = [["most", /^(\d+) bytes; at most (\d+) /], ["bytes", /^(\d+) bytes; legal are (\d+) to (\d+)$/], ["between", /^(\S+) is outside (\S+)\.\.(\S+)$/],
  ["between", /^(\d+) elements; legal are (\d+) to (\d+)$/], ["item", /^(\S+) is (?:committed from|still out)/]];
function now(text) {
  const found = text.match(/The \w+ is ([\w ]+); legal now: (.*)\.$/);
  if (!found) return "";
  const moves = [...new Set((found[2].match(/\b[A-Z_]{3,}(?= \()/g) ?? []).filter((one) => has("move." + one.toLowerCase())).map((one) => word("move", one)))];
  return say(moves.length ? "refused.now" : "refused.now_nothing", { state: word("state", found[1]), moves: moves.join(", ") });
}
// What the browser says of a broken line is for nobody: only the bus and the server have words worth reading.
const isBroken = (trouble) => trouble instanceof Error && !trouble.status;
const textOf = (trouble) => (isBroken(trouble) ? "" : trouble.text || trouble.message || "");

// trouble: {code or word, path, text or message}, as the bus and the server say it.
export function why(trouble) {
  if (isBroken(trouble)) return say("trouble.unreachable");
  const text = textOf(trouble), code = trouble.code || trouble.word || "", key = ["refused.", "trouble."].map((group) => group + code).find(has);
  if (!key) return text;
  const fact = facts.map(([name, form]) => [name, text.match(form)]).find(([, found]) => found);
  return [say(key), fact ? say("refused." + fact[0], { ...fact[1].slice(1) }) : now(text)].filter(Boolean).join(" ");
}
// The same, and what the bus itself said of it, folded away.
export function whyNodes(trouble) {
  const sentence = why(trouble), text = textOf(trouble);
  if (!text || text === sentence) return [sentence];
  return [sentence, " ", el("details", { class: "original" }, el("summary", {}, say("refused.original")), el("span", { lang: "en" }, [trouble.path, text].filter(Boolean).join(": ")))];
}
// Of a row of eoc.undecided: what it is, and why it waits.
export const whyUndecided = (thing) => (thing.code ? `${word("type", thing.type)}: ${why({ code: thing.code, text: thing.why })}` : thing.detail);
