// map - where it happens. Shapes of districts are served from here and nothing else is asked for; the list beside the map has
// the same things in the same order, so that nobody needs the map.
import { el, fill, shapes, svg } from "./dom.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { table } from "./table.js";
import { watch } from "./watch.js";

// Layers in the order of the list; each thing: {layer, key, href, p (shape and colour, as dom.mark has them), name, text, at, place}.
const layers = ["alerts", "silence", "incidents", "gateways", "sirens", "torrents", "reports"];
const signs = { alerts: "!", silence: "…", incidents: "#", gateways: "~", sirens: "♪", torrents: "≈", reports: "?" };
const levels = { ALARM: 1, WARNING: 2, WATCH: 3 };
let seen = null; // where the map stood when it was left

function shown() {
  try {
    return new Set(JSON.parse(localStorage.getItem("map.layers")) ?? layers);
  } catch {
    return new Set(layers);
  }
}

function badge(thing) {
  const sign = svg("text", { x: 12, y: thing.p === 2 ? 19 : 17 });
  sign.textContent = signs[thing.layer];
  return svg("svg", { viewBox: "0 0 24 24", class: "badge p" + thing.p, "aria-hidden": "true" }, svg("path", { d: shapes[thing.p] }), sign);
}
const label = (thing) => [say("map.one." + thing.layer), thing.name, thing.text].filter(Boolean).join(" · ");
const link = (thing, ...inside) => el("a", { href: thing.href, "data-link": true, "data-key": thing.key, title: label(thing), "aria-label": label(thing) }, ...inside);

// --- what is where -------------------------------------------------------------------------------

function things(answer) {
  const places = new Map(answer.places.map((place) => [place.pcode, place]));
  const of = (codes) => String(codes ?? "").split(" ").map((code) => places.get(code) ?? places.get(code.slice(0, 7)) ?? places.get(code.slice(0, 4) + "000")).filter(Boolean);
  const at = (codes, row) => (row?.lat ? [row.lat, row.lon] : of(codes).filter((place) => place.lat).map((place) => [place.lat, place.lon])[0]);
  const put = (layer, key, href, p, codes, text, row) => ({ layer, key: layer + key, href, p, text, at: at(codes, row), place: of(codes)[0]?.pcode, name: row?.title ?? of(codes).map((place) => place.name).join(", ") });
  const test = (status) => (status === "EXERCISE" ? word("status", status) : "");
  const join = (...parts) => parts.filter(Boolean).join(" · ");
  const torrents = new Map(answer.torrents.map((torrent) => [torrent.torrent_id, torrent]));
  return [
    ...answer.alerts.map((a) => put("alerts", a.alert_id, "/", levels[a.level] ?? (a.type === "public_alert" ? 1 : 3), a.places, join(word("hazard", a.hazard), word("level", a.level), word("state", a.state), test(a.status)))),
    ...answer.silence.map((s) => put("silence", s.pcode, "/districts", 3, s.pcode, join(say("map.silent", { at: words.time(s.since) }), s.incident_name))),
    ...answer.incidents.map((i) => put("incidents", i.incident_id, "/incident/" + i.incident_id, ["REPORTED", "VERIFYING"].includes(i.state) ? 2 : ["CONFIRMED", "RESPONDING"].includes(i.state) ? 3 : 4, i.places,
      join(i.name, word("hazard", i.hazard), word("state", i.state), test(i.status)))),
    ...answer.gateways.map((g) => put("gateways", g.sender, "/sensors", levels[g.level] ?? 5, g.pcode, join(g.sender, word("level", g.level), word("hazard", g.hazard), words.time(g.event_at ?? g.heard_at)), { ...g, title: g.station })),
    ...answer.sirens.map((s) => put("sirens", s.site, "/sensors", s.result === "FAILED" ? 2 : 4, s.pcode, join(s.site, word("siren", s.result), words.time(s.event_at)))),
    ...[...torrents.values()].map((t) => put("torrents", t.torrent_id, "/sensors", 5, "", join(t.point, t.people ? words.count("map.people", t.people) : ""), { ...t, title: t.name })),
    ...answer.reports.filter((r) => r.missing).map((r) => put("reports", r.pcode, "/districts", 4, r.pcode, say("map.missing", r))),
  ];
}

// --- the drawing ---------------------------------------------------------------------------------

