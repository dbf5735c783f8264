// incidents - the list of all.
import { el } from "./dom.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { table } from "./table.js";
import { watch } from "./watch.js";

export function incidentsPage(main) {
  return watch(main, "incidents", {}, (answer) => table(say("page.incidents"), [
    ["col.name", (row) => el("a", { href: `/incident/${row.incident_id}`, "data-link": true }, row.name || row.incident_id.slice(0, 8))],
    ["col.place", (row) => row.place],
    ["col.hazard", (row) => word("hazard", row.hazard)],
    ["col.state", (row) => word("state", row.state)],
    ["col.since", (row) => words.time(row.since)],
    ["col.reports", (row) => row.reports, "n"],
    ["col.households", (row) => row.households, "n"],
    ["col.status", (row) => word("status", row.status)],
  ], answer.items), /incident|report|detection/);
}
