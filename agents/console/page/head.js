// head - the top of every page: how the system is, what time it is, who is here; and the banner that nobody
// can scroll away from.
import { button, el, fill, lit } from "./dom.js";
import * as api from "./api.js";
import * as news from "./news.js";
import * as sound from "./sound.js";
import * as words from "./words.js";
import { say } from "./words.js";

let sight = true;

// How many of the hubs have all their brokers: the same truth as the page behind the lamps.
function hubs(truth) {
  const whole = truth.hubs?.filter(([, brokers, alive]) => alive === brokers).length;
  return truth.hubs?.length ? lamp("hubs", sight && whole === truth.hubs.length, `${whole}/${truth.hubs.length}`) : null;
}
const lamp = (name, good, count) => lit(good, `${say("lamp." + name)}${count ? ` ${count}` : ""}`,
  el("span", { class: good ? "unseen" : "" }, `: ${say(good ? "lamp.good" : "lamp.bad")}`));
const note = (text) => el("span", { class: "lamp wait" }, text);

function troubles(truth) {
  if (!sight) return [say("banner.blind")];
  if (!truth.linked) return [say("banner.bus")];
  return truth.store && truth.view ? [] : [say("banner.store")];
}
function drawBanner(truth) {
  const banner = document.getElementById("banner"), bad = troubles(truth);
  const text = [...bad, ...(truth.exercise ? [say("banner.exercise")] : [])].join(" · ");
  banner.className = bad.length ? "bad" : "exercise";
  banner.hidden = !text;
  if (banner.textContent !== text) banner.textContent = text;
}
function draw() {
  const truth = news.truth, lamps = document.getElementById("lamps");
  if (!truth || !lamps) return;
  fill(lamps, lamp("bus", sight && truth.linked), lamp("store", sight && truth.store), lamp("view", sight && truth.view), hubs(truth),
    truth.waiting > 0 && note(say("lamp.waiting", { n: truth.waiting })), sound.quiet && note(say("lamp.quiet")), sound.blocked() && note(say("lamp.silent")));
  document.getElementById("now").textContent = words.clock(truth.utc_us / 1000);
  drawBanner(truth);
}

function themeButton() {
  const theme = document.documentElement.dataset;
  return button(say("tool.theme"), () => {
    theme.theme = theme.theme === "dark" ? "day" : "dark";
    localStorage.setItem("theme", theme.theme);
  });
}
// On a phone pages and tools are behind one button.
export function drawHead({ changeLanguage, showKeys, signOut }) {
  const tools = el("div", { class: "tools", id: "tools" },
    el("select", { "aria-label": say("tool.language"), onchange: (e) => changeLanguage(e.target.value) },
      words.languages.map((one) => el("option", { value: one, selected: one === words.lang }, words.languageNames[one]))),
    themeButton(),
    button(say("tool.keys"), showKeys),
    el("span", { class: "person", title: api.me.person }, words.who(api.me.person)),
    button(say("tool.signout"), signOut));
  const more = el("button", { type: "button", class: "more", "aria-expanded": "false", "aria-controls": "tools nav", "aria-label": say("tool.more"), onclick: () => {
    const shown = tools.classList.toggle("shown");
    document.getElementById("nav").classList.toggle("shown", shown);
    more.setAttribute("aria-expanded", String(shown));
  } }, "☰");
  fill(document.getElementById("head"), el("a", { class: "name", href: "/", "data-link": true }, "eocbus"),
    el("a", { id: "lamps", href: "/system", "data-link": true, title: say("page.system") }), el("time", { id: "now" }), more, tools);
  document.getElementById("skip").textContent = say("tool.skip");
  document.getElementById("nav").setAttribute("aria-label", say("tool.pages"));
  draw();
}
export function start() {
  news.on("truth", draw);
  news.on("sight", (sees) => {
    sight = sees;
    draw();
  });
}
