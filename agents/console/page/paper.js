// paper - which papers there are, and one of them on the screen as it will be printed.
import { el, fill } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { kindName } from "./called.js";
import { csv } from "./table.js";
import { watch } from "./watch.js";
import { form201, form209, form213, form213rr, form214 } from "./ics.js";
import { handover, sitrep } from "./sitrep.js";
import { requestPlot, sensorPlots } from "./numbers.js";
import { stamp, useAllLanguages } from "./sheet.js";
import { go } from "./way.js";

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

// What a kind asks of the record, and what it makes of the answer.
async function make(kind, asked) {
  const span = { since: asked.get("since"), until: asked.get("until") }, lang = words.lang;
  if (kind === "213") return form213(await api.view("paper_message", { message: asked.get("message"), lang }));
  if (kind === "213rr") return form213rr(await api.view("paper_request", { thread: asked.get("thread"), lang }));
  if (kind === "handover") return handover(await api.view("paper_handover", { lang, status: asked.get("status"), ...span }));
  const incident = asked.get("incident"), record = await api.view("paper", { incident, lang, ...span });
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
