// search - one word, in whatever letters: everything it may mean, and where that leads.
import { el, fill, link } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { dots, say, word } from "./words.js";
import { detected, kindName } from "./called.js";

const kinds = ["place", "incident", "alert", "report", "request", "message", "sensor", "principal", "household", "document"];
const pages = { alert: "/", report: "/districts", request: "/resources", sensor: "/sensors", household: "/relocation" };
const leadsTo = (hit) => (hit.kind === "place" ? "/map?at=" + hit.id : hit.incident_id ? "/incident/" + hit.incident_id : pages[hit.kind]);

const isDetection = (hit) => hit.type === "sensor_detection";
function titleOf(hit) {
  if (isDetection(hit)) return word("type", hit.type);
  return (hit.kind === "request" && hit.title ? kindName(hit.title) : words.who(hit.title)) || hit.detail || word("type", hit.type) || hit.id;
}
function factsOf(hit) {
  const told = isDetection(hit) ? detected(hit.detection) || hit.title || hit.detail : hit.title && (hit.kind === "incident" ? word("hazard", hit.detail) : hit.detail);
  return dots(told, hit.kind === "place" ? hit.id : hit.place, word("state", hit.state), hit.by !== hit.title && words.who(hit.by), words.time(hit.at),
    hit.status !== "ACTUAL" && word("status", hit.status), hit.seq && `№ ${hit.seq}`);
}
function row(hit) {
  const href = leadsTo(hit), title = titleOf(hit);
  return el("li", {}, href ? link(href, title) : el("b", {}, title), el("br"), el("span", { class: "small" }, factsOf(hit)));
}

function draw(hits) {
  const found = kinds.map((kind) => ({ kind, hits: hits.filter((hit) => hit.kind === kind) })).filter((one) => one.hits.length);
  const best = (one) => Math.min(...one.hits.map((hit) => hit.rank));
  return found.sort((a, b) => best(a) - best(b) || kinds.indexOf(a.kind) - kinds.indexOf(b.kind)).map((one) =>
    el("section", {}, el("h2", {}, `${say("found." + one.kind)} · ${one.hits.length}${one.hits.length === 50 ? "+" : ""}`), el("ul", { class: "found" }, one.hits.map(row))));
}

export async function searchPage(main) {
  const field = el("input", { type: "search", id: "q", maxlength: "200", autocomplete: "off", spellcheck: "false", value: new URLSearchParams(location.search).get("q") ?? "" });
  const summary = el("p", { class: "summary", role: "status" }), list = el("div", { class: "board" });
  let timer = null, asked = 0;

  async function look() {
    const q = field.value.trim(), mine = ++asked;
    history.replaceState(null, "", q ? "/search?q=" + encodeURIComponent(q) : "/search");
    if (!q) {
      summary.textContent = say("search.how");
      return fill(list);
    }
    try {
      const { hits } = await api.view("search", { q, lang: words.lang });
      if (mine !== asked) return; // a newer question is on its way
      summary.textContent = hits.length ? words.count("search.count", hits.length) : say("search.nothing", { q });
      fill(list, draw(hits));
    } catch {
      if (mine === asked) summary.textContent = say("trouble.store_away");
    }
  }
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, 250);
  });
  main.append(el("form", { class: "move", role: "search", onsubmit: (event) => { event.preventDefault(); clearTimeout(timer); look(); } },
    el("label", { for: "q" }, say("search.field")), field, el("button", { class: "first" }, say("search.go"))), summary, list);
  field.focus();
  await look();
  return () => {
    asked++;
    clearTimeout(timer);
  };
}