// Hatching over each shade.
const shades = ["", "all", "some", "nothing"];
function hatch(path) {
  const owner = path?.ownerSVGElement;
  if (!owner || owner.querySelector("pattern")) return;
  owner.prepend(svg("defs", {}, ...shades.map((shade) => svg("pattern", { id: "hatch" + shade, width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { width: 8, height: 8, class: "hatch-ground " + shade }), svg("rect", { width: 3, height: 8, class: "hatch-line" })))));
}
const legend = () => el("p", { class: "small legend" }, ["silent", "all", "some", "nothing"].map((one) => el("span", {}, el("i", { class: "swatch " + one, "aria-hidden": "true" }), say("map.legend." + one))));

// The map itself; null: this server has no Leaflet, and the list stands alone.
async function drawing(box, shapesOf, wanted) {
  const L = await import("/leaflet/leaflet.esm.min.js").catch(() => null);
  if (!L) return null;
  // Nothing glides: it is the same for who wants no motion, and an old PC is spared.
  const map = L.map(box, { zoomControl: false, attributionControl: false, keyboard: false, zoomSnap: 0.25, minZoom: 5, maxZoom: 13, zoomAnimation: false, fadeAnimation: false, markerZoomAnimation: false, inertia: false });
  const districts = L.geoJSON(shapesOf.features, { style: () => ({ className: "district" }) }).addTo(map);
  L.geoJSON(shapesOf.outline, { interactive: false, style: () => ({ className: "outline" }) }).addTo(map);
  const names = L.layerGroup().addTo(map), marks = L.layerGroup().addTo(map), all = districts.getBounds();
  map.setMaxBounds(all.pad(0.5));
  if (seen) map.setView(seen.at, seen.zoom, { animate: false });
  else map.fitBounds(all, { animate: false });
  map.on("moveend", () => (seen = { at: map.getCenter(), zoom: map.getZoom() }));
  // What would lie on something more urgent moves aside; a name that has no room is not shown.
  function part() {
    const taken = [], free = (x, y, w, h) => !taken.some((one) => Math.abs(one.x - x) < (one.w + w) / 2 && Math.abs(one.y - y) < (one.h + h) / 2);
    for (const one of marks.getLayers()) {
      const at = map.latLngToLayerPoint(one.getLatLng());
      let nth = 0, x = at.x, y = at.y;
      for (; nth < 60 && !free(x, y, 26, 26); nth++, x = at.x + 27 * (nth % 6), y = at.y + 27 * Math.floor(nth / 6));
      taken.push({ x, y, w: 26, h: 26 });
      one.getElement().style.marginLeft = `${x - at.x - 13}px`;
      one.getElement().style.marginTop = `${y - at.y - 13}px`;
    }
    for (const one of names.getLayers()) {
      const at = map.latLngToLayerPoint(one.getLatLng()), name = one.getElement().firstChild, w = 7 * name.textContent.length, room = free(at.x, at.y + 8, w, 16);
      name.hidden = !room;
      if (room) taken.push({ x: at.x, y: at.y + 8, w, h: 16 });
    }
  }
  map.on("zoomend", part);
  const shape = (pcode) => districts.getLayers().filter((one) => one.feature.properties.pcode === pcode);
  return {
    map,
    pan: (x, y) => map.panBy([x, y], { animate: false }),
    zoom: (by) => map.setZoom(map.getZoom() + by, { animate: false }),
    whole: () => map.fitBounds(all, { animate: false }),
    look: () => shape(wanted)[0] && map.fitBounds(shape(wanted)[0].getBounds().pad(0.6), { animate: false }),
    // Districts: how many reports are missing as shade, silence as hatching over it, names when there is room.
    paint(answer, on) {
      const silent = new Set(on.has("silence") ? answer.silence.map((s) => s.pcode) : []), owed = new Map(answer.reports.map((r) => [r.pcode, r]));
      for (const one of districts.getLayers()) {
        const path = one.getElement(), code = one.feature.properties.pcode, due = on.has("reports") ? owed.get(code) : null;
        hatch(path);
        path.setAttribute("class", `district leaflet-interactive ${due ? (due.missing ? (due.received ? "some" : "nothing") : "all") : ""} ${silent.has(code) ? "silent" : ""} ${code === wanted ? "wanted" : ""}`);
        path.setAttribute("data-pcode", code);
      }
      names.clearLayers();
      for (const place of answer.places)
        if (place.level === "DISTRICT" && place.lat && shape(place.pcode).length)
          L.marker([place.lat, place.lon], { interactive: false, keyboard: false, icon: L.divIcon({ className: "place-name", iconSize: [160, 16], iconAnchor: [80, 0], html: el("span", {}, place.name) }) }).addTo(names);
    },
    mark(list) {
      marks.clearLayers();
      for (const thing of list.filter((one) => one.at))
        L.marker(thing.at, { keyboard: false, icon: L.divIcon({ className: "spot", iconSize: [26, 26], html: link(thing, badge(thing)) }) }).addTo(marks);
      part();
    },
    end: () => map.remove(),
  };
}

