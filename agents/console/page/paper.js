// paper - the situation report, the handover, and every paper on the screen as it will be printed.
import { button, el, facts, fill, link as linked, none } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { dots, figure, say, word } from "./words.js";
import { detailOf, kindName } from "./called.js";
import { csv, section, termOf } from "./table.js";
import { watch } from "./watch.js";
import { aged, amount, doubt, form201, form209, form213, form213rr, form214, grid, headOf, lines, number, part, sheet, signature, signed, stamp, told, total, useAllLanguages } from "./ics.js";
import { requestPlot, sensorPlots } from "./plot.js";
import { go } from "./way.js";

const asked = ["KILLED", "MISSING", "INJURED", "HOUSEHOLDS_AFFECTED"]; // what everybody will ask first
const sureMarks = { VERIFIED: "✓", REPORTED: "○", CONTESTED: "▲" };
const units = { CROPS: "ha", ROAD: "km", CANAL: "m", POWER_LINE: "km", BANK_PROTECTION: "m" }; // report.proto, AssetClass
const quote = (text, footer) => el("blockquote", {}, el("p", {}, text), el("footer", {}, footer));

// What the districts' reports say under one heading, each with whose word it is and how old.
function quotes(record, field) {
  return record.reports.filter((one) => one[field]).map((one) => quote(one[field],
    dots(one.sender, one.place, one.report_no ? `№ ${one.report_no}` : "", word("version", one.version),
      stamp(one.event_at), aged(one.event_at, record.now),
      one.confidence ? say("paper.confidence", { how: word("confidence", one.confidence) }) : "")));
}

// District by district; of what everybody asks a row is there even if nobody has said a number.
function harmRows(record) {
  const named = (record.incident.where ?? []).map((one) => [one.pcode.slice(0, 7), one.name]);
  const heard = record.harm.map((one) => [one.district, one.place]);
  return [...new Map([...named, ...heard])].flatMap(([district, place]) => {
    const known = record.harm.filter((one) => one.district === district);
    const silent = asked.filter((what) => !known.some((one) => one.what === what));
    return [...known, ...silent.map((what) => ({ what, figure: null, sure: null, others: [] }))].map((one) => ({ ...one, place }));
  });
}
function sureness(one) {
  if (!one.sure) return say("paper.nobody");
  return el("span", { class: "sure " + one.sure.toLowerCase() }, `${sureMarks[one.sure]} ${word("sure", one.sure)}`,
    one.others.map((other) => el("small", {}, ` ${figure(other.figure)}: ${other.said_by}, ${stamp(other.said_at)}`)));
}
function harmTable(record) {
  return [grid([
    ["col.place", "place"], ["col.what", termOf("harm", "what")],
    ["paper.figure", (one) => (one.figure === null ? el("span", { class: "rule short" }) : el("b", {}, figure(one.figure))), "n"],
    ["paper.sure", sureness],
    ["col.by", (one) => (one.said_by ? dots(one.said_by, word("type", one.type)) : "")],
    ["paper.when", "said_at", "t"], ["paper.age", (one) => aged(one.said_at, record.now), "t"],
  ], harmRows(record)), el("p", { class: "small" }, say("paper.sure_means"))];
}

function damageTable(record) {
  if (!record.villages.length) return null;
  const of = (village) => record.villages.filter((one) => one.village === village);
  const loss = (one) => `${[word("asset", one.asset), word("damage", one.damage), word("species", one.species)].filter(Boolean).join(" ")}: ${
    amount(one.quantity, one.unit ?? units[one.asset])}`;
  const act = (one) => dots(one.act_no ? `№ ${one.act_no}` : "", stamp(one.event_at));
  return [el("h3", {}, say("paper.damage")), grid([
    ["paper.village", (village) => village],
    ["paper.losses", (village) => of(village).map(loss).join("; ")],
    ["paper.act", (village) => dots(...new Set(of(village).map(act)))],
  ], [...new Set(record.villages.map((one) => one.village))])];
}

function gaps(record) {
  const contested = record.harm.filter((one) => one.sure === "CONTESTED");
  const list = [
    ...record.silence.map((one) => say("paper.silent", { place: one.place, at: stamp(one.since) })),
    ...record.missing.map((one) => say("paper.report_missing", { place: one.place, what: word("type", one.type), at: stamp(one.due_at) })),
    ...contested.map((one) => say("paper.contested", {
      place: one.place, what: word("harm", one.what), a: figure(one.figure), b: one.others.map((other) => figure(other.figure)).join(", "),
    })),
    ...harmRows(record).filter((one) => one.figure === null).map((one) => say("paper.unknown", { place: one.place, what: word("harm", one.what) })),
    ...record.requests.filter((one) => Number(one.open) > 0).map((one) => say("paper.still_open", { what: kindName(one), n: amount(one.open, one.unit) })),
    ...record.requests.filter((one) => one.late > 0).map((one) => say("paper.is_late", { what: kindName(one), n: one.late })),
    ...record.undecided.map((one) => say("paper.undecided", { what: word("type", one.type), who: one.sender ?? "", at: stamp(one.since) })),
  ];
  return list.length ? el("ul", {}, list.map((one) => el("li", {}, one))) : none(say("paper.no_gaps"));
}

