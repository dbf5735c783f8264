// relocation - families: rations that run out, offers and why they are declined, plots.
import { el } from "./dom.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { number, table } from "./table.js";
import { watch } from "./watch.js";

export function relocationPage(main) {
  return watch(main, "relocation", {}, (answer) => [
    table(say("relocation.rations"), [
      ["col.place", (row) => row.place],
      ["col.household", (row) => row.household_id.slice(0, 8)],
      ["col.persons", (row) => number(row.members), "n"],
      ["col.until", (row) => words.time(row.fed_until)],
      ["col.days_left", (row) => (row.days_left <= 3 ? el("strong", { class: "late" }, `▲ ${row.days_left}`) : row.days_left), "n"],
    ], answer.rations),
    table(say("relocation.offers"), [
      ["col.place", (row) => row.place],
      ["col.household", (row) => row.household_id.slice(0, 8)],
      ["col.state", (row) => word("state", row.state)],
      ["col.until", (row) => words.time(row.valid_until)],
      ["col.reasons", (row) => (row.reasons ?? []).map((one) => word("reason", one)).join(", ")],
    ], answer.offers),
    table(say("relocation.declines"), [
      ["col.reasons", (row) => word("reason", row.reason)],
      ["col.offers", (row) => row.offers, "n"],
    ], answer.declines),
    table(say("relocation.sites"), [
      ["col.name", (row) => row.name],
      ["col.place", (row) => row.place],
      ["col.capacity", (row) => row.capacity, "n"],
      ["col.free", (row) => row.free, "n"],
      ["col.reserved", (row) => row.reserved, "n"],
      ["col.allocated", (row) => row.allocated, "n"],
      ["col.occupied", (row) => row.occupied, "n"],
    ], answer.sites),
  ], /household|assistance|plot|offer|move/);
}
