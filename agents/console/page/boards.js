// boards - what stands where, as tables: resources, families, districts, sensors; each row with what can be done about it.
import { below, button, el, fill, link } from "./dom.js";
import * as words from "./words.js";
import { dots, figure, say, word } from "./words.js";
import { asOf, bars, chip, exercise, families, isDead, isPast, key, late, levelTone, linkOf, spark, stack, tiles, unitOf, watchWorld } from "./board.js";
import { number, table, tableOrNone, termOf } from "./table.js";
import { watch } from "./watch.js";
import { actMenu, lineMenu, onActKey } from "./act.js";
import { saidBox } from "./said.js";
import { detectedNode, kindName } from "./called.js";
import { part, stand } from "./parts.js";

// A word to whoever is on duty there, or to one office.
const write = (row) => actMenu({
  what: "silence", id: row.incident_id ?? row.pcode, incident_id: row.incident_id, places: row.pcode ?? "", place: row.place, name: row.name, by: row.principal,
});
const incident = (id, name, attributes) => id && link(`/incident/${id}`, name || id.slice(0, 8), attributes);
const place = ["col.place", (row) => el("b", {}, row.place)];
const lateOr = (isLate, at) => (isLate ? late(words.time(at)) : words.time(at));
// A tile that is good while there is none of it.
const noneOf = (key, n, tone) => [say(key), n, n ? tone : "good"];

// --- resources: what is open, promised, under way, on scene, due back, and what of it is late ---

const tones = { OPEN: "bad", PARTLY: "warn", MET: "good", OFFERED: "" };
const kinds = ["open", "promised", "under_way", "on_scene", "due_back"];
const parts = (row) => kinds.map((kind) => ({ kind, name: say(`col.${kind}`), n: Number(row[kind] ?? 0) }));

function supplied(one) {
  const said = `${words.who(one.supplier)}: ${word("state", one.state)} ${figure(one.quantity)}`;
  if (one.is_late) return [said, " ", late(words.time(one.arrived_at ? one.until_at : one.arrives_at))];
  return dots(said, one.arrived_at ? words.time(one.arrived_at) : one.arrives_at && say("board.expected", { at: words.time(one.arrives_at) }));
}
function suppliers(row) {
  if (row.parts) return el("ul", { class: "plain" }, row.parts.map((one) => el("li", {}, supplied(one))));
  return (row.suppliers ?? []).map((one) => one.split(" ")).map(([who, state]) => `${words.who(who)}: ${word("state", state)}`).join(", ");
}

// What several have asked for, each in his own words and language, summed up by kind and unit.
function kindsOf(items) {
  const sums = new Map();
  for (const row of items) {
    const id = `${row.status}\t${row.kind_id ?? row.kind}\t${row.unit ?? ""}`, sum = sums.get(id) ?? { name: kindName(row), unit: row.unit, status: row.status, lines: 0, wanted: 0 };
    sum.lines++;
    for (const part of ["wanted", ...kinds]) sum[part] = (sum[part] ?? 0) + Number(row[part] ?? 0);
    sums.set(id, sum);
  }
  return [...sums.values()].filter((one) => one.lines > 1);
}
const kindColumns = [
  ["col.what", (row) => [[row.name, row.unit !== "H87" && word("unit", row.unit)].filter(Boolean).join(", "), exercise(row.status)]],
  ...["wanted", ...kinds].map((part) => ["col." + part, part, "n"]),
];

function actButton(row) {
  const id = `line-${row.thread}-${row.line_id}`, name = `${say("act.title")}: ${kindName(row)}, ${row.place ?? ""}`;
  return [button("…", () => lineMenu(row), { class: "act", id, "aria-label": name }), saidBox(row.thread)];
}
function whereItIs(row) {
  const some = parts(row).filter((one) => one.n), sum = some.reduce((all, one) => all + one.n, 0);
  return [stack(parts(row), sum), below(dots(...some.map((one) => `${one.name} ${figure(one.n)}`)))];
}
const columns = [
  ["act.title", actButton],
  ["col.what", (row) => [el("b", {}, kindName(row)), exercise(row.status)]],
  ["col.place", (row) => [row.place, incident(row.incident_id, row.incident, { class: "below" })]],
  ["col.state", (row) => chip(word("state", row.state), tones[row.state])],
  ["col.needed", (row) => lateOr(row.need_late, row.needed_at), "t"],
  ["col.wanted", (row) => number(row.wanted) || row.wanted_text, "n"],
  ["col.parts", whereItIs, "wide"],
  ["col.by", suppliers],
];

