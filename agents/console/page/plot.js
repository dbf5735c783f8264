// plot - lines over time as people show them: axes with units, thresholds, bands, a legend by dash as well as colour, and the same
// numbers as a table for who reads them aloud or copies them; and an incident told by them.
import { button, el, none, scrolled, svg } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { dots, figure, say, word } from "./words.js";
import { unitOf } from "./board.js";
import { chosen, watch } from "./watch.js";

const MIN = 60e3, HOUR = 60 * MIN, DAY = 24 * HOUR;
const spans = [MIN, 2 * MIN, 5 * MIN, 10 * MIN, 30 * MIN, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 365 * DAY, 1825 * DAY];
const TABLE_ROWS = 100;

// Round numbers from low to high, four to seven of them.
function levels(low, high, whole) {
  const rough = (high - low) / 5 || 1, ten = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(whole ? 1 : 0, ten * [1, 2, 5, 10].find((one) => one * ten >= rough));
  const list = [];
  for (let at = Math.floor(low / step); at * step < high + step * 0.999; at++) list.push(at * step);
  return list;
}

function moments(from, to, most) {
  const step = spans.find((one) => (to - from) / one <= most) ?? spans.at(-1);
  const list = [];
  for (let at = Math.ceil((from + words.ZONE_MS) / step) * step - words.ZONE_MS; at <= to; at += step) list.push(at);
  return list;
}
const midnight = (at) => (at + words.ZONE_MS) % DAY === 0;

// Of what lies within one pixel the first, lowest, highest and last: a peak is never thinned away.
function thin(points, x) {
  if (points.length < 1500) return points;
  const kept = [];
  for (let i = 0, j; i < points.length; i = j) {
    const pixel = Math.round(x(points[i][0]));
    for (j = i; j < points.length && Math.round(x(points[j][0])) === pixel;) j++;
    const some = points.slice(i, j), known = some.filter((one) => one[1] !== null).sort((a, b) => a[1] - b[1]);
    kept.push(...new Set([some[0], known[0], known.at(-1), some.at(-1)].filter(Boolean).sort((a, b) => a[0] - b[0])));
  }
  return kept;
}

function pathOf(series, x, y, end) {
  let path = "", pen = false, last = 0;
  for (const [at, value] of thin(series.points, x)) {
    if (value === null) pen = false;
    else {
      const px = x(at).toFixed(1), py = y(value).toFixed(1);
      path += pen && series.step ? `H${px}V${py}` : `${pen ? "L" : "M"}${px} ${py}`;
      pen = true;
      last = py;
    }
  }
  return pen && series.step ? `${path}H${x(end).toFixed(1)}V${last}` : path;
}

const text = (x, y, words, attributes = {}) => {
  const node = svg("text", { x, y, ...attributes });
  node.textContent = words;
  return node;
};

function asTable(caption, unit, series) {
  const times = [...new Set(series.flatMap((one) => one.points.map(([at]) => at)))].sort((a, b) => a - b);
  const every = Math.ceil(times.length / TABLE_ROWS) || 1, shown = times.filter((_, i) => i % every === 0);
  const known = series.map((one) => new Map(one.points));
  return el("details", { class: "plot-table" }, el("summary", {}, say("plot.table")),
    scrolled(caption, el("table", {},
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, say("col.since")), series.map((one) => el("th", { scope: "col", class: "n" }, unit ? `${one.name}, ${unit}` : one.name)))),
      el("tbody", {}, shown.map((at) => el("tr", {}, el("th", { scope: "row" }, words.time(at)), known.map((map) => el("td", { class: "n" }, figure(map.get(at))))))))));
}

// Where it lies in the picture: times from left to right, values from the foot up.
const HEIGHT = 230, middle = { "text-anchor": "middle" }, ending = { "text-anchor": "end" };
function scaleOf(points, { thresholds, events, from, to, narrow, whole }) {
  let first = Infinity, last = -Infinity, low = 0, high = Math.max(...thresholds.map((one) => one.value));
  for (const [at, value] of points) {
    first = Math.min(first, at);
    last = Math.max(last, at);
    if (value !== null) [low, high] = [Math.min(low, value), Math.max(high, value)];
  }
  if (!Number.isFinite(high)) high = 1;
  const begin = from ?? first, end = Math.max(to ?? last, begin + MIN), ticks = levels(low, high > low ? high : low + 1, whole);
  const width = innerWidth < 700 ? 360 : narrow ? 540 : 760, left = 52, right = width - 12, top = events.length ? 26 : 16, foot = HEIGHT - 34;
  const x = (at) => left + ((at - begin) / (end - begin)) * (right - left);
  const y = (value) => foot - ((value - ticks[0]) / (ticks.at(-1) - ticks[0])) * (foot - top);
  return { begin, end, ticks, width, left, right, top, foot, x, y };
}

