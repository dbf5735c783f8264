// app - the frame around the pages: who is here, where we are, how the system is, keys for everything.
import { button, el, fill, isPageKey, keyOf } from "./dom.js";
import * as api from "./api.js";
import * as news from "./news.js";
import * as first from "./first.js";
import * as head from "./head.js";
import * as sound from "./sound.js";
import * as waiting from "./waiting.js";
import * as words from "./words.js";
import { say } from "./words.js";
import { csv, startRoving } from "./table.js";
import { detected, why } from "./called.js";
import { bringAll, part, stand } from "./parts.js";
import { signInPage } from "./signin.js";
import { queuePage } from "./queue.js";
import { go, toast, tried } from "./way.js";

// The queue is here at once, every other page when it is wanted (parts.js).
const later = (file, show, ...rest) => async (node) => (await part(`./${file}.js`))[show](node, ...rest);
const page = (key, name, rest) => ({ path: "/" + name, name, key, show: later(name, name + "Page"), ...rest });
const pages = [
  { path: "/", name: "queue", key: "1", show: queuePage },
  page("2", "incidents", { csv: "incidents", show: later("incident", "incidentsPage") }),
  page("3", "resources", { csv: "resources", show: later("boards", "resourcesPage") }),
  page("4", "relocation", { csv: "relocation", show: later("boards", "relocationPage") }),
  page("5", "districts", { csv: "reports", show: later("boards", "districtsPage") }),
  page("6", "sensors", { csv: "sensors", show: later("boards", "sensorsPage") }),
  page("7", "warn"),
  page("8", "map"),
  page("9", "paper", { show: later("paper", "papersPage") }),
  page("0", "numbers", { show: later("plot", "numbersPage") }),
  page("/", "search"),
  page("s", "system", { apart: true }), // the lamps lead there
];
// What one thing is shown by: its address, the page's name, its file and function.
const ofOne = [
  [/^\/incident\/([0-9a-f-]{36})$/, "incident", "incident", "incidentPage"],
  [/^\/warn\/([0-9a-f-]{36})$/, "warning", "warn", "warningPage"],
  [/^\/order\/([0-9a-f-]{36})$/, "order", "orders", "orderPage"],
  [/^\/paper\/(\w+)$/, "paper", "paper", "paperPage"],
];
const main = document.getElementById("main");
let leave = () => {}, current = pages[0];

// --- where we are ---

function pageOf(path) {
  for (const [address, name, file, show] of ofOne) {
    const found = path.match(address);
    if (found) return { name, show: later(file, show, found[1]) };
  }
  return pages.find((page) => page.path === path) ?? pages[0];
}

async function show() {
  const page = pageOf(location.pathname), place = el("div");
  leave();
  drawNav(page);
  document.getElementById("nav").classList.remove("shown");
  current = page;
  drawTitle();
  fill(main, el("h1", {}, say("page." + page.name)), page.csv ? csv(page.csv) : null, place);
  const mine = stand(place, page.show);
  leave = mine.leave;
  await mine.stands;
  if (leave === mine.leave && document.activeElement === document.body) main.focus({ preventScroll: true });
}

function drawNav(shown) {
  fill(document.getElementById("nav"), el("ul", {}, pages.filter((page) => !page.apart).map((page) =>
    el("li", {}, el("a", { href: page.path, "aria-current": page === shown ? "page" : null, "data-link": true },
      el("kbd", {}, page.key), " ", say("page." + page.name))))));
}

// --- the frame's buttons ---

const changeLanguage = (lang) => tried(async () => {
  await words.useLanguage(lang).finally(() => drawFrame()); // of a language that does not come the old one stands
  words.choose(lang, api.me.person);
  await words.call(api.view("names", { lang: words.lang }));
  await waiting.again();
  show();
});
const drawFrame = () => head.drawHead({ changeLanguage, showKeys, signOut: leaveRoom });

async function leaveRoom() {
  await api.signOut().catch(() => {});
  location.assign("/");
}

// --- what happened ---

// What comes with the highest precedence is read aloud wherever the person is.
function onMessage(message) {
  if (message.lane !== 1 || !(message.provisional || message.seq)) return;
  const item = waiting.items().find((one) => one.id === message.message_id);
  document.getElementById("alarm").textContent = [say("precedence.1"), words.word("type", message.type), words.word("hazard", item?.hazard), words.placeName(message.places.join(" ")),
    item?.detection ? detected(item.detection) : item?.flash?.text].filter(Boolean).join(" · ");
}
// "(3) Queue": how many urgent things nobody has taken, for whoever looks at the tab alone.
function drawTitle() {
  const urgent = waiting.urgent();
  document.title = `${urgent ? `(${urgent}) ` : ""}${say("page." + current.name)} · eocbus`;
}

function onSettled(settled) {
  if (settled.person !== api.me.person) return;
  if (!settled.stored) toast(say("settled.refused", { text: why(settled) || settled.code }), "bad", settled.text);
  else if (settled.verdict > 1) toast(say("settled.held"), "bad");
  else toast(say("settled.stored", { n: settled.seq }));
}

// --- keys ---

const showKeys = () => tried(async () => {
  const { openDialog } = await part("./form.js");
  const dialog = openDialog(say("tool.keys"), "keys",
    el("dl", {}, ["digits", "move", "open", "take", "act", "dismiss", "approve", "hush", "system", "search", "help"].map((key) => [el("dt", {}, el("kbd", {}, say(`key.${key}`))), el("dd", {}, say(`key.${key}.does`))])),
    button(say("tool.close"), () => dialog.close()));
});

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

// --- the start ---

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
  startRoving();
  addEventListener("click", onClick);
  addEventListener("popstate", show);
  addEventListener("afterprint", drawTitle);
}
async function enter(asked = first.ask()) {
  const list = await asked;
  drawFrame();
  begin();
  await list.here;
  show();
  bringAll();
}

document.documentElement.dataset.theme = localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: light)").matches ? "day" : "dark");
try {
  await enter(first.asked);
} catch (trouble) {
  if (trouble.status !== 401) console.error(trouble);
  await words.useLanguage(words.languageOf());
  signInPage(main, enter);
}