const shownSums = ["KILLED", "MISSING", "INJURED", "EVACUATED", "PEOPLE_DISPLACED", "HOUSEHOLDS_AFFECTED"];

function headFacts(i) {
  const known = [["col.incident", i.name], ["paper.number", number(i)], ["col.hazard", word("hazard", i.hazard)],
    ["col.place", (i.where ?? []).map((one) => one.name).join(", ")], ["paper.began", stamp(i.began_at)],
    ["col.state", `${word("state", i.state)}, ${stamp(i.since)}`], ["paper.severity", word("severity", i.severity)],
    ["paper.certainty", word("certainty", i.certainty)], ["paper.command_short", i.command]].filter(([, value]) => value);
  return facts(known.map(([key, value]) => [say(key), value]), { class: "facts" });
}

function sums(record) {
  const known = shownSums.filter((one) => total(record, one) !== null);
  return el("div", { class: "sums" }, known.map((one) => el("div", {},
    el("b", {}, figure(total(record, one)), el("small", {}, ` ${sureMarks[doubt(record, one)]}`)), el("span", {}, word("harm", one)))));
}

function situation(record) {
  const said = record.described, quoted = quotes(record, "situation");
  return part("paper.situation", said?.text ? quote(said.text, dots(said.sender, stamp(said.event_at))) : null, quoted,
    said?.text || quoted.length ? null : lines(4));
}

function harm(record) {
  const count = (n) => (n === null ? "< 5" : n);
  return part("paper.harm", harmTable(record), damageTable(record), record.relocation.map((one) => el("p", { class: "small" },
    say("paper.relocation", { place: one.place, n: count(one.affected), fed: count(one.assisted), at: stamp(one.as_of) }))));
}

function actions(record) {
  const alerts = record.alerts.map((one) => ({ at: one.sent_at, what: "public_alert", text: one.headline, by: one.sender }));
  const deeds = [...record.log.filter((one) => one.cycle === "incident" && one.event !== "DESCRIBE"), ...alerts]
    .sort((a, b) => new Date(a.at) - new Date(b.at));
  return part("paper.actions", quotes(record, "actions"), deeds.length
    ? grid([["col.since", "at", "t"], ["paper.doing", told], ["col.by", "by"]], deeds) : lines(3));
}

const needColumns = [
  ["paper.horizon", termOf("horizon")], ["paper.need", termOf("need", "category")],
  ["col.what", "item"], ["col.wanted", (one) => amount(one.quantity, one.unit), "n"],
  ["paper.met", (one) => amount(one.met, one.unit), "n"], ["paper.people", "people", "n"],
  ["col.by", (one) => dots(one.sender, stamp(one.event_at))],
];
const requestColumns = [
  ["col.what", kindName], ["col.state", termOf("state")],
  ["col.wanted", (one) => one.wanted_text ?? amount(one.wanted, one.unit), "n"], ["col.promised", "promised", "n"],
  ["col.under_way", "under_way", "n"], ["col.on_scene", "on_scene", "n"],
  ["paper.needed", "needed_at", "t"], ["col.by", (one) => words.who((one.suppliers ?? []).map((s) => s.split(" ")[0]).join(", "))],
];
const needs = (record) => part("paper.needs", grid(needColumns, record.needs, record.needs.length ? 0 : 3),
  el("h3", {}, say("page.resources")), grid(requestColumns, record.requests));

const facilityColumns = [
  ["col.name", "name"], ["col.what", termOf("facility", "kind")], ["paper.places", "places_total", "n"],
  ["col.free", "places_available", "n"], ["paper.road", termOf("road", "road_access")],
  ["paper.notes", "utilities"], ["paper.when", "as_of", "t"],
];

function roads(record) {
  const cut = record.reports.flatMap((one) => (one.roads_cut ?? []).map((road) => dots(road, one.sender, stamp(one.event_at))));
  return cut.length ? part("paper.roads", el("ul", {}, cut.map((one) => el("li", {}, one)))) : null;
}

function outlook(record) {
  const nobody = !record.reports.some((one) => one.plan || one.outlook);
  return part("paper.outlook", quotes(record, "plan"), quotes(record, "outlook"), nobody ? lines(3) : null);
}

