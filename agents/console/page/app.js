// app - the frame around the pages: who is here, where we are, how the system is, keys for everything.
import { el, fill, isPageKey, keyOf } from "./dom.js";
import * as api from "./api.js";
import * as news from "./news.js";
import * as head from "./head.js";
import * as places from "./places.js";
import * as rove from "./rove.js";
import * as sound from "./sound.js";
import * as waiting from "./waiting.js";
import * as words from "./words.js";
import { say } from "./words.js";
import { prepare } from "./act.js";
import { openDialog } from "./form.js";
import { csv } from "./table.js";
import { detected } from "./detected.js";
import { why } from "./refusal.js";
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
import { systemPage } from "./system.js";

// Papers come when somebody wants one, not with the first page of a night.
const later = (file, name, ...rest) => async (node) => {
  const place = el("div");
  node.append(place); // at once: who has gone on meanwhile finds nothing of it there
  return (await import(file))[name](place, ...rest);
};
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
  { path: "/system", name: "system", key: "s", show: systemPage, apart: true },
];
const main = document.getElementById("main");
let leave = null, current = pages[0];

// --- where we are --------------------------------------------------------------------------------

export function go(path) {
  history.pushState(null, "", path);
  scrollTo(0, 0);
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

// A page that could not be fetched or drawn says so; the rest goes on.
function troubled(trouble) {
  console.error(trouble);
  main.append(el("p", { class: "trouble", role: "alert" }, say("trouble.unreachable")));
}
let turn = 0;
async function show() {
  const page = pageOf(location.pathname), mine = ++turn;
  leave?.();
  leave = null;
  drawNav(page);
  document.getElementById("nav").classList.remove("shown");
  current = page;
  drawTitle();
  fill(main, el("h1", {}, say("page." + page.name)), page.csv ? csv(page.csv) : null);
  let end = null;
  try {
    end = (await page.show(main)) ?? null;
  } catch (trouble) {
    troubled(trouble);
  }
  if (mine !== turn) return end?.(); // it came when somebody had gone on
  leave = end;
  if (document.activeElement === document.body) main.focus({ preventScroll: true });
}

// The lamps lead to what stands apart.
function drawNav(shown) {
  fill(document.getElementById("nav"), el("ul", {}, pages.filter((page) => !page.apart).map((page) =>
    el("li", {}, el("a", { href: page.path, "aria-current": page === shown ? "page" : null, "data-link": true },
      el("kbd", {}, page.key), " ", say("page." + page.name))))));
}

// --- the frame's buttons --------------------------------------------------------------------------

async function changeLanguage(lang) {
  words.choose(lang, api.me.person);
  await words.useLanguage(lang);
  await places.load();
  drawFrame();
  await waiting.again();
  show();
}
const drawFrame = () => head.drawHead({ changeLanguage, showKeys, signOut: leaveRoom });

async function leaveRoom() {
  await api.signOut().catch(() => {});
  location.assign("/");
}

// --- what happened -------------------------------------------------------------------------------

export function toast(text, kind = "good", title = null) {
  const node = el("div", { class: "toast " + kind, role: "status", title }, text);
  document.getElementById("toasts").append(node);
  setTimeout(() => node.remove(), kind === "good" ? 6000 : 20000);
}

// What comes with the highest precedence is read aloud wherever the person is.
function onMessage(message) {
  if (message.lane !== 1 || !(message.provisional || message.seq)) return;
  const item = waiting.items().find((one) => one.id === message.message_id);
  document.getElementById("alarm").textContent = [say("precedence.1"), words.word("type", message.type), words.word("hazard", item?.hazard), places.name(message.places.join(" ")),
    item?.detection ? detected(item.detection) : item?.flash?.text].filter(Boolean).join(" · ");
}
// "(3) Queue": how many urgent things nobody has taken, for whoever looks at the tab alone.
function drawTitle() {
  const urgent = waiting.items().filter((item) => item.precedence === 1).length;
  document.title = `${urgent ? `(${urgent}) ` : ""}${say("page." + current.name)} · eocbus`;
}

function onSettled(settled) {
  if (settled.person !== api.me.person) return;
  if (!settled.stored) toast(say("settled.refused", { text: why(settled) || settled.code }), "bad", settled.text);
  else if (settled.verdict > 1) toast(say("settled.held"), "bad");
  else toast(say("settled.stored", { n: settled.seq }));
}

// --- keys ----------------------------------------------------------------------------------------

function showKeys() {
  const dialog = openDialog(say("tool.keys"), "keys",
    el("dl", {}, ["digits", "move", "open", "take", "act", "dismiss", "approve", "hush", "system", "search", "help"].map((key) => [el("dt", {}, el("kbd", {}, say(`key.${key}`))), el("dd", {}, say(`key.${key}.does`))])),
    el("button", { type: "button", onclick: () => dialog.close() }, say("tool.close")));
}

function onKey(event) {
  if (!isPageKey(event)) return;
  const key = keyOf(event), page = pages.find((one) => one.key === key);
  if (page) {
    event.preventDefault(); // the key of a page is no letter in its field
    go(page.path);
  } else if (key === "m") sound.hush();
  else if (key === "?") showKeys();
}

function onClick(event) {
  const link = event.target.closest("a[data-link]");
  if (!link || event.ctrlKey || event.shiftKey || event.button) return;
  event.preventDefault();
  go(link.getAttribute("href"));
}

// --- the start -----------------------------------------------------------------------------------

let begun = false;
function begin() {
  if (begun) return;
  begun = true;
  head.start();
  news.on("settled", onSettled);
  waiting.changed(drawTitle);
  sound.start();
  waiting.start();
  news.on("message", onMessage); // behind the list's own ear: it looks there for what came
  news.start();
  addEventListener("keydown", onKey);
  rove.start();
  addEventListener("click", onClick);
  addEventListener("popstate", show);
}
async function enter() {
  await Promise.all([words.useLanguage(words.languageOf(api.me)), prepare()]);
  await places.load();
  drawFrame();
  begin();
  await waiting.again();
  await show();
}

document.documentElement.dataset.theme = localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: light)").matches ? "day" : "dark");
try {
  await api.whoAmI();
  await enter();
} catch (trouble) {
  if (trouble.status !== 401) console.error(trouble);
  await words.useLanguage(words.languageOf());
  signInPage(main, enter);
}
