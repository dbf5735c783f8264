// incidents - the list of all.
import { el } from "./dom.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { chip, exercise } from "./board.js";
import { rowsTable } from "./table.js";
import { watch } from "./watch.js";
import { actMenu, incidentThing } from "./act.js";

const tones = { REPORTED: "bad", VERIFYING: "warn", CONFIRMED: "bad", RESPONDING: "warn", STABILISED: "good", RECOVERY: "good" };
export const stateOf = (state) => chip(word("state", state), tones[state]);

export function incidentsPage(main) {
  return watch(main, "incidents", {}, (answer) => el("section", {}, answer.items.length ? rowsTable(say("page.incidents"), [
    ["col.name", (row) => [el("a", { href: `/incident/${row.incident_id}`, "data-link": true }, row.name || row.incident_id.slice(0, 8)), exercise(row.status)], "name"],
    ["col.state", (row) => stateOf(row.state)],
    ["col.hazard", (row) => [word("hazard", row.hazard), row.severity ? el("span", { class: "below" }, word("severity", row.severity)) : null]],
    ["col.place", (row) => row.place],
    ["col.began", (row) => [words.time(row.began_at), row.last_at ? el("span", { class: "below" }, `${say("col.newest")}: ${words.time(row.last_at)}`) : null], "t"],
    ["col.reports", (row) => row.reports, "n"],
    ["col.open_requests", (row) => row.requests || "", "n"],
    ["col.households", (row) => row.families, "n"],
  ], answer.items, (row) => actMenu(incidentThing(row))) : el("p", { class: "none" }, say("incidents.none"))), /incident|report|detection/);
}
