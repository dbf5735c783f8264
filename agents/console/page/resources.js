// resources - the board: what is open, promised, under way, on scene, due back and late.
import { el } from "./dom.js";
import { say, word } from "./words.js";
import { number, table } from "./table.js";
import { watch } from "./watch.js";

export function resourcesPage(main) {
  return watch(main, "board", {}, (answer) => table(say("page.resources"), [
    ["col.place", (row) => row.place],
    ["col.what", (row) => row.kind],
    ["col.state", (row) => word("state", row.state)],
    ["col.wanted", (row) => number(row.wanted), "n"],
    ["col.open", (row) => number(row.open), "n"],
    ["col.promised", (row) => number(row.promised), "n"],
    ["col.under_way", (row) => number(row.under_way), "n"],
    ["col.on_scene", (row) => number(row.on_scene), "n"],
    ["col.due_back", (row) => number(row.due_back), "n"],
    ["col.late", (row) => (row.late ? el("strong", { class: "late" }, `▲ ${row.late}`) : ""), "n"],
    ["col.by", (row) => (row.suppliers ?? []).join(", ")],
  ], answer.items), /resource|quote|information|return|duration/);
}