function nextWord(record) {
  const due = record.reports.filter((one) => one.next_contact_at);
  const line = (one) => el("li", {}, say("paper.next_from", { who: one.sender, at: stamp(one.next_contact_at) }));
  return part("paper.next", due.length ? el("ul", {}, due.map(line)) : lines(1));
}

function sitrep(record, plots) {
  return sheet(headOf("sitrep", record),
    headFacts(record.incident), sums(record), situation(record), harm(record), actions(record), needs(record),
    record.facilities.length ? part("paper.facilities", grid(facilityColumns, record.facilities)) : null,
    roads(record), part("paper.gaps", gaps(record)), outlook(record), nextWord(record),
    plots.length ? part("paper.plots", plots) : null,
    el("div", { class: "signs" }, signed(record, "paper.prepared"), signature("paper.approved", "", "")));
}

const span = (from, to) => `${stamp(from)} – ${stamp(to)}`;

// --- the handover of a shift: its parts, each a table ---
const since = ["paper.since", "since", "t"], at = ["col.since", "at", "t"];
const by = ["col.by", "by"], place = ["col.place", "place"];

const openColumns = [
  ["paper.urgency", (one) => say(`precedence.${one.precedence}`)],
  ["col.what", (one) => dots(say(`what.${one.what}`), word("hazard", one.hazard), one.headline || detailOf(one))], place,
  ["col.state", termOf("state")], by,
  ["col.since", "since", "t"], ["col.until", "due_at", "t"],
];
const incidentColumns = [
  ["col.name", "name"], place, ["col.state", (one) => `${word("state", one.state)}${one.changed ? " *" : ""}`], since,
  ["paper.last", "last_at", "t"],
];
const promiseColumns = [
  ["paper.eta", "arrives_at", "t"], ["col.by", "supplier"],
  ["col.what", (one) => dots(kindName(one), amount(one.quantity, one.unit))],
  ["col.state", (one) => dots(word("state", one.state), one.late ? `▲ ${say("col.late")}` : "")],
  ["col.place", (one) => dots(one.place, one.incident)], ["paper.until", "until_at", "t"],
];
const replyColumns = [
  ["paper.until", "reply_by", "t"], by, ["col.text", "subject"], ["paper.to", (one) => words.who((one.to ?? []).join(", "))],
];
const takenColumns = [
  at, ["col.what", (one) => dots(word("type", one.type), word("level", one.level))], place, by, ["paper.answer", termOf("took", "what")],
];
const silenceColumns = [place, since, ["paper.last_word", "last_sender"], ["col.incident", "incident_name"]];
const changedColumns = [at, ["col.incident", "name"], ["col.state", termOf("state", "to_state")], by];
const logColumns = [at, ["col.text", "text"], by];
const below = (key, columns, rows) => (rows.length ? [el("h3", {}, say(key)), grid(columns, rows)] : null);

function handover(a) {
  const period = span(a.since, a.until), played = [...new Set(a.incidents.map((one) => one.status))];
  return sheet({ kind: "handover", incident: "", period, status: played.length === 1 ? played[0] : a.status, asOf: a.as_of },
    part("paper.open", el("p", {}, dots(words.count("queue.count", a.open_count), a.past && words.count("queue.past", a.past))), grid(openColumns, a.open)),
    part("paper.incidents", grid(incidentColumns, a.incidents), a.incidents.some((one) => one.changed) && el("p", { class: "small" }, say("paper.changed_mark"))),
    part("paper.promises", grid(promiseColumns, a.promised), below("paper.unanswered", replyColumns, a.replies)),
    part("paper.taken", grid(takenColumns, a.taken)),
    part("paper.silence", grid(silenceColumns, a.silence)),
    part("paper.changed", grid(changedColumns, a.changed), below("paper.log", logColumns, a.log)),
    part("paper.orders", lines(5)),
    el("div", { class: "signs" }, signed(a, "paper.handed"), signature("paper.took", "", "")));
}

// --- which papers there are ---

const ofIncident = ["sitrep", "201", "209", "214"];
const files = ["incidents", "harm", "resources", "relocation", "sensors", "reports"];
const link = (kind, values, text) => linked(`/paper/${kind}?${new URLSearchParams(values)}`, text);