function bandMarks(bands, { left, right, top, foot, x }) {
  const within = (at) => Math.min(right, Math.max(left, x(at)));
  return bands.flatMap((one) => {
    const begin = within(one.from), width = Math.max(1, within(one.to) - begin);
    return [svg("rect", { class: "band " + one.kind, x: begin, width, y: top, height: foot - top }), width > 6.5 * one.name.length ? text(begin + 3, foot - 5, one.name) : ""];
  });
}
function axes({ begin, end, ticks, width, left, right, top, foot, x, y }) {
  const hour = (at) => (midnight(at) ? words.day(at) : words.clock(at).slice(0, 5)), below = (at, words, attributes) => text(at, HEIGHT - 3, words, attributes);
  return [
    ...ticks.flatMap((one) => [svg("path", { class: "grid", d: `M${left} ${y(one)}H${right}` }), text(left - 6, y(one) + 4, figure(one), ending)]),
    ...moments(begin, end, width < 500 ? 4 : width < 700 ? 6 : 8).flatMap((at) => [svg("path", { class: "grid", d: `M${x(at)} ${top}V${foot + 4}` }),
      text(Math.min(right - 18, Math.max(left, x(at))), foot + 17, hour(at), middle)]),
    below(left, words.day(begin, true)), below(right, words.day(end, true), ending), below((left + right) / 2, "UTC+5", { class: "zone", ...middle }),
    svg("path", { class: "axis", d: `M${left} ${top}V${foot}H${right}` }),
  ];
}
// Lines of one value are one line; a name that would lie on the one below moves up by itself.
function thresholdMarks(thresholds, { left, right, y }, unit) {
  const values = [...new Set(thresholds.map((one) => one.value))].sort((a, b) => a - b);
  let free = Infinity;
  return values.flatMap((value) => {
    const names = [...new Set(thresholds.filter((one) => one.value === value).map((one) => one.name))], at = Math.min(y(value) - 4, free);
    free = at - 13;
    return [svg("path", { class: "threshold", d: `M${left} ${y(value)}H${right}` }),
      text(right - 3, at, `${names.join(", ")} ${figure(value)}${unit ? ` ${unit}` : ""}`, { class: "threshold-name", ...ending })];
  });
}
// A number on the line of time for each event; what it was is said below.
function eventMarks(events, { x, foot }) {
  const top = 10;
  let last = -Infinity;
  return events.flatMap((one, i) => {
    const at = Math.max(x(one.at), last + 15);
    last = at;
    return [svg("path", { class: "event", d: `M${x(one.at).toFixed(1)} ${top}V${foot}` }), svg("circle", { class: "event-mark", cx: at.toFixed(1), cy: top, r: 7 }),
      text(at.toFixed(1), top + 4, i + 1, { class: "event-number", ...middle })];
  });
}
const classOf = (i) => ({ class: `line s${i % 5}` });
function seriesMarks(one, i, { x, y, end }) {
  if (!one.dots && one.points.length > 1) return [svg("path", { ...classOf(i), d: pathOf(one, x, y, end) })];
  return one.points.map(([at, value]) => svg("circle", { ...classOf(i), cx: x(at).toFixed(1), cy: y(value).toFixed(1), r: 4 }));
}
const seriesLegend = (series) => el("ul", { class: "legend" }, series.map((one, i) =>
  el("li", {}, svg("svg", { viewBox: "0 0 34 8", "aria-hidden": "true" }, svg("path", { ...classOf(i), d: "M0 4H34" })), ` ${one.name}`)));
const eventLegend = (events) => el("ol", { class: "legend events" }, events.map((one, i) => el("li", {}, el("b", {}, String(i + 1)), ` ${words.time(one.at)} ${one.name}`)));

// A <figure>: picture, legend, table. Values in `unit`, times in ms; a null value is a gap in the line.
//   series      {name, points: [[ms, value]], step, dots}   step: the value holds until the next, the last to the end of the
//               span; dots: single moments, no line
//   thresholds  {name, value}
//   bands       {name, from, to, kind}; kind: a class of its own
//   events      {at, name}: marked and numbered, in order of time
//   whole       of what is counted: no line between whole numbers
//   narrow      for a column of half the page: what is written stays large enough to read
//   from, to    span shown; of the points where missing
export function plot({ title, unit = "", series, thresholds = [], bands = [], events = [], ...span }) {
  const caption = el("figcaption", {}, unit ? `${title}, ${unit}` : title), points = series.flatMap((one) => one.points);
  if (!points.length) return el("figure", { class: "plot" }, caption, none(say("table.none")));
  const scale = scaleOf(points, { thresholds, events, ...span }), seen = events.filter((one) => one.at >= scale.begin && one.at <= scale.end);
  const picture = svg("svg", { viewBox: `0 0 ${scale.width} ${HEIGHT}`, role: "img", "aria-label": caption.textContent }, ...bandMarks(bands, scale), ...axes(scale),
    ...thresholdMarks(thresholds, scale, unit), ...eventMarks(seen, scale), ...series.flatMap((one, i) => seriesMarks(one, i, scale)));
  return el("figure", { class: "plot" }, caption, picture, series.length > 1 && seriesLegend(series), seen.length > 0 && eventLegend(seen), asTable(caption.textContent, unit, series));
}

