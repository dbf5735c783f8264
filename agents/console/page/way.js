// way - where to go next, and a word in passing: what any page may do without knowing the frame around it.
import { el } from "./dom.js";
import { say } from "./words.js";

// The frame hears of it as it hears of the browser's own back and forward.
export function go(path) {
  history.pushState(null, "", path);
  scrollTo(0, 0);
  dispatchEvent(new PopStateEvent("popstate"));
}

export function toast(text, kind = "good", title = null) {
  const node = el("div", { class: "toast " + kind, role: "status", title }, text);
  document.getElementById("toasts").append(node);
  setTimeout(() => node.remove(), kind === "good" ? 6000 : 20000);
}

// Does what somebody wants, and tells him when it cannot be had now.
export async function tried(wanted) {
  try {
    await wanted();
  } catch (trouble) {
    console.error(trouble);
    toast(say("trouble.unreachable"), "bad");
  }
}
