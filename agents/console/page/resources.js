// resources - the board: what is open, promised, under way, on scene, due back and late; and what can be done about each line.
import { el } from "./dom.js";
import { say, word } from "./words.js";
import { number, table } from "./table.js";
import { watch } from "./watch.js";
import { lineMenu, onActKey } from "./act.js";
import { kindName } from "./supply.js";
import { saidBox } from "./said.js";

// Up and down go from line to line, `x` opens what can be done about the one that is chosen.
function onMove(event) {
  const acts = [...document.querySelectorAll("button.act")], step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (!step || !acts.length || event.target.closest("input, textarea, select, dialog") || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  const at = acts.indexOf(document.activeElement);
  acts[at < 0 ? 0 : Math.max(0, Math.min(acts.length - 1, at + step))].focus();
}

export async function resourcesPage(main) {
  const end = onActKey(() => (document.activeElement?.closest("button.act") ?? document.querySelector("button.act"))?.click());
  addEventListener("keydown", onMove);
  const leave = await watch(main, "board", {}, (answer) => table(say("page.resources"), [
    ["act.title", (row) => [el("button", { type: "button", class: "act", id: `line-${row.thread}-${row.line_id}`, "aria-label": `${say("act.title")}: ${kindName(row.kind)}, ${row.place ?? ""}`, onclick: () => lineMenu(row) }, "…"), saidBox(row.thread)]],
    ["col.place", (row) => row.place],
    ["col.what", (row) => kindName(row.kind)],
    ["col.state", (row) => word("state", row.state)],
    ["col.wanted", (row) => number(row.wanted), "n"],
    ["col.open", (row) => number(row.open), "n"],
    ["col.promised", (row) => number(row.promised), "n"],
    ["col.under_way", (row) => number(row.under_way), "n"],
    ["col.on_scene", (row) => number(row.on_scene), "n"],
    ["col.due_back", (row) => number(row.due_back), "n"],
    ["col.late", (row) => (row.late ? el("strong", { class: "late" }, `▲ ${row.late}`) : ""), "n"],
    ["col.by", (row) => (row.suppliers ?? []).map((one) => [one.split(" ")[0], word("state", one.split(" ")[1])].join(" ")).join(", ")],
  ], answer.items), /resource|quote|information|return|duration/);
  return () => {
    end();
    removeEventListener("keydown", onMove);
    leave();
  };
}
