// detected - what a detector concluded, in people's language: from what was measured and where the line is, not from its text.
import { el } from "./dom.js";
import { figure, say, word } from "./words.js";

const bare = (text, head) => String(text ?? "").replace(head, "");
const number = (value, exponent) => Number(value ?? 0) * 10 ** (exponent ?? 0);
const digits = (value) => (Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 1 ? 2 : 6);

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