function incidentPapers(one) {
  const incident = one.incident_id, name = (kind, ...rest) => [say(`paper.kind.${kind}`), rest.join(", ")].filter(Boolean).join(": ");
  const ofPeriod = (kind) => (p) => el("span", {}, " · ", link(kind, { incident, since: p.period_from, until: p.period_to }, span(p.period_from, p.period_to)));
  const papers = [
    ...ofIncident.map((kind) => [link(kind, { incident }, name(kind)), (one.periods ?? []).map(ofPeriod(kind))]),
    ...(one.requests ?? []).map((r) => link("213rr", { thread: r.thread }, name("213rr", kindName(r), stamp(r.event_at)))),
    ...(one.messages ?? []).map((m) => link("213", { message: m.message_id }, name("213", m.subject ?? "", stamp(m.event_at)))),
    linked(`/numbers?incident=${incident}`, say("page.numbers")),
  ];
  return el("section", { class: "papers" }, el("h2", {}, one.name || incident.slice(0, 8)),
    el("p", { class: "small" }, dots(one.place, word("hazard", one.hazard), word("state", one.state), stamp(one.began_at), word("status", one.status))),
    el("ul", {}, papers.map((paper) => el("li", {}, paper))));
}
const lastHours = (hours) => link("handover", { since: new Date(Date.now() - hours * 3600e3).toISOString() }, say("paper.last_hours", { n: hours }));

export const papersPage = (main) => watch(main, "papers", {}, (answer) => [
  el("section", { class: "papers" }, el("h2", {}, say("paper.kind.handover")), el("ul", {}, [12, 24].map((hours) => el("li", {}, lastHours(hours))))),
  answer.items.map(incidentPapers),
  section(say("paper.files"), el("ul", { class: "files" }, files.map((name) => el("li", {}, csv(name, {}, say(`paper.file.${name}`)))))),
], /incident|report|request|message/);

// --- one paper ---

// Of a record, with people and offices by their names.
const parties = /^(sender|by|principal|supplier|said_by|last_sender|author|recipient|(from|to)_role)$/;
const named = (key, value) => (parties.test(key) && typeof value === "string" ? words.who(value) : value);
const view = async (name, values) => JSON.parse(JSON.stringify(await api.view(name, values)), named);
// What a kind asks of the record, and what it makes of the answer.
async function make(kind, asked) {
  const span = { since: asked.get("since"), until: asked.get("until") }, lang = words.lang;
  if (kind === "213") return form213(await view("paper_message", { message: asked.get("message"), lang }));
  if (kind === "213rr") return form213rr(await view("paper_request", { thread: asked.get("thread"), lang }));
  if (kind === "handover") return handover(await view("paper_handover", { lang, status: asked.get("status"), ...span }));
  const incident = asked.get("incident"), record = await view("paper", { incident, lang, ...span });
  if (!record.incident) return null;
  Object.assign(record, span, { now: span.until ?? (record.incident.status === "ACTUAL" ? record.as_of?.at : record.incident.last_at) ?? Date.now() });
  if (kind !== "sitrep") return { 201: form201, 209: form209, 214: form214 }[kind](record);
  const numbers = await api.view("numbers", { incident, ...span });
  numbers.sensors = numbers.sensors.filter((one) => one.points.some(([, value]) => value)); // dry gauges tell nothing on paper
  return sitrep(record, [...sensorPlots(numbers), requestPlot(numbers)]);
}

// datetime-local speaks of no zone: here it is always that of Dushanbe.
const toLocal = (value) => (Date.parse(value) ? new Date(Date.parse(value) + words.ZONE_MS).toISOString().slice(0, 16) : "");
const fromLocal = (value) => (value ? `${value}:00+05:00` : null);

function periodForm(kind, asked) {
  const inputs = ["since", "until"].map((name) => el("input", { id: name, type: "datetime-local", value: toLocal(asked.get(name)) }));
  const submit = (event) => {
    event.preventDefault();
    const values = new URLSearchParams(asked);
    for (const { id, value } of inputs) value ? values.set(id, fromLocal(value)) : values.delete(id);
    go(`/paper/${kind}?${values}`);
  };
  const named = (key, input) => [el("label", { for: input.id }, say(key)), input];
  return el("form", { class: "move", onsubmit: submit }, linked("/paper", `← ${say("page.paper")}`),
    /^213/.test(kind) ? null : [...named("paper.from", inputs[0]), ...named("paper.until", inputs[1]), el("button", {}, say("paper.show"))],
    asked.get("incident") && csv("harm", { incident: asked.get("incident") }, say("paper.file.harm")),
    button(say("paper.print"), () => print(), { class: "first" }));
}

export async function paperPage(main, kind) {
  const asked = new URLSearchParams(location.search), body = el("div", {}, none("…"));
  main.append(periodForm(kind, asked), body);
  await useAllLanguages();
  const paper = [...ofIncident, "213", "213rr", "handover"].includes(kind) ? await make(kind, asked) : null;
  fill(body, paper ?? none(say("paper.unknown_paper")));
}
