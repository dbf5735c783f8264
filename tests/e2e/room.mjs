// room BUILD [GROUP] - the dispatchers' page in a real browser, beside a real bus: what people see, what they do with the
// keyboard, and what happens when something breaks. Without a group, or with E2E_ONLY, all of them on one bus.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { showModules, startBus } from "./bus.mjs";
import { actions } from "./actions.mjs";
import { boards } from "./boards.mjs";
import { cap } from "./cap.mjs";
import { orders } from "./orders.mjs";
import { paper } from "./paper.mjs";
import { faults } from "./faults.mjs";
import { line } from "./line.mjs";
import { map } from "./map.mjs";
import { night } from "./night.mjs";
import { queue } from "./queue.mjs";
import { readable } from "./readable.mjs";
import { door } from "./door.mjs";
import { shift } from "./shift.mjs";
import { taking } from "./taking.mjs";

// Each has a program of its own (NAME_test.sh), so that none of them is long. In a group what comes later finds what others left.
const groups = {
  room: [taking, night, queue, actions, faults],
  pages: [boards, map, cap, readable, paper],
  shift: [door, orders, line, shift],
};
const [build, group] = process.argv.slice(2);
const require = createRequire(build + "/e2e/"); // where room_test.sh had them installed
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const bus = await startBus(build);
const texts = Object.fromEntries(await Promise.all(["tg", "ru", "en"].map(async (lang) =>
  [lang, await (await fetch(`${bus.url}/words/${lang}.json`)).json()])));
const words = (lang) => texts[lang];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
// Who is on duty there is asked, and may take an alarm.
bus.tell("console", JSON.parse(readFileSync(new URL("../../deploy/demo/roster.json", import.meta.url), "utf8").split("\n")[0]));
let passed = 0;
const failures = []; // said again at the end, behind what the bus says meanwhile

// What a person would have seen, on every page that is open when a test fails.
async function shown() {
  const pages = browser.contexts().flatMap((context) => context.pages());
  const seen = await Promise.all(pages.map((page) => page.evaluate(() => {
    const text = (selector, most) => [...document.querySelectorAll(selector)].slice(0, most).map((one) => one.innerText.replace(/\s+/g, " "));
    return [location.pathname, ...text("#banner", 1), ...text("h1", 1), ...text(".summary", 1), ...text(".item", 4), ...text("dialog", 1), ...text(".trouble", 2), ...text(".toast", 5)].join("\n    ").slice(0, 1500);
  }).catch((trouble) => trouble.message)));
  return seen.map((text) => `  on a page: ${text}`).join("\n");
}

// E2E_ONLY="words of names|others": only those.
async function test(name, body) {
  if (process.env.E2E_ONLY && !new RegExp(process.env.E2E_ONLY).test(name)) return;
  const began = performance.now();
  try {
    await body();
    passed++;
    console.log(`[       OK ] ${name} (${Math.round(performance.now() - began)} ms)`);
  } catch (trouble) {
    failures.push(`[  FAILED  ] ${name}\n${String(trouble.stack).slice(0, 900)}\n${await shown()}`);
    console.log(failures.at(-1));
  }
}

async function open(lang = "en", theme = "dark", viewport = { width: 1280, height: 800 }) {
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  page.setDefaultTimeout(Number(process.env.E2E_MS ?? 60000));
  page.strange = [];
  page.on("pageerror", (error) => page.strange.push(error.message));
  page.on("dialog", (dialog) => page.strange.push("dialog " + dialog.message()));
  page.on("request", (request) => request.url().startsWith(bus.url) || page.strange.push("outside: " + request.url()));
  await page.addInitScript(showModules);
  await page.addInitScript(([l, t, people]) => {
    for (const key of ["lang", ...people.map((person) => "lang " + person)]) localStorage.setItem(key, l);
    localStorage.setItem("theme", t);
  }, [lang, theme, [bus.name, bus.second.name, bus.third.name]]);
  await page.goto(bus.url);
  await page.waitForSelector("form.signin");
  return page;
}
async function enter(lang, theme, viewport, person = bus) {
  const page = await open(lang, theme, viewport);
  await page.keyboard.type(person.name);
  await page.keyboard.press("Tab");
  await page.keyboard.type(person.password);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#nav a", { state: "attached" });
  await page.waitForSelector(".summary:not(:empty)");
  return page;
}
async function leave(page) {
  assert.deepEqual(page.strange, []);
  await page.context().close();
}
for (const part of process.env.E2E_ONLY || !group ? Object.values(groups).flat() : groups[group]) await part({ test, open, enter, leave, bus, words, axe });

await browser.close();
await bus.stop();
if (failures.length) console.log(failures.join("\n"));
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length ? 1 : 0);