export async function resourcesPage(main) {
  const end = onActKey(() => (document.activeElement?.closest("button.act") ?? document.querySelector("button.act"))?.click());
  const leave = await watch(main, "board", {}, ({ items: all }) => {
    const [items, past] = [false, true].map((is) => all.filter((row) => isPast(row.status, row.asked_at) === is));
    const lateOnes = items.filter((row) => row.late_now), of = (...states) => items.filter((row) => states.includes(row.state));
    const inTime = (rows) => rows.filter((row) => !row.late_now), rest = items.filter((row) => !["OPEN", "PARTLY", "MET"].includes(row.state));
    return [
      tiles([noneOf("col.late", lateOnes.length, "bad"), ...["OPEN", "PARTLY", "MET"].map((state) => [word("state", state), of(state).length])]),
      key(parts({})),
      tableOrNone(say("resources.kinds"), kindColumns, kindsOf(items)),
      tableOrNone(say("resources.late"), columns, lateOnes),
      table(say("resources.open"), columns, inTime(of("OPEN", "PARTLY")), say("resources.none_open")),
      tableOrNone(say("resources.met"), columns, inTime(of("MET"))),
      tableOrNone(say("resources.rest"), columns, inTime(rest)),
      past.length > 0 && el("details", { class: "past" }, el("summary", {}, words.count("queue.past", past.length)), table(say("queue.past"), columns, past)),
    ];
  }, /resource|quote|information|return|duration/);
  return () => {
    end();
    leave();
  };
}

// --- families as numbers: rations that run out, offers and why they are declined; plots, and what became of each. Who may read single
// families sees them below ---

const rations = ["OVER", "DAYS_3", "DAYS_7", "LATER"], isHungry = (kind) => kind === "OVER" || kind === "DAYS_3";
const plots = ["free", "reserved", "allocated", "occupied", "blocked", "elsewhere"];
const plotsOf = (site) => plots.map((kind) => ({ kind, name: say(`col.${kind}`), n: Number(site[kind] ?? 0) }));
const withPersons = (row) => (row.persons === null ? families(row) : `${families(row)} (${say("board.persons", { n: figure(row.persons) })})`);
// At what time, and how far that is from `clock`.
function timeFrom(clock, at) {
  const now = Date.parse(clock), ms = Date.parse(at) - now;
  return `${words.time(at)} (${ms > 0 ? say("board.days", { n: Math.ceil(ms / 86400e3) }) : say("board.ago", { age: words.age(at, now) })})`;
}

function rationTable(rows, clock) {
  const places = [...new Set(rows.map((row) => row.pcode))].map((pcode) => ({ pcode, rows: rows.filter((row) => row.pcode === pcode) }));
  for (const one of places) Object.assign(one, { place: one.rows[0].place, first: one.rows.map((row) => row.at).sort()[0] });
  const column = (kind) => [`ration.${kind.toLowerCase()}`, (one) => {
    const row = one.rows.find((some) => some.word === kind);
    return row && (isHungry(kind) ? late(withPersons(row)) : withPersons(row));
  }, "n"];
  return table(say("relocation.rations"), [place, ...rations.map(column), ["col.until", (one) => timeFrom(clock, one.first), "t"]],
    places.sort((a, b) => (a.first < b.first ? -1 : 1)), say("relocation.no_rations"), (one) => write(one.rows[0]));
}

const siteColumns = [
  ["col.name", (row) => [el("b", {}, row.name), row.is_safe ? null : chip(say("relocation.unsafe"), "warn")]], ["col.place", "place"],
  ["col.parts", (row) => stack(plotsOf(row), row.capacity), "wide"], ["col.capacity", (row) => el("b", {}, row.capacity), "n"],
  ...plots.map((kind) => [`col.${kind}`, (row) => row[kind] ?? 0, "n"]),
];
function sitesTable(given) {
  const sites = [...given].sort((a, b) => words.compare(a.name, b.name)), sum = (kind) => sites.reduce((all, site) => all + Number(site[kind] ?? 0), 0);
  const all = Object.fromEntries(["capacity", ...plots].map((kind) => [kind, sum(kind)]));
  const rows = sites.length > 1 ? [...sites, { ...all, name: say("relocation.all_sites"), place: "", is_safe: true }] : sites;
  return [table(say("relocation.sites"), siteColumns, rows, say("relocation.no_sites"), write), sites.length ? key(plotsOf({})) : null];
}

