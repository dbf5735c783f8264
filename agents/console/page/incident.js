// incident - one incident: where it stands, what happened, what is asked for.
import { el } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { table } from "./table.js";
import { watch } from "./watch.js";
import { toast } from "./app.js";

// The moves a person may make from here, each with a reason that is kept.
const spoken = ["CONFIRMED", "FALSE_ALARM", "RESPONSE_STARTED", "STABILISED", "RECOVERY_STARTED", "CLOSED", "REOPENED", "VERIFYING_STARTED"];

function moveForm(incident, moves) {
  const legal = moves.filter((move) => spoken.includes(move.event));
  if (!legal.length) return null;
  const what = el("select", { id: "move" }, legal.map((move) => el("option", { value: move.event }, `${word("event", move.event)} → ${word("state", move.to_state)}`)));
  const reason = el("input", { id: "reason", required: true, maxlength: "500" });

  async function submit(event) {
    event.preventDefault();
    const move = legal.find((one) => one.event === what.value);
    try {
      await api.tell({ status: "STATUS_" + incident.status, area: { pcodes: incident.places.split(" ").slice(0, 8) }, incident_ids: [incident.incident_id],
        incident_transition: { incident_id: incident.incident_id, event: "INCIDENT_EVENT_" + move.event, from_state: "INCIDENT_STATE_" + incident.state,
          to_state: "INCIDENT_STATE_" + move.to_state, decided_by: api.me.person, reason: reason.value.trim() } });
      reason.value = "";
      toast(say("queue.taken"));
    } catch (trouble) {
      toast(trouble.message, "bad");
    }
  }
  return el("form", { class: "move", onsubmit: submit }, el("label", { for: "move" }, say("incident.move")), what,
    el("label", { for: "reason" }, say("incident.reason")), reason, el("button", { class: "first" }, say("incident.say")));
}

export function incidentPage(main, id) {
  return watch(main, "incident", { incident: id }, (answer) => {
    const incident = answer.incident;
    if (!incident) return el("p", { class: "none" }, say("incident.unknown"));
    return [
      el("section", { class: "facts" }, el("h2", {}, incident.name || id.slice(0, 8)),
        el("dl", {}, [["col.state", word("state", incident.state)], ["col.place", incident.place], ["col.hazard", word("hazard", incident.hazard)], ["col.since", words.time(incident.began_at)],
          ["col.reports", incident.reports], ["col.households", incident.households], ["col.status", word("status", incident.status)]]
          .map(([key, value]) => el("div", {}, el("dt", {}, say(key)), el("dd", {}, String(value ?? ""))))), moveForm(incident, answer.moves)),
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
}
