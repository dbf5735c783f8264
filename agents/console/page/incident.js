// incident - one incident: where it stands, what offices say of it side by side, what gateways measured, what is asked
// for, who was harmed, whom the warnings reached, and all that happened.
import { el } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { bars, chip, exercise, families, kindOf, levelTone, unitOf } from "./board.js";
import { figure, plot } from "./plot.js";
import { worded } from "./called.js";
import { detectedNode } from "./detected.js";
import { stateOf } from "./incidents.js";
import { number, rowsTable, table } from "./table.js";
import { watch } from "./watch.js";
import { actBar, actMenu, incidentThing, lineMenu, onActKey } from "./act.js";

// --- reports side by side ------------------------------------------------------------------------

const facts = ["deaths", "injured", "missing", "evacuated", "displaced", "houses", "destroyed", "heavy", "silted", "households", "displaced_households", "relocate", "road_cut", "road_km"];
const said = (fact, value) => (fact === "road_cut" ? word("answer", value) : figure(value));

// A fact is marked where offices contradict each other, and every word that is not the newest one's.
function factRow(fact, reports) {
  const values = reports.map((one) => one.facts[fact] ?? null), known = values.filter((value) => value !== null).map(String);
  if (!known.length) return null;
  const differs = new Set(known).size > 1, newest = known.at(-1);
  return el("tr", { class: differs ? "differs" : null, "data-fact": fact },
    el("th", { scope: "row" }, say(`fact.${fact}`), differs ? chip(say("incident.differs"), "warn") : null),
    values.map((value) => el("td", { class: value !== null && differs && String(value) !== newest ? "n other" : "n" },
      value === null ? el("span", { class: "none" }, "–") : differs && String(value) !== newest ? `≠ ${said(fact, value)}` : said(fact, value))));
}

// Who was told by telephone is not who says it.
const speaks = (one) => (one.role && (one.role !== "DISTRICT_DUTY" || one.sender === api.me.sender) ? word("role", one.role) : one.sender);
function sideBySide(reports) {
  const caption = say("incident.reports");
  if (!reports.length) return el("section", {}, el("h2", {}, caption), el("p", { class: "none" }, say("incident.no_reports")));
  return el("section", {}, el("h2", {}, caption), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", { class: "beside" },
      el("thead", {}, el("tr", {}, el("td", {}), reports.map((one) => el("th", { scope: "col" },
        el("span", { class: "who" }, speaks(one)), el("span", {}, word("type", one.type), one.version ? ` · ${word("version", one.version)}` : ""),
        el("time", { datetime: one.at }, words.time(one.at)), el("span", {}, [one.place, speaks(one) === one.sender ? word("role", one.role) : one.sender].filter(Boolean).join(" · ") || one.district))))),
      el("tbody", {}, facts.map((fact) => factRow(fact, reports)),
        el("tr", {}, el("th", { scope: "row" }, say("fact.confidence")), reports.map((one) => el("td", { class: "n" }, word("confidence", one.confidence)))),
        el("tr", { class: "words" }, el("th", { scope: "row" }, say("col.text")), reports.map((one) => el("td", {}, one.text ?? "")))))));
}

// --- what gateways measured ----------------------------------------------------------------------

// From one conclusion of a gateway until its next one.
function levels(detections, sender, end) {
  const own = detections.filter((one) => one.sender === sender);
  return own.map((one, i) => ({ name: word("level", one.level), kind: one.level.toLowerCase(), from: Date.parse(one.at), to: own[i + 1] ? Date.parse(own[i + 1].at) : end }))
    .filter((one) => one.kind !== "clear");
}

