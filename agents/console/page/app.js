// app - the frame around the pages: who is here, where we are, how the system is, keys for everything.
import { el, fill } from "./dom.js";
import * as api from "./api.js";
import * as news from "./news.js";
import * as words from "./words.js";
import { say } from "./words.js";
import { prepare } from "./act.js";
import { csv } from "./table.js";
import { signInPage } from "./signin.js";
import { queuePage } from "./queue.js";
import { incidentsPage } from "./incidents.js";
import { incidentPage } from "./incident.js";
import { resourcesPage } from "./resources.js";
import { relocationPage } from "./relocation.js";
import { districtsPage } from "./districts.js";
import { sensorsPage } from "./sensors.js";
import { mapPage } from "./map.js";
import { searchPage } from "./search.js";
import { warnPage, warningPage } from "./warn.js";

// Papers come when somebody wants one, not with the first page of a night.
const later = (file, name, ...rest) => async (node) => (await import(file))[name](node, ...rest);
const pages = [
  { path: "/", name: "queue", key: "1", show: queuePage },
  { path: "/incidents", name: "incidents", csv: "incidents", key: "2", show: incidentsPage },
  { path: "/resources", name: "resources", csv: "resources", key: "3", show: resourcesPage },
  { path: "/relocation", name: "relocation", csv: "relocation", key: "4", show: relocationPage },
  { path: "/districts", name: "districts", csv: "reports", key: "5", show: districtsPage },
  { path: "/sensors", name: "sensors", csv: "sensors", key: "6", show: sensorsPage },
  { path: "/warn", name: "warn", key: "7", show: warnPage },
  { path: "/map", name: "map", key: "8", show: mapPage },
  { path: "/paper", name: "paper", key: "9", show: later("./paper.js", "papersPage") },
  { path: "/numbers", name: "numbers", key: "0", show: later("./numbers.js", "numbersPage") },
  { path: "/search", name: "search", key: "/", show: searchPage },
];
const main = document.getElementById("main");
let leave = null;

// --- where we are --------------------------------------------------------------------------------

export function go(path) {
  history.pushState(null, "", path);
  show();
}

function pageOf(path) {
  const incident = path.match(/^\/incident\/([0-9a-f-]{36})$/);
  if (incident) return { name: "incident", show: (node) => incidentPage(node, incident[1]) };
  const alert = path.match(/^\/warn\/([0-9a-f-]{36})$/);
  if (alert) return { name: "warning", show: (node) => warningPage(node, alert[1]) };
  const paper = path.match(/^\/paper\/(\w+)$/);
  if (paper) return { name: "paper", show: later("./paper.js", "paperPage", paper[1]) };
  return pages.find((page) => page.path === path) ?? pages[0];
}

async function show() {
  const page = pageOf(location.pathname);
  leave?.();
  leave = null;
  drawNav(page);
  document.title = `${say("page." + page.name)} · eocbus`;
  fill(main, el("h1", {}, say("page." + page.name)), page.csv ? csv(page.csv) : null);
  leave = (await page.show(main)) ?? null;
}

function drawNav(current) {
  fill(document.getElementById("nav"), el("ul", {}, pages.map((page) =>
    el("li", {}, el("a", { href: page.path, "aria-current": page === current ? "page" : null, "data-link": true },
      el("kbd", {}, page.key), " ", say("page." + page.name))))));
}

// --- how the system is ---------------------------------------------------------------------------

function lamp(name, good) {
  return el("span", { class: "lamp " + (good ? "good" : "bad") },
    el("span", { class: "dot", "aria-hidden": "true" }, good ? "●" : "▲"), ` ${say("lamp." + name)}: ${say(good ? "lamp.good" : "lamp.bad")}`);
}

let sight = true;
function drawTruth() {
  const truth = news.truth, lamps = document.getElementById("lamps"), banner = document.getElementById("banner");
  if (!truth || !lamps) return;
  fill(lamps, lamp("bus", sight && truth.linked), lamp("store", sight && truth.store), lamp("view", sight && truth.view),
    truth.waiting ? el("span", { class: "lamp wait" }, say("lamp.waiting", { n: truth.waiting })) : null);
  document.getElementById("now").textContent = words.clock(truth.utc_us / 1000);
  const said = [];
  if (!sight) said.push(say("banner.blind"));
  else if (!truth.linked) said.push(say("banner.bus"));
  else if (!truth.store || !truth.view) said.push(say("banner.store"));
  banner.className = said.length ? "bad" : "exercise";
  banner.hidden = !said.length && !truth.exercise;
  const text = [...said, ...(truth.exercise ? [say("banner.exercise")] : [])].join(" · ");
  if (banner.textContent !== text) banner.textContent = text;
}

