// districts - who is silent, which reports were expected and which came, what stands, and whose link is alive.
import { el } from "./dom.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { asOf, chip, isDead, late, linkOf, tiles, watchWorld } from "./board.js";
import { table } from "./table.js";
import { actMenu } from "./act.js";

const signs = { ON_TIME: ["●", "good"], LATE: ["◐", "warn"], MISSING: ["○", "bad"], NOT_DUE: ["·", ""] };
// Oldest first, a sign a period; the words are for who does not see them.
const strip = (states) => el("span", { class: "strip", role: "img", "aria-label": [...states].reverse().map((one) => word("due", one)).join(", ") },
  [...states].reverse().map((one) => el("span", { class: signs[one][1], title: word("due", one) }, signs[one][0])));
const incident = (id, name) => (id ? el("a", { href: `/incident/${id}`, "data-link": true }, name || id.slice(0, 8)) : "");
const role = (roles) => roles.split(" ").filter(Boolean).map((one) => word("office", one)).join(", ");

// Words to whoever is on duty there, or to one office.
const write = (row) => actMenu({ what: "silence", id: row.incident_id ?? row.pcode, incident_id: row.incident_id, places: row.pcode, place: row.place, by: row.principal });

export function districtsPage(main) {
  return watchWorld(main, "districts", (answer, status) => {
    const real = status === "ACTUAL", missing = answer.reports.reduce((sum, row) => sum + row.missing, 0), dead = answer.links.filter(isDead);
    return [
      asOf(answer.clock, status),
      tiles([real && [say("districts.silent"), answer.silence.length, answer.silence.length ? "bad" : "good"], [say("districts.missing"), missing, missing ? "warn" : "good"],
        [say("districts.unheard"), dead.length, dead.length ? "warn" : "good"]]),
      table(say("districts.silence"), [
        ["col.place", (row) => el("b", {}, row.place)],
        ["col.silent_since", (row) => [late(words.age(row.since)), ` ${words.time(row.since)}`]],
        ["col.last_by", (row) => [words.who(row.last_sender), word("type", row.last_type)].filter(Boolean).join(": ")],
        ["col.offices", "offices", "n"],
        ["col.incident", (row) => incident(row.incident_id, row.incident_name)],
      ], answer.silence, say(real ? "districts.nobody_silent" : "districts.not_watched"), write),
      table(say("districts.reports"), [
        ["col.place", (row) => el("b", {}, row.place)],
        ["col.what", (row) => word("type", row.type)],
        ["col.incident", (row) => incident(row.incident_id, row.incident_name)],
        ["col.expected", "expected", "n"],
        ["col.received", "received", "n"],
        ["col.on_time", "on_time", "n"],
        ["col.missing", (row) => (row.missing ? late(row.missing) : 0), "n"],
        ["col.strip", (row) => strip(row.strip)],
        ["col.next_due", "next_due", "t"],
      ], answer.reports, say("districts.none_expected"), write),
      table(say("districts.said"), [
        ["col.place", (row) => el("b", {}, row.place)],
        ["col.what", (row) => [word("type", row.type), row.version ? chip(word("version", row.version)) : null]],
        ["col.number", "number"],
        ["col.since", "event_at", "t"],
        ["col.by", (row) => [row.prepared_by, row.sender].filter(Boolean).join(" · ")],
        ["col.next_contact", (row) => (row.is_late ? late(words.time(row.next_contact_at)) : words.time(row.next_contact_at)), "t"],
      ], answer.said, null, write),
      table(say("districts.links"), [
        ["col.place", (row) => el("b", {}, row.place)],
        ["col.by", "principal"],
        ["col.kind", (row) => role(row.roles)],
        ["col.link", linkOf],
        ["col.heard", (row) => (row.heard_at ? say("board.ago", { age: words.age(row.heard_at) }) : say("link.never")), "t"],
        ["col.behind", "behind", "n"],
      ], answer.links, null, write),
    ];
  });
}
