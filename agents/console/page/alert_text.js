// alert_text - an alert as people will read and hear it.
import { el } from "./dom.js";
import * as words from "./words.js";
import { say } from "./words.js";
import { smsLength } from "./sms.js";

const sentence = (text) => (/[.!?…]$/.test(text.trim()) ? text.trim() : text.trim() + ".");

export function smsOf(text) {
  return `${text.headline} ${text.instruction}`.trim();
}
// An exercise begins with the word that says so, and so it is the first that is heard.
export function preview(lang, text) {
  const sms = smsOf(text), length = smsLength(sms);
  return el("section", { class: "preview", "aria-label": `${say("warn.preview")}: ${say("warn.lang." + lang)}` }, el("h3", {}, say("warn.sms")), el("p", { lang, class: "sms" }, sms),
    el("p", { class: "small" + (length.parts > 3 ? " late" : "") }, say("warn.sms_is", { letters: words.count("warn.letters", length.letters), parts: words.count("warn.parts", length.parts), code: length.code, each: length.each })),
    el("h3", {}, say("warn.heard")), el("blockquote", { lang }, [text.headline, text.description, text.instruction].filter(Boolean).map(sentence).join(" ")));
}
