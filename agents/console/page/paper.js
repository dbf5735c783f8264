// paper - the situation report, what one shift hands to the next, and every paper on the screen as it will be printed.
import { el, fill } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { figure, say, word } from "./words.js";
import { kindName } from "./called.js";
import { csv } from "./table.js";
import { watch } from "./watch.js";
import { doubt, form201, form209, form213, form213rr, form214, told, total } from "./ics.js";
import { requestPlot, sensorPlots } from "./plot.js";
import { aged, amount, grid, join, lines, part, sheet, signature, stamp, useAllLanguages } from "./sheet.js";
import { go } from "./way.js";

const asked = ["KILLED", "MISSING", "INJURED", "HOUSEHOLDS_AFFECTED"]; // what everybody will ask first
const sureMarks = { VERIFIED: "✓", REPORTED: "○", CONTESTED: "▲" };
const units = { CROPS: "ha", ROAD: "km", CANAL: "m", POWER_LINE: "km", BANK_PROTECTION: "m" }; // report.proto, AssetClass
const isThere = (value) => value !== "" && value !== null && value !== undefined;
const fact = ([key, value]) => el("div", {}, el("dt", {}, say(key)), el("dd", {}, String(value)));
const facts = (pairs) => el("dl", { class: "facts" }, pairs.filter(([, value]) => isThere(value)).map(fact));
const quote = (text, footer) => el("blockquote", {}, el("p", {}, text), el("footer", {}, footer));

// What the districts' reports say under one heading, each with whose word it is and how old.
function quotes(record, field) {
  return record.reports.filter((one) => one[field]).map((one) => quote(one[field],
    join(one.sender, one.place, one.report_no ? `№ ${one.report_no}` : "", word("version", one.version),
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
    ["col.place", (one) => one.place], ["col.what", (one) => word("harm", one.what)],
    ["paper.figure", (one) => (one.figure === null ? el("span", { class: "rule short" }) : el("b", {}, figure(one.figure))), "n"],
    ["paper.sure", sureness],
    ["col.by", (one) => (one.said_by ? join(one.said_by, word("type", one.type)) : "")],
    ["paper.when", (one) => stamp(one.said_at), "t"], ["paper.age", (one) => aged(one.said_at, record.now), "t"],
  ], harmRows(record)), el("p", { class: "small" }, say("paper.sure_means"))];
}