function drawHead() {
  const theme = document.documentElement;
  fill(document.getElementById("head"),
    el("a", { class: "name", href: "/", "data-link": true }, "eocbus"),
    el("div", { id: "lamps" }),
    el("time", { id: "now" }),
    el("div", { class: "tools" },
      el("select", { "aria-label": say("tool.language"), onchange: (e) => changeLanguage(e.target.value) },
        words.languages.map((one) => el("option", { value: one, selected: one === words.lang }, { tg: "Тоҷикӣ", ru: "Русский", en: "English" }[one]))),
      el("button", { type: "button", onclick: () => {
        theme.dataset.theme = theme.dataset.theme === "dark" ? "day" : "dark";
        localStorage.setItem("theme", theme.dataset.theme);
      } }, say("tool.theme")),
      el("button", { type: "button", onclick: showKeys }, say("tool.keys")),
      el("span", { class: "person" }, api.me.person),
      el("button", { type: "button", onclick: leaveRoom }, say("tool.signout"))));
  document.getElementById("skip").textContent = say("tool.skip");
  document.getElementById("nav").setAttribute("aria-label", say("tool.pages"));
  drawTruth();
}

async function changeLanguage(lang) {
  localStorage.setItem("lang", lang);
  await words.useLanguage(lang);
  drawHead();
  show();
}

async function leaveRoom() {
  await api.signOut().catch(() => {});
  location.assign("/");
}

// --- what happened -------------------------------------------------------------------------------

export function toast(text, kind = "good") {
  const node = el("div", { class: "toast " + kind, role: "status" }, text);
  document.getElementById("toasts").append(node);
  setTimeout(() => node.remove(), kind === "good" ? 6000 : 20000);
}

let sound = null;
function ring() {
  sound ??= new AudioContext();
  for (let i = 0; i < 3; i++) {
    const tone = sound.createOscillator(), loud = sound.createGain(), at = sound.currentTime + i * 0.35;
    tone.type = "square";
    tone.frequency.value = i % 2 ? 660 : 880;
    loud.gain.setValueAtTime(0.08, at);
    loud.gain.setValueAtTime(0, at + 0.25);
    tone.connect(loud).connect(sound.destination);
    tone.start(at);
    tone.stop(at + 0.3);
  }
}

function onMessage(message) {
  if (message.lane === 1 && message.provisional !== false) ring();
  if (message.lane === 1 && (message.provisional || message.seq))
    document.getElementById("alarm").textContent = `${say("precedence.1")}: ${words.word("type", message.type)} ${message.places.join(" ")}`;
}

function onSettled(settled) {
  if (settled.person !== api.me.person) return;
  if (!settled.stored) toast(say("settled.refused", { text: settled.text || settled.code }), "bad");
  else if (settled.verdict > 1) toast(say("settled.held"), "bad");
  else toast(say("settled.stored", { n: settled.seq }));
}

// --- keys ----------------------------------------------------------------------------------------

function showKeys() {
  const close = () => dialog.close();
  const dialog = el("dialog", { "aria-labelledby": "keys-title", onclose: () => dialog.remove() },
    el("h2", { id: "keys-title" }, say("tool.keys")),
    el("dl", {}, ["digits", "move", "open", "take", "search", "help"].map((key) => [el("dt", {}, say(`key.${key}`)), el("dd", {}, say(`key.${key}.does`))])),
    el("button", { type: "button", onclick: close }, say("tool.close")));
  document.body.append(dialog);
  dialog.showModal();
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, textarea, select, dialog")) return;
  const page = pages.find((one) => one.key === event.key);
  if (page) {
    event.preventDefault(); // the key of a page is no letter in its field
    go(page.path);
  } else if (event.key === "?") showKeys();
}

function onClick(event) {
  const link = event.target.closest("a[data-link]");
  if (!link || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(link.getAttribute("href"));
}

// --- the start -----------------------------------------------------------------------------------

async function enter() {
  await Promise.all([words.useLanguage(localStorage.getItem("lang") ?? api.me.lang), prepare()]);
  drawHead();
  news.on("truth", drawTruth);
  news.on("sight", (sees) => {
    sight = sees;
    drawTruth();
  });
  news.on("message", onMessage);
  news.on("settled", onSettled);
  news.start();
  addEventListener("keydown", onKey);
  addEventListener("click", onClick);
  addEventListener("popstate", show);
  await show();
}

document.documentElement.dataset.theme = localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: light)").matches ? "day" : "dark");
try {
  await api.whoAmI();
  await enter();
} catch (trouble) {
  if (trouble.status !== 401) console.error(trouble);
  await words.useLanguage(localStorage.getItem("lang") ?? "ru");
  signInPage(main, enter);
}
