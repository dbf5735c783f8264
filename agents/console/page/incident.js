// incident - one incident: where it stands, what happened, what is asked for.
import { el } from "./dom.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { table } from "./table.js";
import { watch } from "./watch.js";
import { actBar, actMenu, incidentThing, onActKey } from "./act.js";

export async function incidentPage(main, id) {
  let thing = null;
  const end = onActKey(() => thing && actMenu(thing));
  const leave = await watch(main, "incident", { incident: id }, (answer) => {
    const incident = answer.incident;
    thing = incident ? incidentThing(incident) : null;
    if (!incident) return el("p", { class: "none" }, say("incident.unknown"));
    return [
      el("section", { class: "facts" }, el("h2", {}, incident.name || id.slice(0, 8)),
        el("dl", {}, [["col.state", word("state", incident.state)], ["col.place", incident.place], ["col.hazard", word("hazard", incident.hazard)], ["col.since", words.time(incident.began_at)],
          ["col.reports", incident.reports], ["col.households", incident.households], ["col.status", word("status", incident.status)]]
          .map(([key, value]) => el("div", {}, el("dt", {}, say(key)), el("dd", {}, String(value ?? ""))))), actBar(thing)),
      table(say("incident.requests"), [
        ["col.what", (row) => row.kind],
        ["col.state", (row) => word("state", row.state)],
        ["col.wanted", (row) => Number(row.wanted), "n"],
        ["col.by", (row) => (row.suppliers ?? []).join(", ")],
      ], answer.requests),
      table(say("incident.timeline"), [
        ["col.since", (row) => words.time(row.at)],
        ["col.what", (row) => word("type", row.what)],
        ["col.state", (row) => [word("event", row.event), word("state", row.to_state)].filter(Boolean).join(" → ")],
        ["col.by", (row) => row.by],
        ["col.text", (row) => row.text],
      ], answer.timeline),
    ];
  });
  return () => {
    end();
    leave();
  };
}