const householdColumns = [["col.place", "place"], ["col.household", (row) => row.household_id.slice(0, 8)], ["col.state", termOf("state")]];
const rationColumns = [
  ...householdColumns, ["col.persons", "members", "n"], ["col.until", "fed_until", "t"],
  ["col.days_left", (row) => (row.days_left <= 3 ? late(row.days_left) : row.days_left), "n"],
];
const offerColumns = [
  ...householdColumns, ["col.name", (row) => dots(row.site_id, row.plot_id)], ["col.until", (row) => lateOr(row.is_overdue, row.valid_until), "t"],
  ["col.reasons", (row) => (row.reasons ?? []).map((one) => word("reason", one)).join(", ")],
];

export function relocationPage(main) {
  return watchWorld(main, "relocation", (answer, status) => {
    const of = (what) => answer.families.filter((row) => row.what === what), total = of("total")[0], moving = of("household").find((row) => row.word === "MOVING");
    const hungry = of("ration").filter((row) => isHungry(row.word)), free = answer.sites.reduce((sum, site) => sum + site.free, 0);
    const few = hungry.some((row) => row.is_few), shown = few ? say("board.some") : figure(hungry.reduce((sum, row) => sum + row.families, 0));
    const chart = (what, group, title, none, text, tone) =>
      bars(say(title), of(what).map((row) => ({ name: word(group, row.word), n: row.families ?? 0, text: text(row), tone })), say(none));
    return [
      asOf(answer.clock, status),
      tiles([total && total.families !== null ? [say("relocation.families"), withPersons(total)] : null,
        total && [say("relocation.moving"), moving ? families(moving) : "0"],
        [say("relocation.hungry"), shown, hungry.length ? "bad" : "good"], [say("relocation.free"), figure(free), free ? "good" : "warn"]]),
      rationTable(of("ration"), answer.clock),
      el("div", { class: "two" }, chart("household", "state", "relocation.states", "relocation.no_families", withPersons),
        el("div", {}, chart("offer", "state", "relocation.offers", "relocation.no_offers", families),
          chart("decline", "reason", "relocation.declines", "relocation.no_declines", families, "warn"))),
      sitesTable(answer.sites),
      tableOrNone(say("relocation.each_ration"), rationColumns, answer.rations), tableOrNone(say("relocation.each_offer"), offerColumns, answer.offers),
    ];
  }, /household|assistance|plot|offer|move/);
}

// --- districts: who is silent, which reports were expected and which came, what stands, and whose link is alive ---

const signs = { ON_TIME: ["●", "good"], LATE: ["◐", "warn"], MISSING: ["○", "bad"], NOT_DUE: ["·", ""] };
// Oldest first, a sign a period; the words are for who does not see them.
function strip(row) {
  const states = [...row.strip].reverse(), name = (one) => word("due", one);
  return el("span", { class: "strip", role: "img", "aria-label": states.map(name).join(", ") },
    states.map((one) => el("span", { class: signs[one][1], title: name(one) }, signs[one][0])));
}
const ofIncident = ["col.incident", (row) => incident(row.incident_id, row.incident_name)];
const silenceColumns = [
  place, ["col.silent_since", (row) => [late(words.age(row.since)), ` ${words.time(row.since)}`]],
  ["col.last_by", (row) => [words.who(row.last_sender), word("type", row.last_type)].filter(Boolean).join(": ")], ["col.offices", "offices", "n"], ofIncident,
];
const reportColumns = [
  place, ["col.what", termOf("type")], ofIncident, ["col.expected", "expected", "n"], ["col.received", "received", "n"], ["col.on_time", "on_time", "n"],
  ["col.missing", (row) => (row.missing ? late(row.missing) : 0), "n"], ["col.strip", strip], ["col.next_due", "next_due", "t"],
];
const saidColumns = [
  place, ["col.what", (row) => [word("type", row.type), row.version ? chip(word("version", row.version)) : null]], ["col.number", "number"],
  ["col.since", "event_at", "t"], ["col.by", (row) => dots(row.prepared_by, row.sender)], ["col.next_contact", (row) => lateOr(row.is_late, row.next_contact_at), "t"],
];
const heard = (row) => (row.heard_at ? say("board.ago", { age: words.age(row.heard_at) }) : say("link.never"));
const linkColumns = [
  place, ["col.by", "principal"], ["col.kind", (row) => row.roles.split(" ").filter(Boolean).map((one) => word("office", one)).join(", ")],
  ["col.link", linkOf], ["col.heard", heard, "t"], ["col.behind", "behind", "n"],
];

