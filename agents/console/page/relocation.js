// relocation - families as numbers: rations that run out, offers and why they are declined; plots, and what became of each.
// Who may read single families sees them below.
import { el } from "./dom.js";
import * as words from "./words.js";
import { figure, say, word } from "./words.js";
import { asOf, bars, chip, families, key, late, stack, tiles, watchWorld } from "./board.js";
import { table } from "./table.js";
import { actMenu } from "./act.js";

const rations = [["OVER", "bad"], ["DAYS_3", "bad"], ["DAYS_7", "warn"], ["LATER", "good"]];
const plots = ["free", "reserved", "allocated", "occupied", "blocked", "elsewhere"];
const partsOf = (site) => plots.map((kind) => ({ kind, name: say(`col.${kind}`), n: Number(site[kind] ?? 0) }));
const withPersons = (row) => (row.persons === null ? families(row) : `${families(row)} (${say("board.persons", { n: figure(row.persons) })})`);

const inDays = (n) => (n > 0 ? say("board.days", { n }) : say("board.ago", { age: say("age.days", { n: -n }) }));

function rationTable(rows, clock) {
  const places = [...new Set(rows.map((row) => row.pcode))].map((pcode) => ({ pcode, rows: rows.filter((row) => row.pcode === pcode) }));
  const cell = (place, kind) => {
    const row = place.rows.find((one) => one.word === kind);
    return row ? (kind === "OVER" || kind === "DAYS_3" ? late(withPersons(row)) : withPersons(row)) : "";
  };
  const first = (place) => place.rows.map((row) => row.at).sort()[0];
  return table(say("relocation.rations"), [
    ["col.place", (place) => el("b", {}, place.rows[0].place)],
    ...rations.map(([kind]) => [`ration.${kind.toLowerCase()}`, (place) => cell(place, kind), "n"]),
    ["col.until", (place) => `${words.time(first(place))} (${inDays(Math.ceil((Date.parse(first(place)) - Date.parse(clock)) / 86400e3))})`, "t"],
  ], places.sort((a, b) => (first(a) < first(b) ? -1 : 1)), say("relocation.no_rations"), (place) => write(place.rows[0]));
}

function sitesTable(given) {
  const sites = [...given].sort((a, b) => words.compare(a.name, b.name));
  const all = Object.fromEntries(["capacity", ...plots].map((kind) => [kind, sites.reduce((sum, site) => sum + Number(site[kind] ?? 0), 0)]));
  const rows = sites.length > 1 ? [...sites, { ...all, name: say("relocation.all_sites"), place: "", is_safe: true }] : sites;
  return [table(say("relocation.sites"), [
    ["col.name", (row) => [el("b", {}, row.name), row.is_safe ? null : chip(say("relocation.unsafe"), "warn")]],
    ["col.place", (row) => row.place],
    ["col.parts", (row) => stack(partsOf(row), row.capacity), "wide"],
    ["col.capacity", (row) => el("b", {}, row.capacity), "n"],
    ...plots.map((kind) => [`col.${kind}`, (row) => row[kind] ?? 0, "n"]),
  ], rows, say("relocation.no_sites"), write), sites.length ? key(partsOf({})) : null];
}

const write = (row) => actMenu({ what: "silence", id: row.pcode, places: row.pcode ?? "", place: row.place, name: row.name });

export function relocationPage(main) {
  return watchWorld(main, "relocation", (answer, status) => {
    const of = (what) => answer.families.filter((row) => row.what === what), total = of("total")[0];
    const hungry = of("ration").filter((row) => row.word === "OVER" || row.word === "DAYS_3"), free = answer.sites.reduce((sum, site) => sum + site.free, 0);
    const few = hungry.some((row) => row.is_few), moving = of("household").find((row) => row.word === "MOVING");
    return [
      asOf(answer.clock, status),
      tiles([total && total.families !== null ? [say("relocation.families"), withPersons(total)] : null,
        total && [say("relocation.moving"), moving ? families(moving) : "0"],
        [say("relocation.hungry"), few ? say("board.some") : figure(hungry.reduce((sum, row) => sum + row.families, 0)), hungry.length ? "bad" : "good"],
        [say("relocation.free"), figure(free), free ? "good" : "warn"]]),
      rationTable(of("ration"), answer.clock),
      el("div", { class: "two" },
        bars(say("relocation.states"), of("household").map((row) => ({ name: word("state", row.word), n: row.families ?? 0, text: withPersons(row) })), say("relocation.no_families")),
        el("div", {}, bars(say("relocation.offers"), of("offer").map((row) => ({ name: word("state", row.word), n: row.families ?? 0, text: families(row) })), say("relocation.no_offers")),
          bars(say("relocation.declines"), of("decline").map((row) => ({ name: word("reason", row.word), n: row.families ?? 0, text: families(row), tone: "warn" })), say("relocation.no_declines")))),
      sitesTable(answer.sites),
      answer.rations.length ? table(say("relocation.each_ration"), [
        ["col.place", (row) => row.place],
        ["col.household", (row) => row.household_id.slice(0, 8)],
        ["col.state", (row) => word("state", row.state)],
        ["col.persons", (row) => row.members, "n"],
        ["col.until", (row) => words.time(row.fed_until), "t"],
        ["col.days_left", (row) => (row.days_left <= 3 ? late(row.days_left) : row.days_left), "n"],
      ], answer.rations) : null,
      answer.offers.length ? table(say("relocation.each_offer"), [
        ["col.place", (row) => row.place],
        ["col.household", (row) => row.household_id.slice(0, 8)],
        ["col.state", (row) => word("state", row.state)],
        ["col.name", (row) => [row.site_id, row.plot_id].filter(Boolean).join(" · ")],
        ["col.until", (row) => (row.is_overdue ? late(words.time(row.valid_until)) : words.time(row.valid_until)), "t"],
        ["col.reasons", (row) => (row.reasons ?? []).map((one) => word("reason", one)).join(", ")],
      ], answer.offers) : null,
    ];
  }, /household|assistance|plot|offer|move/);
}