// --- an incident: what the water did, what was asked for and came, families, messages ---

const ms = (value) => new Date(value).getTime();

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
  const flat = (one) => one.type === "RAIN_ACC" && !one.points.some(([, value]) => Number(value));
  const name = (one) => `${one.thing ?? ""} (${one.sender.split(".").at(-1)}/${one.datastream_id})`, dry = answer.sensors.filter(flat);
  return [...answer.sensors.filter((one) => !flat(one)).map((one) => plot({ ...spanOf(answer), title: `${word("obs", one.type)}: ${name(one)}`, unit: one.type === "RAIN_ACC" ? say("numbers.mm_h") : unitOf(one.unit),
    series: [{ name: word("obs", one.type), points: one.points, step: one.type === "RAIN_ACC" }], thresholds: (one.thresholds ?? []).map((t) => ({ name: say("plot.line"), value: Number(t.value) })) })),
    dry.length ? el("p", { class: "none" }, say("numbers.dry", { names: dry.map(name).join("; ") })) : null];
}
// Over the time that the incident has so far.
const spanOf = ({ incident }) => ({ from: ms(incident.since), to: ms(incident.until) });
const counted = (answer, title, unit, series) => plot({ ...spanOf(answer), title: say(title), unit: say(unit), whole: true, series: series.filter((one) => one.points.some(([, n]) => n)) });
export function requestPlot(answer) {
  const { from } = spanOf(answer), lines = answer.moves.filter((one) => one.cycle !== "household");
  const line = (key, test) => running(say(key), lines.filter(test).map((one) => [one.at, 1]), from);
  return counted(answer, "numbers.requests", "numbers.lines", [
    line("numbers.asked", (one) => one.event === "REQUEST"),
    line("numbers.promised", (one) => one.cycle === "line" && /^COMMIT/.test(one.event) && /^COMMITTED/.test(one.to_state)),
    line("numbers.on_scene", (one) => one.cycle === "line" && one.event === "ARRIVE"),
  ]);
}
function householdPlot(answer) {
  const { from } = spanOf(answer), moves = answer.moves.filter((one) => one.cycle === "household");
  const line = (name) => running(say("numbers." + name), moves.filter((one) => one.to_state === name.toUpperCase()).map((one) => [one.at, one.households]), from);
  return counted(answer, "numbers.households", "numbers.families", ["affected", "assisted", "moved", "returned"].map(line));
}
function lanePlot(answer) {
  const { from, to } = spanOf(answer), line = (lane, i) => ({ name: say(`precedence.${i + 1}`), step: true, points: hourly(answer.lanes.filter((one) => one.lane === lane), from, to) });
  return counted(answer, "numbers.lanes", "numbers.per_hour", ["FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE", "BULK"].map(line));
}
const answerPlot = (answer) => plot({ ...spanOf(answer), title: say("numbers.answers"), unit: say("numbers.minutes"),
  series: [{ name: say("numbers.first"), dots: true, points: answer.answers.map((one) => [ms(one.at), (ms(one.answered_at) - ms(one.at)) / 60000]) }] });

// /numbers?incident=ID: which incident is a choice on the page itself.
export async function numbersPage(main) {
  const asked = new URLSearchParams(location.search), wanted = asked.get("incident");
  const { items } = await api.view("incidents", { lang: words.lang });
  if (wanted && !items.some((one) => one.incident_id === wanted)) items.push({ incident_id: wanted });
  if (!items.length) return void main.append(none(say("table.none")));
  const option = (one) => el("option", { value: one.incident_id, selected: one.incident_id === wanted }, dots(one.name || one.incident_id.slice(0, 8), one.place));
  const pick = el("select", { id: "of" }, items.map(option)), place = el("div");
  const draw = (answer) => (answer.incident ? el("section", { class: "numbers" }, el("h2", {}, answer.incident.name || answer.incident.id.slice(0, 8)), sensorPlots(answer),
    requestPlot(answer), householdPlot(answer), lanePlot(answer), answerPlot(answer)) : none(say("incident.unknown")));
  main.append(el("form", { class: "move", onsubmit: (event) => event.preventDefault() }, el("label", { for: "of" }, say("col.incident")), pick,
    button(say("paper.print"), () => print())), place);
  return chosen(pick, place, (incident, spot) => watch(spot, "numbers", { incident, since: asked.get("since"), until: asked.get("until") }, draw));
}