// What people did and said while it rose and fell: first words of offices, moves of the incident, alerts.
function eventsOf(timeline) {
  const said = new Set(), events = [];
  for (const one of [...timeline].reverse()) {
    const moved = one.cycle === "incident" && one.to_state && one.to_state !== one.from_state, what = moved ? word("state", one.to_state) : /^(flash_report|public_alert)$/.test(one.what) ? word("type", one.what) : null;
    if (!what || said.has(what)) continue;
    said.add(what);
    events.push({ at: Date.parse(one.at), name: what });
  }
  return events.sort((a, b) => a.at - b.at).slice(0, 9);
}
function measured(answer) {
  const [from, to] = answer.span ?? [];
  return el("section", { class: "plots" }, el("h2", {}, say("incident.plots")),
    answer.plots.length ? answer.plots.map((one) => plot({
      title: `${word("obs", one.type)} · ${one.sender}`, unit: unitOf(one.unit), from, to,
      series: [{ name: word("obs", one.type), points: one.points.flatMap(([at, low, high]) => (low === high ? [[at, high]] : [[at, low], [at, high]])) }],
      thresholds: (one.lines ?? []).map((line) => ({ name: say("plot.line"), value: Number(line.line) })), events: eventsOf(answer.timeline), narrow: true,
      bands: levels(answer.detections, one.sender, Math.min(to, Date.now())),
    })) : el("p", { class: "none" }, say("incident.no_plots")),
    answer.detections.length ? table(say("incident.detections"), [
      ["col.since", (row) => words.time(row.at), "t"],
      ["col.level", (row) => chip(word("level", row.level), levelTone(row.level))],
      ["col.by", (row) => row.sender],
      ["col.text", (row) => detectedNode(row)],
    ], [...answer.detections].reverse()) : null);
}

// --- what is asked for, who was harmed, who knows ------------------------------------------------

function partsOf(row, commitments) {
  const own = commitments.filter((one) => one.thread === row.thread && one.line_id === row.line_id);
  if (!own.length) return (row.suppliers ?? []).join(", ");
  return el("ul", { class: "plain" }, own.map((one) => el("li", {}, `${one.supplier}: `, chip(word("state", one.state), one.arrived_at ? "good" : ""), ` ${figure(one.arrived_at ? one.arrived : one.quantity)}`,
    one.arrived_at ? ` · ${words.time(one.arrived_at)}` : one.arrives_at ? ` · ${say("board.expected", { at: words.time(one.arrives_at) })}` : "")));
}

function requests(answer) {
  return table(say("incident.requests"), [
    ["col.what", (row) => kindOf(row)],
    ["col.state", (row) => chip(word("state", row.state), row.state === "MET" ? "good" : "warn")],
    ["col.wanted", (row) => number(row.wanted), "n"],
    ["col.open", (row) => number(row.open), "n"],
    ["col.needed", (row) => words.time(row.needed_at), "t"],
    ["col.by", (row) => partsOf(row, answer.commitments)],
  ], answer.requests, null, lineMenu);
}

function harmed(list) {
  const rows = list.filter((one) => one.what === "household").sort((a, b) => (b.families ?? 0) - (a.families ?? 0)), total = list.find((one) => one.what === "total" && one.families !== null);
  return el("div", { class: "families" }, bars(say("incident.families"), rows.map((one) => ({ name: word("state", one.word), n: one.families ?? 0,
    text: one.persons === null ? families(one) : `${families(one)} (${say("board.persons", { n: figure(one.persons) })})` })), say("incident.no_families")),
    total ? el("p", { class: "summary" }, say("incident.families_total", { n: figure(total.families), persons: figure(total.persons ?? 0) })) : null);
}

const receiptTones = { ACCEPTED: "good", DISPLAYED: "good", DELIVERED: "good", STORED: "warn", REJECTED: "bad", EXPIRED: "bad", UNDELIVERABLE: "bad" };
// One message: how far it got with how many, and with each, place by place.
function reached(rows) {
  const levels = [...new Set(rows.map((one) => one.level))], title = [word("type", rows[0].type), rows[0].text].filter(Boolean).join(": ");
  return [el("h3", {}, title, levels.map((level) => [" ", chip(`${word("receipt", level)} ${rows.filter((one) => one.level === level).length}`, receiptTones[level])])),
    rowsTable(title, [
      ["col.place", (row) => el("b", {}, row.place || say("incident.no_place"))],
      ["col.by", (row) => row.recipient],
      ["col.state", (row) => [chip(word("receipt", row.level), receiptTones[row.level]), row.code ? el("span", { class: "below" }, word("reject", row.code)) : null]],
      ["col.since", (row) => words.time(row.level_at), "t"],
    ], rows)];
}
function warned(answer) {
  return [table(say("incident.alerts"), [
    ["col.since", (row) => words.time(row.at), "t"],
    ["col.what", (row) => [word("cap", row.msg_type), exercise(row.cap_status === "EXERCISE" ? "EXERCISE" : "ACTUAL")]],
    ["col.state", (row) => (row.state ? [chip(row.taken_by && row.state === "UNANSWERED" ? word("event", "EXHAUST") : word("state", row.state)), row.taken_by ? el("span", { class: "below" }, `${word("event", "ACCEPT")}: ${row.taken_by}`) : null] : "")],
    ["col.severity", (row) => word("severity", row.severity)],
    ["col.until", (row) => words.time(row.expires_at), "t"],
    ["col.text", (row) => row.headline],
  ], answer.alerts, say("incident.no_alerts")),
  el("section", { class: "receipts" }, el("h2", {}, say("incident.receipts")),
    answer.receipts.length ? [...new Set(answer.receipts.map((one) => one.message_id))].map((id) => reached(answer.receipts.filter((one) => one.message_id === id))) : el("p", { class: "none" }, say("incident.no_receipts")))];
}

