// map - where it happens. Shapes of districts are served from here and nothing else is asked for; the list beside the map has
// the same things in the same order, so that nobody needs the map.
import { button, el, fill, none, shapes, svg } from "./dom.js";
import { menu } from "./form.js";
import { go } from "./way.js";
import * as words from "./words.js";
import { dots, say, word } from "./words.js";
import { table } from "./table.js";
import { watch } from "./watch.js";

// Layers in the order of the list; each thing: {layer, key, href, p (shape and colour, as dom.mark has them), name, text, at, place}.
const layers = ["alerts", "silence", "incidents", "gateways", "sirens", "torrents", "reports"];
const signs = { alerts: "!", silence: "⋯", incidents: "#", gateways: "~", sirens: "♪", torrents: "≈", reports: "?" };
const levels = { ALARM: 1, WARNING: 2, WATCH: 3 };
const typical = { alerts: 1, silence: 3, incidents: 3, gateways: 5, sirens: 4, torrents: 5, reports: 4 };
let seen = null; // where the map stood when it was left

function shown() {
  try {
    return new Set(JSON.parse(localStorage.getItem("map.layers")) ?? layers);
  } catch {
    return new Set(layers);
  }
}

function badge(thing, more) {
  const sign = svg("text", { x: 12, y: thing.p === 2 ? 19 : 17 }), count = more ? [svg("circle", { cx: 22, cy: 3, r: 7.5, class: "count" }), svg("text", { x: 22, y: 6.5, class: "count-number" })] : [];
  sign.textContent = signs[thing.layer];
  if (more) count[1].textContent = more;
  return svg("svg", { viewBox: "0 0 24 24", class: "badge p" + thing.p, "aria-hidden": "true" }, svg("path", { d: shapes[thing.p] }), sign, ...count);
}
const label = (thing) => dots(say("map.one." + thing.layer), thing.name, thing.text);
const link = (thing, ...inside) => el("a", { href: thing.href, "data-link": true, "data-key": thing.key, title: label(thing), "aria-label": label(thing) }, ...inside);

// Several that would lie on each other: the most urgent with their number, and a menu of all of them.
function several(things) {
  const labels = things.map(label), counted = words.count("map.several", things.length);
  const choose = () => menu(things[0].name || counted, things.map((one, i) => ({ label: labels[i], run: () => go(one.href) })));
  return button(badge(things[0], things.length), choose, { class: "several", "data-key": things.map((one) => one.key).join(" "), title: labels.join("\n"), "aria-label": `${counted}: ${labels.join("; ")}` });
}

// --- what is where ---

// A torrent as it is watched: from its highest station to the last place that it reaches.
function course(answer, torrent) {
  const own = answer.torrents.filter((one) => one.torrent_id === torrent.torrent_id), by = new Set(own.map((one) => one.gateway));
  return [...(answer.stations ?? []).filter((one) => by.has(one.gateway)), ...own.filter((one) => one.lat).sort((a, b) => a.distance_m - b.distance_m)];
}
function things(answer) {
  const places = new Map(answer.places.map((place) => [place.pcode, place]));
  const of = (codes) => String(codes ?? "").split(" ").map((code) => places.get(code) ?? places.get(code.slice(0, 7)) ?? places.get(code.slice(0, 4) + "000")).filter(Boolean);
  const at = (codes, row) => (row?.lat ? [row.lat, row.lon] : of(codes).filter((place) => place.lat).map((place) => [place.lat, place.lon])[0]);
  const put = (layer, key, href, p, codes, text, row) => ({ layer, key: layer + key, href, p, text, at: at(codes, row), place: of(codes)[0]?.pcode, name: row?.title ?? of(codes).map((place) => place.name).join(", ") });
  const test = (status) => (status === "EXERCISE" ? word("status", status) : "");
  const torrents = new Map([...answer.torrents].sort((a, b) => Boolean(a.point) - Boolean(b.point) || b.distance_m - a.distance_m).map((torrent) => [torrent.torrent_id, torrent]));
  return [
    ...answer.alerts.map((a) => put("alerts", a.alert_id, "/", levels[a.level] ?? (a.type === "public_alert" ? 1 : 3), a.places, dots(word("hazard", a.hazard), words.levels(a.level), word("state", a.state), test(a.status)))),
    ...answer.silence.map((s) => put("silence", s.pcode, "/districts", 3, s.pcode, dots(say("map.silent", { at: words.time(s.since) }), s.incident_name))),
    ...answer.incidents.map((i) => put("incidents", i.incident_id, "/incident/" + i.incident_id, ["REPORTED", "VERIFYING"].includes(i.state) ? 2 : ["CONFIRMED", "RESPONDING"].includes(i.state) ? 3 : 4, i.places,
      dots(i.name, word("hazard", i.hazard), word("state", i.state), test(i.status)))),
    ...answer.gateways.map((g) => put("gateways", g.sender, "/sensors", levels[g.level] ?? 5, g.pcode, dots(words.who(g.sender), word("level", g.level), word("hazard", g.hazard), words.time(g.event_at ?? g.heard_at)), { ...g, title: g.station })),
    ...answer.sirens.map((s) => put("sirens", s.site, "/sensors", s.result === "FAILED" ? 2 : 4, s.pcode, dots(s.site, word("siren", s.result), words.time(s.event_at)))),
    ...[...torrents.values()].map((t) => put("torrents", t.torrent_id, "/sensors", 5, "", dots(t.point, t.people ? words.count("map.people", t.people) : ""), { ...(course(answer, t)[0] ?? t), title: t.name })),
    ...answer.reports.filter((r) => r.missing).map((r) => put("reports", r.pcode + r.status, "/districts", r.received ? 4 : 3, r.pcode, dots(say("map.missing", r), r.names, test(r.status)))),
  ];
}