function damageTable(record) {
  if (!record.villages.length) return null;
  const of = (village) => record.villages.filter((one) => one.village === village);
  const loss = (one) => `${[word("asset", one.asset), word("damage", one.damage), word("species", one.species)].filter(Boolean).join(" ")}: ${
    amount(one.quantity, one.unit ?? units[one.asset])}`;
  const act = (one) => join(one.act_no ? `№ ${one.act_no}` : "", stamp(one.event_at));
  return [el("h3", {}, say("paper.damage")), grid([
    ["paper.village", (village) => village],
    ["paper.losses", (village) => of(village).map(loss).join("; ")],
    ["paper.act", (village) => join(...new Set(of(village).map(act)))],
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
  return list.length ? el("ul", {}, list.map((one) => el("li", {}, one))) : el("p", { class: "none" }, say("paper.no_gaps"));
}

const shownSums = ["KILLED", "MISSING", "INJURED", "EVACUATED", "PEOPLE_DISPLACED", "HOUSEHOLDS_AFFECTED"];

function headFacts(i) {
  return facts([["col.incident", i.name], ["paper.number", i.glide || i.incident_id.slice(0, 8)], ["col.hazard", word("hazard", i.hazard)],
    ["col.place", (i.where ?? []).map((one) => one.name).join(", ")], ["paper.began", stamp(i.began_at)],
    ["col.state", `${word("state", i.state)}, ${stamp(i.since)}`], ["paper.severity", word("severity", i.severity)],
    ["paper.certainty", word("certainty", i.certainty)], ["paper.command_short", i.command]]);
}

function sums(record) {
  const known = shownSums.filter((one) => total(record, one) !== null);
  return el("div", { class: "sums" }, known.map((one) => el("div", {},
    el("b", {}, figure(total(record, one)), el("small", {}, ` ${sureMarks[doubt(record, one)]}`)), el("span", {}, word("harm", one)))));
}

function situation(record) {
  const said = record.described, quoted = quotes(record, "situation");
  return part("paper.situation", said?.text ? quote(said.text, join(said.sender, stamp(said.event_at))) : null, quoted,
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
    ? grid([["col.since", (one) => stamp(one.at), "t"], ["paper.doing", told], ["col.by", (one) => one.by]], deeds) : lines(3));
}

const needColumns = [
  ["paper.horizon", (one) => word("horizon", one.horizon)], ["paper.need", (one) => word("need", one.category)],
  ["col.what", (one) => one.item], ["col.wanted", (one) => amount(one.quantity, one.unit), "n"],
  ["paper.met", (one) => amount(one.met, one.unit), "n"], ["paper.people", (one) => figure(one.people), "n"],
  ["col.by", (one) => join(one.sender, stamp(one.event_at))],
];
const requestColumns = [
  ["col.what", kindName], ["col.state", (one) => word("state", one.state)],
  ["col.wanted", (one) => one.wanted_text ?? amount(one.wanted, one.unit), "n"], ["col.promised", (one) => figure(one.promised), "n"],
  ["col.under_way", (one) => figure(one.under_way), "n"], ["col.on_scene", (one) => figure(one.on_scene), "n"],
  ["paper.needed", (one) => stamp(one.needed_at), "t"], ["col.by", (one) => words.who((one.suppliers ?? []).map((s) => s.split(" ")[0]).join(", "))],
];
const needs = (record) => part("paper.needs", grid(needColumns, record.needs, record.needs.length ? 0 : 3),
  el("h3", {}, say("page.resources")), grid(requestColumns, record.requests));

const facilityColumns = [
  ["col.name", (one) => one.name], ["col.what", (one) => word("facility", one.kind)], ["paper.places", (one) => figure(one.places_total), "n"],
  ["col.free", (one) => figure(one.places_available), "n"], ["paper.road", (one) => word("road", one.road_access)],
  ["paper.notes", (one) => one.utilities], ["paper.when", (one) => stamp(one.as_of), "t"],
];

function roads(record) {
  const cut = record.reports.flatMap((one) => (one.roads_cut ?? []).map((road) => join(road, one.sender, stamp(one.event_at))));
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

export function sitrep(record, plots) {
  const i = record.incident, period = record.since || record.until ? `${stamp(record.since)} – ${stamp(record.until)}` : "";
  return sheet({ kind: "sitrep", incident: i.name || i.incident_id.slice(0, 8), period, status: i.status, asOf: record.as_of },
    headFacts(i), sums(record), situation(record), harm(record), actions(record), needs(record),
    record.facilities.length ? part("paper.facilities", grid(facilityColumns, record.facilities)) : null,
    roads(record), part("paper.gaps", gaps(record)), outlook(record), nextWord(record),
    plots.length ? part("paper.plots", plots) : null,
    el("div", { class: "signs" }, signature("paper.prepared", words.who(api.me.person), stamp(record.as_of?.at)), signature("paper.approved", "", "")));
}

// --- the handover of a shift: its parts, each a table ---
const since = ["paper.since", (one) => stamp(one.since), "t"], at = ["col.since", (one) => stamp(one.at), "t"];
const by = ["col.by", (one) => one.by], place = ["col.place", (one) => one.place];

const openColumns = [
  ["paper.urgency", (one) => say(`precedence.${one.precedence}`)],
  ["col.what", (one) => join(say(`what.${one.what}`), word("hazard", one.hazard), one.headline || one.detail)], place,
  ["col.state", (one) => word("state", one.state)], by,
  ["col.since", (one) => stamp(one.since), "t"], ["col.until", (one) => stamp(one.due_at), "t"],
];
const incidentColumns = [
  ["col.name", (one) => one.name], place, ["col.state", (one) => `${word("state", one.state)}${one.changed ? " *" : ""}`], since,
  ["paper.last", (one) => stamp(one.last_at), "t"],
];
const promiseColumns = [
  ["paper.eta", (one) => stamp(one.arrives_at), "t"], ["col.by", (one) => one.supplier],
  ["col.what", (one) => join(kindName(one), amount(one.quantity, one.unit))],
  ["col.state", (one) => join(word("state", one.state), one.late ? `▲ ${say("col.late")}` : "")],
  ["col.place", (one) => join(one.place, one.incident)], ["paper.until", (one) => stamp(one.until_at), "t"],
];
const replyColumns = [
  ["paper.until", (one) => stamp(one.reply_by), "t"], by, ["col.text", (one) => one.subject], ["paper.to", (one) => words.who((one.to ?? []).join(", "))],
];
const takenColumns = [
  at, ["col.what", (one) => join(word("type", one.type), word("level", one.level))], place, by, ["paper.answer", (one) => word("took", one.what)],
];
const silenceColumns = [place, since, ["paper.last_word", (one) => one.last_sender], ["col.incident", (one) => one.incident_name]];
const changedColumns = [at, ["col.incident", (one) => one.name], ["col.state", (one) => word("state", one.to_state)], by];
const logColumns = [at, ["col.text", (one) => one.text], by];
const below = (key, columns, rows) => (rows.length ? [el("h3", {}, say(key)), grid(columns, rows)] : null);

export function handover(a) {
  const period = `${stamp(a.since)} – ${stamp(a.until)}`, played = [...new Set(a.incidents.map((one) => one.status))];
  return sheet({ kind: "handover", incident: "", period, status: played.length === 1 ? played[0] : a.status, asOf: a.as_of },
    part("paper.open", el("p", {}, words.count("queue.count", Number(a.open_count))), grid(openColumns, a.open)),
    part("paper.incidents", grid(incidentColumns, a.incidents), el("p", { class: "small" }, say("paper.changed_mark"))),
    part("paper.promises", grid(promiseColumns, a.promised), below("paper.unanswered", replyColumns, a.replies)),
    part("paper.taken", grid(takenColumns, a.taken)),
    part("paper.silence", grid(silenceColumns, a.silence)),
    part("paper.changed", grid(changedColumns, a.changed), below("paper.log", logColumns, a.log)),
    part("paper.orders", lines(5)),
    el("div", { class: "signs" }, signature("paper.handed", words.who(api.me.person), stamp(a.as_of?.at)), signature("paper.took", "", "")));
}

// --- which papers there are -----------------------------------------------------------------------------------------------

const ofIncident = ["sitrep", "201", "209", "214"];
const files = ["incidents", "harm", "resources", "relocation", "sensors", "reports"];
const link = (kind, values, text) => el("a", { href: `/paper/${kind}?${new URLSearchParams(values)}`, "data-link": true }, text);

function incidentPapers(one) {
  const title = one.name || one.incident_id.slice(0, 8);
  return el("section", { class: "papers" }, el("h2", {}, title), el("p", { class: "small" }, [one.place, word("hazard", one.hazard), word("state", one.state), stamp(one.began_at), word("status", one.status)].filter(Boolean).join(" · ")),
    el("ul", {}, ofIncident.map((kind) => el("li", {}, link(kind, { incident: one.incident_id }, say(`paper.kind.${kind}`)),
      (one.periods ?? []).map((p) => el("span", {}, " · ", link(kind, { incident: one.incident_id, since: p.period_from, until: p.period_to }, `${stamp(p.period_from)} – ${stamp(p.period_to)}`))))),
    (one.requests ?? []).map((r) => el("li", {}, link("213rr", { thread: r.thread }, `${say("paper.kind.213rr")}: ${kindName(r)}, ${stamp(r.event_at)}`))),
    (one.messages ?? []).map((m) => el("li", {}, link("213", { message: m.message_id }, `${say("paper.kind.213")}: ${m.subject ?? ""}, ${stamp(m.event_at)}`))),
    el("li", {}, el("a", { href: `/numbers?incident=${one.incident_id}`, "data-link": true }, say("page.numbers")))));
}

export function papersPage(main) {
  return watch(main, "papers", {}, (answer) => [
    el("section", { class: "papers" }, el("h2", {}, say("paper.kind.handover")), el("ul", {}, [12, 24].map((hours) => el("li", {}, link("handover", { since: new Date(Date.now() - hours * 3600e3).toISOString() }, say("paper.last_hours", { n: hours })))))),
    answer.items.map(incidentPapers),
    el("section", {}, el("h2", {}, say("paper.files")), el("ul", { class: "files" }, files.map((name) => el("li", {}, csv(name, {}, say(`paper.file.${name}`)))))),
  ], /incident|report|request|message/);
}

// --- one paper -----------------------------------------------------------------------------------

// Of a record, with people and offices by their names.
const view = async (name, values) => JSON.parse(JSON.stringify(await api.view(name, values)), (key, value) => (/^(sender|by|principal|supplier|said_by|last_sender|author|recipient|(from|to)_role)$/.test(key) && typeof value === "string" ? words.who(value) : value));
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
const toLocal = (value) => (value ? new Date(new Date(value).getTime() + 5 * 3600e3).toISOString().slice(0, 16) : "");
const fromLocal = (value) => (value ? `${value}:00+05:00` : null);

function periodForm(kind, asked) {
  const since = el("input", { id: "since", type: "datetime-local", value: toLocal(asked.get("since")) }), until = el("input", { id: "until", type: "datetime-local", value: toLocal(asked.get("until")) });
  const submit = (event) => {
    event.preventDefault();
    const values = new URLSearchParams(asked);
    for (const [name, input] of [["since", since], ["until", until]]) input.value ? values.set(name, fromLocal(input.value)) : values.delete(name);
    go(`/paper/${kind}?${values}`);
  };
  return el("form", { class: "move", onsubmit: submit }, el("a", { href: "/paper", "data-link": true }, `← ${say("page.paper")}`),
    /^213/.test(kind) ? null : [el("label", { for: "since" }, say("paper.from")), since, el("label", { for: "until" }, say("paper.until")), until, el("button", {}, say("paper.show"))],
    asked.get("incident") ? csv("harm", { incident: asked.get("incident") }, say("paper.file.harm")) : null,
    el("button", { type: "button", class: "first", onclick: () => print() }, say("paper.print")));
}

export async function paperPage(main, kind) {
  const asked = new URLSearchParams(location.search), body = el("div", {}, el("p", { class: "none" }, "…"));
  main.append(periodForm(kind, asked), body);
  await useAllLanguages();
  const paper = [...ofIncident, "213", "213rr", "handover"].includes(kind) ? await make(kind, asked) : null;
  fill(body, paper ?? el("p", { class: "none" }, say("paper.unknown_paper")));
}