// --- all that happened ---------------------------------------------------------------------------

// One message may move several things: it is one line here.
function happened(timeline) {
  const messages = [];
  for (const row of timeline) {
    const last = messages.at(-1);
    if (last && last.seq === row.seq && last.what === row.what) last.moves.push(row);
    else messages.push({ ...row, moves: [row] });
  }
  return messages;
}
// Who was asked and who took it moves an alert, whether or not it stands elsewhere then.
const answered = /^(ACCEPT|ACKNOWLEDGE|REJECT|TAKE_BACK|ASK|ESCALATE|EXHAUST)$/;
function movesOf(moves) {
  const isMoved = (one) => one.to_state && one.to_state !== one.from_state, isTold = (one) => one.cycle === "alert" && answered.test(one.event) && (isMoved(one) || one.event !== "EXHAUST");
  const parts = moves.filter((one) => isMoved(one) || isTold(one))
    .map((one) => (isTold(one) ? word("event", one.event) : one.from_state ? `${word("state", one.from_state)} → ${word("state", one.to_state)}` : word("state", one.to_state)));
  return [...new Set(parts)].join(", ");
}
const groups = { incident: "incident", alert: "alert", line: "resource", request: "resource", household: "family", offer: "family" };
function timelineOf(timeline) {
  let day = "";
  return el("section", {}, el("h2", {}, say("incident.timeline")), timeline.length ? el("ol", { class: "timeline" }, happened(timeline).flatMap((one) => {
    const today = words.day(Date.parse(one.at), true), heading = today === day ? [] : [el("li", { class: "day" }, today)];
    day = today;
    return [...heading, el("li", { class: groups[one.cycle] ?? "said" }, el("time", { datetime: one.at }, words.clock(Date.parse(one.at)).slice(0, 5)),
      el("div", {}, el("p", {}, el("b", {}, one.what === null ? say("incident.of_families", { n: one.households }) : word("type", one.what)), " ", chip(movesOf(one.moves)), el("span", { class: "quiet" }, ` ${one.by ?? ""}`)),
        worded(one) ? el("p", { class: "small", title: one.detection?.text ?? null }, worded(one)) : null))];
  })) : el("p", { class: "none" }, say("table.none")));
}

// What can change this page without naming the incident: what happens in its district, and what answers something of it.
const answers = /receipt|resource|quote|decision|withdrawn/;

export async function incidentPage(main, id) {
  let thing = null;
  const near = (pcode) => (thing?.places ?? "").split(" ").some((place) => place.slice(0, 7) === pcode.slice(0, 7));
  const concerns = (message) => !thing || message.incidents?.includes(id) || answers.test(message.type) || message.places.some(near);
  const end = onActKey(() => thing && actMenu(thing));
  const leave = await watch(main, "incident", { incident: id }, (answer) => {
    const incident = answer.incident;
    thing = incident ? incidentThing(incident) : null;
    if (!incident) return el("p", { class: "none" }, say("incident.unknown"));
    return [
      el("section", { class: "facts" }, el("h2", {}, incident.name || id.slice(0, 8), exercise(incident.status)),
        el("dl", {}, [["col.state", stateOf(incident.state)], ["col.place", incident.place], ["col.hazard", word("hazard", incident.hazard)], ["col.severity", word("severity", incident.severity)], ["col.certainty", word("certainty", incident.certainty)],
          ["col.began", words.time(incident.began_at)], ["col.newest", words.time(incident.last_at)], ["col.reports", incident.reports], ["col.command", incident.command]]
          .filter(([, value]) => value).map(([key, value]) => el("div", {}, el("dt", {}, say(key)), el("dd", {}, value)))), actBar(thing)),
      sideBySide(answer.reports),
      el("div", { class: "two" }, el("div", {}, measured(answer)), el("div", {}, requests(answer), harmed(answer.families), warned(answer))),
      timelineOf(answer.timeline),
    ];
  }, concerns);
  return () => {
    end();
    leave();
  };
}