// Expected and received of each district, what is played and what is real together.
function owedOf(answer) {
  const owed = new Map();
  for (const r of answer.reports) {
    const one = owed.get(r.pcode) ?? { expected: 0, received: 0, missing: 0 };
    for (const key of Object.keys(one)) one[key] += r[key];
    owed.set(r.pcode, one);
  }
  return owed;
}

// --- the drawing ---

// Hatching over each shade.
const shades = ["", "all", "some", "nothing"];
function hatch(path) {
  const owner = path?.ownerSVGElement;
  if (!owner || owner.querySelector("pattern")) return;
  owner.prepend(svg("defs", {}, ...shades.map((shade) => svg("pattern", { id: "hatch" + shade, width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { width: 8, height: 8, class: "hatch-ground " + shade }), svg("rect", { width: 3, height: 8, class: "hatch-line" })))));
}
const legend = () => el("p", { class: "small legend" }, ["silent", "all", "some", "nothing"].map((one) => el("span", {}, el("i", { class: "swatch " + one, "aria-hidden": "true" }), say("map.legend." + one))));

// The map with nothing on it yet: districts, and layers for the courses of torrents, names and marks.
const still = { animate: false };
function ground(L, box, shapesOf) {
  // Nothing glides: it is the same for who wants no motion, and an old PC is spared.
  const map = L.map(box, { zoomControl: false, attributionControl: false, keyboard: false, zoomSnap: 0.25, minZoom: 5, maxZoom: 12,
    zoomAnimation: false, fadeAnimation: false, markerZoomAnimation: false, inertia: false });
  const districts = L.geoJSON(shapesOf.features, { style: () => ({ className: "district" }) }).addTo(map), all = districts.getBounds();
  L.geoJSON(shapesOf.outline, { interactive: false, style: () => ({ className: "outline" }) }).addTo(map);
  const [courses, names, marks] = [1, 2, 3].map(() => L.layerGroup().addTo(map));
  map.setMaxBounds(all.pad(0.5));
  if (seen) map.setView(seen.at, seen.zoom, still);
  else map.fitBounds(all, still);
  map.on("moveend", () => (seen = { at: map.getCenter(), zoom: map.getZoom() }));
  return { L, box, map, districts, all, courses, names, marks };
}

// What would lie on something more urgent joins it.
const SIZE = 28;
function pilesOf(things, pointOf) {
  const piles = [];
  for (const thing of things) {
    const at = pointOf(thing.at), pile = piles.find((one) => Math.abs(one.at.x - at.x) < SIZE && Math.abs(one.at.y - at.y) < SIZE);
    if (pile) pile.things.push(thing);
    else piles.push({ at, things: [thing] });
  }
  return piles;
}
// Who stood on a mark stands on the one that it has joined.
function drawMarks({ L, box, marks }, piles) {
  const keys = (node) => node.dataset.key?.split(" ") ?? [], held = box.contains(document.activeElement) ? keys(document.activeElement) : [];
  marks.clearLayers();
  for (const { things } of piles) {
    const html = things.length > 1 ? several(things) : link(things[0], badge(things[0]));
    L.marker(things[0].at, { keyboard: false, icon: L.divIcon({ className: "spot", iconSize: [SIZE, SIZE], html }) }).addTo(marks);
  }
  [...box.querySelectorAll("[data-key]")].find((one) => keys(one).some((key) => held.includes(key)))?.focus({ preventScroll: true });
}
// Names beside the marks: where something is they come first, and look for room further away; the others are shown if there is any.
function placeNames({ map, names }, piles, busy) {
  const taken = piles.map(({ at: { x, y } }) => ({ x, y, w: SIZE + 6, h: SIZE + 2 }));
  const isFree = (x, y, w, h) => !taken.some((one) => Math.abs(one.x - x) < (one.w + w) / 2 && Math.abs(one.y - y) < (one.h + h) / 2);
  const all = names.getLayers().sort((one, other) => busy.has(other.pcode) - busy.has(one.pcode)).map((one) => [one, one.getElement().firstChild, busy.has(one.pcode)]);
  for (const [, name, isBusy] of all) {
    name.hidden = false;
    name.classList.toggle("busy", isBusy);
  }
  const widths = all.map(([, name]) => name.offsetWidth + 6); // all at once: each asking after a change would lay out the page anew
  for (const [i, [one, name, isBusy]] of all.entries()) {
    const { x, y } = map.latLngToLayerPoint(one.getLatLng()), w = widths[i], down = (isBusy ? [8, 24, -24, 38] : [8]).find((far) => isFree(x, y + far, w, 15));
    name.hidden = down === undefined;
    if (name.hidden) continue;
    one.getElement().style.marginTop = `${down - 8}px`;
    taken.push({ x, y: y + down, w, h: 15 });
  }
}

