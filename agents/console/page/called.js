// called - what things are called and told in the reader's language, where it is not people's own words: kinds of resources, what
// a detector concluded, why something was refused.
import { el } from "./dom.js";
import { dots, figure, has, levels, say, who, word } from "./words.js";

// --- what a detector concluded: from what it measured and where the line is, not from its text ---

const bare = (text, head) => String(text ?? "").replace(head, "");
const number = (value, exponent) => Number(value ?? 0) * 10 ** (exponent ?? 0);
// Three figures that tell something: 250, 4.56, 0.0267.
const digits = (value) => Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1))));

function measured(one) {
  const type = bare(one.type, "OBSERVATION_TYPE_"), unit = bare(one.unit, "UNIT_"), value = number(one.value, one.exponent), line = number(one.threshold, one.exponent);
  if (type === "TRIPWIRE") return say("detected.wire", { channel: one.datastream_id });
  const shown = (at) => [figure(at, digits(at)), unit === "ONE" ? "" : word("measure", unit)].filter(Boolean).join("\u00a0");
  const lasted = one.duration_s ? say("detected.lasted", { n: figure(Math.max(1, Math.round(one.duration_s / 60))) }) : "";
  return say("detected.over", { what: word("obs", type), channel: one.datastream_id ?? "?", value: shown(value), line: shown(line) }) + lasted;
}

// detection: {level, profile, evidence, front_speed_m_s or front_speed_mm_s, text}, of a row or of news. Without evidence
// what it said itself: somebody typed that, or it is cleared.
export function detected(detection) {
  const d = detection ?? {}, level = bare(d.level, "DETECTION_LEVEL_"), speed = d.front_speed_m_s ?? (d.front_speed_mm_s ? d.front_speed_mm_s / 1000 : 0);
  if (!d.evidence?.length) return (level === "CLEAR" && /^every detector under/.test(d.text) ? say("detected.clear") : level === "CLEAR" && d.text === "cleared by hand" ? say("detected.by_hand") : d.text) ?? "";
  return [/^maintenance/.test(d.text) ? say("detected.maintenance") : "", ...d.evidence.slice(0, 3).map(measured), Number(speed) ? say("detected.front", { speed: figure(speed, 1) }) : ""].filter(Boolean).join("; ");
}
// With its own text to point at.
export const detectedNode = (detection) => el("span", { title: detection.text ?? null }, detected(detection));

// --- why something was refused, is held or contested: a sentence for its code, with the numbers, states and moves that the bus
// named; the bus's own words, which are English, stay to be read ---

const facts = [["most", /^(\d+) bytes; at most (\d+) /], ["bytes", /^(\d+) bytes; legal are (\d+) to (\d+)$/], ["between", /^(\S+) is outside (\S+)\.\.(\S+)$/],
  ["between", /^(\d+) elements; legal are (\d+) to (\d+)$/], ["open", /^(\d+) requests? of it /], ["item", /^(\S+) is (?:committed from|still out)/]];
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
  return [say(key), fact ? say("refused." + fact[0], { ...fact[1].slice(1) }) : code === "state" && now(text)].filter(Boolean).join(" ");
}
// The same, and what the bus itself said of it, folded away.
export function whyNodes(trouble) {
  const sentence = why(trouble), text = textOf(trouble);
  if (!text || text === sentence) return [sentence];
  return [sentence, " ", el("details", { class: "original" }, el("summary", {}, say("refused.original")), el("span", { lang: "en" }, [trouble.path, text].filter(Boolean).join(": ")))];
}
// Of a row of eoc.undecided: what it is, and why it waits.
export const whyUndecided = (thing) => (thing.code ? `${word("type", thing.type)}: ${why({ code: thing.code, text: thing.why })}` : thing.detail);

// --- what a thing is ---

// Of a row, or of a kind alone: as the list calls it, else as people wrote it.
export const kindName = (row) => row?.kind_name ?? (has("kind." + (row?.kind ?? row)) ? say("kind." + (row?.kind ?? row)) : row?.kind ?? row ?? "");
// "2 KGM fuel" of the queue.
function wantedText(item) {
  const [, amount, unit, kind] = item.detail.match(/^([\d.]+ )?(?:(KGM|TNE|LTR|hour|person) )?(.*)$/s);
  return [item.kind_name ?? kindName(kind), [amount && figure(amount), unit && word("unit", unit)].filter(Boolean).join(" ")].filter(Boolean).join(": ");
}
// What an entry of a log tells: people's own words as they are; only who is asked to take an alert is a code.
export function worded({ detection, what, type, text }) {
  if (detection) return detected(detection);
  if (/resource|quot/.test(what ?? type) && text) return wantedText({ detail: text });
  return (what ?? type) === "escalation_event" ? who(text) : text;
}
// What a row of the queue says of itself; of an order (eoc.order_draft) what which machine is to do.
export function detailOf(thing) {
  const { what, detail } = thing;
  if (what === "undecided") return whyUndecided(thing);
  if (what === "order") {
    const [machine, ...does] = detail.split(" ");
    return dots(word("order.do", does.join(".") || "numbers"), who(machine));
  }
  if (/request|late/.test(what) && detail) return wantedText(thing);
  return /alert|report/.test(what) ? levels(detail) : detail;
}
