// numbers - an incident as lines over time: what the water did, what was asked for and came, families, messages.
import { el } from "./dom.js";
import * as api from "./api.js";
import { say, word } from "./words.js";
import { unitOf } from "./board.js";
import { plot } from "./plot.js";
import { watch } from "./watch.js";

const ms = (value) => new Date(value).getTime();
const HOUR = 3600e3;

// How many so far, from moments and how many came then.
function running(name, moments, from) {
  let sum = 0;
  const points = moments.map(([at, count]) => [ms(at), (sum += count)]);
  return { name, step: true, points: points.length ? [[Math.min(from, points[0][0]), 0], ...points] : [] };
}
function hourly(rows, from, to) {
  const known = new Map(rows.map((one) => [ms(one.at), one.messages])), points = [];
  for (let at = Math.floor(from / HOUR) * HOUR; at <= to && points.length < 2000; at += HOUR) points.push([at, known.get(at) ?? 0]);
  return points;
}

export function sensorPlots(answer) {
  const span = { from: ms(answer.incident.since), to: ms(answer.incident.until) };
  const flat = (one) => one.type === "RAIN_ACC" && !one.points.some(([, value]) => Number(value));
  const name = (one) => `${one.thing ?? ""} (${one.sender.split(".").at(-1)}/${one.datastream_id})`, dry = answer.sensors.filter(flat);
  return [...answer.sensors.filter((one) => !flat(one)).map((one) => plot({ ...span, title: `${word("observation", one.type)}: ${name(one)}`, unit: one.type === "RAIN_ACC" ? say("numbers.mm_h") : unitOf(one.unit),
    series: [{ name: word("observation", one.type), points: one.points, step: one.type === "RAIN_ACC" }], thresholds: (one.thresholds ?? []).map((t) => ({ name: say("plot.line"), value: Number(t.value) })) })),
    dry.length ? el("p", { class: "none" }, say("numbers.dry", { names: dry.map(name).join("; ") })) : null];
}
export function requestPlot(answer) {
  const from = ms(answer.incident.since), to = ms(answer.incident.until), lines = answer.moves.filter((one) => one.cycle !== "household");
  const of = (test) => lines.filter(test).map((one) => [one.at, 1]);
  const series = [running(say("numbers.asked"), of((one) => one.event === "REQUEST"), from), running(say("numbers.promised"), of((one) => one.cycle === "line" && /^COMMIT/.test(one.event) && /^COMMITTED/.test(one.to_state)), from),
    running(say("numbers.on_scene"), of((one) => one.cycle === "line" && one.event === "ARRIVE"), from)].filter((one) => one.points.length);
  return plot({ title: say("numbers.requests"), whole: true, unit: say("numbers.lines"), series, from, to });
}
function householdPlot(answer) {
  const from = ms(answer.incident.since), to = ms(answer.incident.until), of = (states) => answer.moves.filter((one) => one.cycle === "household" && states.includes(one.to_state)).map((one) => [one.at, one.households]);
  const series = [["numbers.affected", ["AFFECTED"]], ["numbers.assisted", ["ASSISTED"]], ["numbers.moved", ["MOVED"]], ["numbers.returned", ["RETURNED"]]].map(([key, states]) => running(say(key), of(states), from)).filter((one) => one.points.length);
  return plot({ title: say("numbers.households"), whole: true, unit: say("numbers.families"), series, from, to });
}
function lanePlot(answer) {
  const from = ms(answer.incident.since), to = ms(answer.incident.until), lanes = ["FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE", "BULK"];
  return plot({ title: say("numbers.lanes"), whole: true, unit: say("numbers.per_hour"), from, to, series: lanes.map((lane, i) => ({ name: say(`precedence.${i + 1}`), step: true, points: hourly(answer.lanes.filter((one) => one.lane === lane), from, to) }))
    .filter((one) => one.points.some(([, n]) => n)) });
}
const answerPlot = (answer) => plot({ title: say("numbers.answers"), unit: say("numbers.minutes"), from: ms(answer.incident.since), to: ms(answer.incident.until),
  series: [{ name: say("numbers.first"), dots: true, points: answer.answers.map((one) => [ms(one.at), (ms(one.answered_at) - ms(one.at)) / 60000]) }] });

// /numbers?incident=ID: which incident is a choice on the page itself.
export async function numbersPage(main) {
  const asked = new URLSearchParams(location.search), list = (await api.view("incidents", { lang: document.documentElement.lang }).catch(() => ({ items: [] }))).items;
  let chosen = asked.get("incident") ?? list[0]?.incident_id, leave = null, turn = 0;
  if (!chosen) {
    main.append(el("p", { class: "none" }, say("table.none")));
    return null;
  }
  const place = el("div");
  const open = async () => {
    const mine = ++turn;
    leave?.();
    leave = null;
    place.replaceChildren();
    const end = await watch(place, "numbers", { incident: chosen, since: asked.get("since"), until: asked.get("until") }, (answer) => (answer.incident
      ? el("section", { class: "numbers" }, el("h2", {}, answer.incident.name || answer.incident.id.slice(0, 8)), sensorPlots(answer), requestPlot(answer), householdPlot(answer), lanePlot(answer), answerPlot(answer))
      : el("p", { class: "none" }, say("incident.unknown"))));
    if (mine === turn) leave = end;
    else end();
  };
  main.append(el("form", { class: "move", onsubmit: (event) => event.preventDefault() }, el("label", { for: "of" }, say("col.incident")),
    el("select", { id: "of", onchange: (event) => { chosen = event.target.value; open(); } }, list.map((one) => el("option", { value: one.incident_id, selected: one.incident_id === chosen }, `${one.name || one.incident_id.slice(0, 8)} · ${one.place ?? ""}`))),
    el("button", { type: "button", onclick: () => print() }, say("paper.print"))), place);
  await open();
  return () => {
    turn++;
    leave?.();
  };
}