// How many reports are missing as shade, silence as hatching over it.
function shade({ districts }, answer, on, wanted) {
  const silent = new Set(on.has("silence") ? answer.silence.map((s) => s.pcode) : []), owed = owedOf(answer);
  const shadeOf = (due) => (!due ? "" : !due.missing ? "all" : due.received ? "some" : "nothing");
  for (const one of districts.getLayers()) {
    const path = one.getElement(), code = one.feature.properties.pcode;
    hatch(path);
    path.setAttribute("class", `district leaflet-interactive ${shadeOf(on.has("reports") && owed.get(code))} ${silent.has(code) ? "silent" : ""} ${code === wanted ? "wanted" : ""}`);
    path.setAttribute("data-pcode", code);
  }
}
function drawCourses({ L, courses }, answer) {
  for (const torrent_id of new Set(answer.torrents.map((one) => one.torrent_id))) {
    const line = course(answer, { torrent_id }).map((one) => [one.lat, one.lon]);
    if (line.length > 1) L.polyline(line, { interactive: false, className: "course" }).addTo(courses);
  }
}
function drawName({ L, names }, { name, pcode, lat, lon }) {
  const icon = L.divIcon({ className: "place-name", iconSize: [160, 16], iconAnchor: [80, 0], html: el("span", {}, name.replace(/ район$/, "")) });
  Object.assign(L.marker([lat, lon], { interactive: false, keyboard: false, icon }), { pcode }).addTo(names);
}

// What the page does with it; null: this server has no Leaflet, and the list stands alone.
async function drawing(box, shapesOf, wanted) {
  const L = await import("/leaflet/leaflet.esm.min.js").catch(() => null);
  if (!L) return null;
  const ours = ground(L, box, shapesOf), { map, districts, all, courses, names } = ours;
  const shape = (pcode) => districts.getLayers().find((one) => one.feature.properties.pcode === pcode);
  let marked = [];
  function arrange() {
    const piles = pilesOf(marked, (at) => map.latLngToLayerPoint(at));
    drawMarks(ours, piles);
    placeNames(ours, piles, new Set(marked.map((one) => one.place)));
  }
  map.on("zoomend", arrange);
  return {
    pan: (x, y) => map.panBy([x, y], still),
    zoom: (by) => map.setZoom(map.getZoom() + by, still),
    whole: () => map.fitBounds(all, still),
    paint(answer, on) {
      shade(ours, answer, on, wanted);
      names.clearLayers();
      courses.clearLayers();
      if (on.has("torrents")) drawCourses(ours, answer);
      districtsOf(answer).filter((one) => one.lat && shape(one.pcode)).forEach((one) => drawName(ours, one));
    },
    mark(list) {
      marked = list.filter((one) => one.at);
      arrange();
    },
    find(pcode) {
      wanted = pcode;
      if (shape(pcode)) map.fitBounds(shape(pcode).getBounds().pad(0.6), still);
    },
    end() {
      map.off();
      map.remove();
    },
  };
}

// --- the page ---

function rows(list) {
  if (!list.length) return none(say("map.quiet"));
  return el("ol", { class: "things" }, list.map((thing) => el("li", {}, link(thing, badge(thing),
    el("span", {}, el("b", {}, say("map.one." + thing.layer)), thing.name ? ` · ${thing.name}` : "", el("br"), el("span", { class: "small" }, thing.text ?? ""))))));
}