// --- the page ------------------------------------------------------------------------------------

function rows(list) {
  if (!list.length) return el("p", { class: "none" }, say("map.quiet"));
  return el("ol", { class: "things" }, list.map((thing) => el("li", {}, link(thing, badge(thing), el("span", {}, el("b", {}, say("map.one." + thing.layer)), thing.name ? ` · ${thing.name}` : "", el("br"), el("span", { class: "small" }, thing.text ?? ""))))));
}

function districtTable(answer) {
  const owed = new Map(answer.reports.map((r) => [r.pcode, r])), silent = new Map(answer.silence.map((s) => [s.pcode, s]));
  const sorted = answer.places.filter((place) => place.level === "DISTRICT").sort((a, b) => words.compare(a.name, b.name));
  return el("details", { class: "all-districts" }, el("summary", {}, words.count("map.districts", sorted.length)),
    table(say("page.districts"), [
      ["col.place", (row) => row.name],
      ["col.pcode", (row) => row.pcode],
      ["col.received", (row) => (owed.has(row.pcode) ? `${owed.get(row.pcode).received} / ${owed.get(row.pcode).expected}` : ""), "n"],
      ["col.silent", (row) => (silent.has(row.pcode) ? el("strong", { class: "late" }, `▲ ${words.time(silent.get(row.pcode).since)}`) : "")],
    ], sorted));
}

export async function mapPage(main) {
  const on = shown(), box = el("div", { class: "map", tabindex: "0", role: "region", "aria-label": say("map.here"), "aria-describedby": "map-keys" });
  const side = el("div", { class: "map-side" }), tools = el("div", { class: "map-tools" }), wanted = new URLSearchParams(location.search).get("at");
  let answer = null, leaving = null;
  main.append(tools, el("div", { class: "map-room" }, el("div", {}, box, legend(), el("p", { class: "small", id: "map-keys" }, say("map.keys")), el("p", { class: "small" }, say("map.sources"))), side));
  const shapesOf = await fetch("/districts.json").then((file) => file.json()).catch(() => null);
  const drawn = shapesOf && (await drawing(box, shapesOf, wanted));
  if (!drawn) fill(box, el("p", { class: "none" }, say("map.none")));

  const list = () => things(answer).filter((thing) => on.has(thing.layer));
  function redraw() {
    const focused = document.activeElement?.dataset?.key, where = box.contains(document.activeElement) ? box : side;
    drawn?.paint(answer, on);
    drawn?.mark(list());
    if (focused) queueMicrotask(() => where.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true }));
  }
  const inList = () => [el("h2", {}, say("map.list")), rows(list()), districtTable(answer)];
  function toggle(layer, wantedOn) {
    if (wantedOn) on.add(layer);
    else on.delete(layer);
    localStorage.setItem("map.layers", JSON.stringify([...on]));
    if (!answer) return; // it comes
    redraw();
    fill(side.querySelector(".board"), inList());
  }
  const act = drawn && { ArrowLeft: () => drawn.pan(-120, 0), ArrowRight: () => drawn.pan(120, 0), ArrowUp: () => drawn.pan(0, -120), ArrowDown: () => drawn.pan(0, 120), "+": () => drawn.zoom(1), "=": () => drawn.zoom(1), "-": () => drawn.zoom(-1), 0: drawn.whole };
  const button = (key, name) => el("button", { type: "button", title: say(name), "aria-label": say(name), onclick: act[key] }, { "+": "+", "-": "−", 0: "⌂" }[key]);
  fill(tools, drawn ? [button("+", "map.nearer"), button("-", "map.further"), button("0", "map.whole")] : null,
    el("fieldset", {}, el("legend", {}, say("map.layers")), layers.map((layer) => el("label", {}, el("input", { type: "checkbox", checked: on.has(layer), onchange: (e) => toggle(layer, e.target.checked) }), " ", el("span", { "aria-hidden": "true" }, signs[layer]), ` ${say("map." + layer)}`))));
  box.addEventListener("keydown", (event) => {
    if (!act?.[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation(); // 0 is no page here
    act[event.key]();
  });
  leaving = await watch(side, "map", {}, (found) => {
    answer = found;
    redraw();
    return inList();
  });
  if (wanted) drawn?.look();
  return () => {
    leaving?.();
    drawn?.end();
  };
}