export const districtsPage = (main) => watchWorld(main, "districts", (answer, status) => {
  const real = status === "ACTUAL", missing = answer.reports.reduce((sum, row) => sum + row.missing, 0);
  return [
    asOf(answer.clock, status),
    tiles([real && noneOf("districts.silent", answer.silence.length, "bad"), noneOf("districts.missing", missing, "warn"),
      noneOf("districts.unheard", answer.links.filter(isDead).length, "warn")]),
    table(say("districts.silence"), silenceColumns, answer.silence, say(real ? "districts.nobody_silent" : "districts.not_watched"), write),
    table(say("districts.reports"), reportColumns, answer.reports, say("districts.none_expected"), write),
    table(say("districts.said"), saidColumns, answer.said, null, write),
    table(say("districts.links"), linkColumns, answer.links, null, write),
  ];
});

// --- sensors: how gateways are, what each channel measured last, and what was concluded, newest first ---

const QUIET_MS = 15 * 60e3, CLOCK_MS = 2000, BATTERY_V = 11.8, SIGNAL_DBM = -105;
const sirenTones = { FAILED: "bad", REFUSED: "bad", EXPIRED: "warn", SOUNDED: "warn", HEARD: "warn", SILENCED: "good", TESTED: "good" };
const isQuiet = (row) => !row.heard_at || Date.now() - Date.parse(row.heard_at) > QUIET_MS;

// What can be done about a gateway: an order to it, or a word to whoever is on duty where it stands.
const order = (row) => actMenu({
  what: "machine", id: row.sender, places: row.pcode ?? row.sender.match(/tj(\d{7})/)?.[1] ?? "", place: row.place, name: words.who(row.sender), hazard: row.hazard,
});

const level = ["col.level", (row) => chip(word("level", row.level), levelTone(row.level))];
const levelNow = (row) => (row.level ? [level[1](row), below(`${word("hazard", row.hazard)} · ${words.time(row.level_at)}`)] : chip(say("sensors.no_level")));
// A number, marked where it is none to trust the gateway with.
const marked = (key, name, isBad, digits) => [key, ({ [name]: value }) => value !== null && value !== undefined && (isBad(value) ? late : String)(figure(value, digits)), "n"];
const gatewayColumns = [
  ["col.by", "sender"], ["col.level", levelNow],
  ["col.siren", (row) => row.siren && [chip(word("siren", row.siren), sirenTones[row.siren]), below(words.time(row.siren_at))]],
  ["col.heard", (row) => (isQuiet(row) ? late(row.heard_at ? words.age(row.heard_at) : say("link.never")) : heard(row)), "t"],
  ["col.mode", (row) => (row.mode === "NORMAL" ? word("mode", row.mode) : chip(word("mode", row.mode), "warn"))],
  marked("col.battery", "battery_v", (value) => value < BATTERY_V, 2), marked("col.signal", "rssi_dbm", (value) => value < SIGNAL_DBM),
  marked("col.clock", "clock_offset_ms", (value) => Math.abs(value) > CLOCK_MS), ["col.waiting", (row) => figure(row.backlog_messages), "n"],
];
// 2 suspect, 4 bad ... as eoc.observation has them; 1 and 8192 (filled in later) are no fault.
const quality = (bits) => (bits & ~8193 ? chip(say("sensors.doubtful"), "warn") : null);
const channelColumns = [
  ["col.by", (row) => el("b", {}, `${words.who(row.sender)} · ${row.datastream_id}`)], ["col.what", termOf("obs", "type")],
  ["col.value", (row) => [el("b", {}, figure(row.value)), ` ${unitOf(row.unit)}`, quality(row.quality)], "n"],
  ["col.trace", (row) => spark(row.trace, word("obs", row.type)), "wide"], ["col.measured", "newest_at", "t"],
];
const detectionColumns = [
  ["col.since", "event_at", "t"], level, ["col.hazard", termOf("hazard")], ["col.place", "place"],
  ["col.by", (row) => [words.who(row.sender), exercise(row.status)]], ["col.text", detectedNode],
];

const boards = (main) => watch(main, "sensors", {}, ({ gateways, channels, detections }) => {
  const alarmed = gateways.filter((row) => row.level && row.level !== "CLEAR");
  return [
    tiles([noneOf("sensors.alarmed", alarmed.length, "bad"), noneOf("sensors.quiet", gateways.filter(isQuiet).length, "warn"), [say("sensors.status"), gateways.length]]),
    table(say("sensors.status"), gatewayColumns, gateways, null, order),
    table(say("sensors.channels"), channelColumns, channels, null, order),
    table(say("sensors.detections"), detectionColumns, detections, null, order),
  ];
}, /sensor|siren/);
export async function sensorsPage(main) {
  const place = el("div");
  main.append(place);
  // The orders' part comes beside the board, which waits for nothing of it.
  const orders = stand(place, async (node) => (await part("./orders.js")).ordersBox(node)), leave = await boards(main);
  return () => {
    orders.leave();
    leave();
  };
}