function districtTable(answer) {
  const owed = owedOf(answer), silent = new Map(answer.silence.map((s) => [s.pcode, s]));
  const sorted = districtsOf(answer).sort((a, b) => words.compare(a.name, b.name));
  return el("details", { class: "all-districts" }, el("summary", {}, words.count("map.districts", sorted.length)),
    table(say("page.districts"), [
      ["col.place", (row) => row.name],
      ["col.pcode", (row) => row.pcode],
      ["col.received", (row) => (owed.has(row.pcode) ? `${owed.get(row.pcode).received} / ${owed.get(row.pcode).expected}` : ""), "n"],
      ["col.silent", (row) => (silent.has(row.pcode) ? el("strong", { class: "late" }, `▲ ${words.time(silent.get(row.pcode).since)}`) : "")],
    ], sorted));
}

const districtsOf = (answer) => (answer?.places ?? []).filter((one) => one.level === "DISTRICT");
const called = (district) => `${district.name} ${district.pcode}`;

// What keys and buttons do with the map.
const moves = (drawn) => ({
  ArrowLeft: () => drawn.pan(-120, 0), ArrowRight: () => drawn.pan(120, 0), ArrowUp: () => drawn.pan(0, -120), ArrowDown: () => drawn.pan(0, 120),
  "+": () => drawn.zoom(1), "=": () => drawn.zoom(1), "-": () => drawn.zoom(-1), 0: drawn.whole,
});
const buttons = [["+", "+", "map.nearer"], ["-", "−", "map.further"], ["0", "⌂", "map.whole"]];
const moveButtons = (acts) => buttons.map(([key, sign, name]) => button(sign, acts[key], { title: say(name), "aria-label": say(name) }));
function onKey(event, acts) {
  if (!acts[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  event.stopPropagation(); // 0 is no page here
  acts[event.key]();
}

const layerChoice = (on, toggle) => el("details", { open: innerWidth > 700 }, el("summary", {}, say("map.layers")), layers.map((layer) => el("label", {},
  el("input", { type: "checkbox", checked: on.has(layer), onchange: (event) => toggle(layer, event.target.checked) }), " ", badge({ layer, p: typical[layer] }), ` ${say("map." + layer)}`)));

// A district by its name or by its P-code, of those that `all` answers now.
function finder(all, show) {
  const known = el("datalist", { id: "map-places" }), field = el("input", { type: "text", id: "map-find", list: "map-places", autocomplete: "off", onchange: look });
  function look(event) {
    event.preventDefault();
    const text = field.value.trim(), hit = text && (all().find((one) => text.includes(one.pcode)) ?? all().find((one) => one.name.toLowerCase().startsWith(text.toLowerCase())));
    if (!hit) return;
    show(hit.pcode);
    field.value = called(hit);
  }
  return {
    form: el("form", { class: "map-find", role: "search", onsubmit: look }, el("label", { for: "map-find" }, say("map.find")), field, known),
    know: () => fill(known, all().map((one) => el("option", { value: called(one) }))),
  };
}

export async function mapPage(main) {
  const on = shown(), box = el("div", { class: "map", tabindex: "0", role: "region", "aria-label": say("map.here"), "aria-describedby": "map-keys" });
  const side = el("div", { class: "map-side" }), tools = el("div", { class: "map-tools" }), wanted = new URLSearchParams(location.search).get("at");
  const below = [legend(), el("p", { class: "small typed", id: "map-keys" }, say("map.keys")), el("p", { class: "small" }, say("map.sources"))];
  main.append(tools, el("div", { class: "map-room" }, el("div", {}, box, below), side));
  const shapesOf = await fetch("/districts.json").then((file) => file.json()).catch(() => null);
  const drawn = shapesOf && (await drawing(box, shapesOf, wanted)), acts = drawn ? moves(drawn) : {};
  if (!drawn) fill(box, none(say("map.none")));

  let answer = null;
  const list = () => things(answer).filter((thing) => on.has(thing.layer));
  const inList = () => [el("h2", {}, say("map.list")), rows(list()), districtTable(answer)];
  function redraw() {
    drawn?.paint(answer, on);
    drawn?.mark(list());
  }
  function toggle(layer, isWanted) {
    if (isWanted) on.add(layer);
    else on.delete(layer);
    localStorage.setItem("map.layers", JSON.stringify([...on]));
    if (!answer) return; // it comes
    redraw();
    fill(side.querySelector(".board"), inList());
  }
  const find = finder(() => districtsOf(answer), (pcode) => {
    drawn.find(pcode);
    redraw();
  });
  fill(tools, drawn && moveButtons(acts), layerChoice(on, toggle), drawn && find.form);
  box.addEventListener("keydown", (event) => onKey(event, acts));
  const leave = await watch(side, "map", {}, (found) => {
    answer = found;
    find.know();
    redraw();
    return inList();
  });
  if (wanted) drawn?.find(wanted);
  return () => {
    leave();
    drawn?.end();
  };
}
