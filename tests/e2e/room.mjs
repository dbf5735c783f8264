// room - the dispatchers' page in a real browser, beside a real bus: what people see, what they do with the
// keyboard, and what happens when something breaks.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import assert from "node:assert/strict";
import { startBus, alarm, showModules, until } from "./bus.mjs";
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
import { door } from "./door.mjs";
import { shift } from "./shift.mjs";

const build = process.argv[2];
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
    return [location.pathname, ...text("#banner", 1), ...text("h1", 1), ...text(".summary", 1), ...text(".item", 4), ...text("dialog", 1), ...text(".toast", 5)].join("\n    ").slice(0, 1500);
  }).catch((trouble) => trouble.message)));
  return seen.map((text) => `  on a page: ${text}`).join("\n");
}

// E2E_ONLY="words of names|others": only those.
async function test(name, body) {
  if (process.env.E2E_ONLY && !new RegExp(process.env.E2E_ONLY).test(name)) return;
  try {
    await body();
    passed++;
    console.log(`[       OK ] ${name}`);
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
const stateOf = (id) => bus.psql(`SELECT state FROM eoc.alert_open WHERE alert_id = '${id}'`);
// As no browser would send it.
const raw = (text) => new Promise((done, fail) => {
  const socket = connect(Number(new URL(bus.url).port), "127.0.0.1", () => socket.write(text));
  let said = "";
  socket.on("data", (bytes) => (said += bytes)).on("end", () => done(said)).on("error", fail);
});
const taken = (id) => until(`${id} is taken`, () => bus.psql(`SELECT state FROM bus.alert WHERE alert_id = '${id}'`) === "ACKNOWLEDGED");

for (const lang of ["tg", "ru", "en"])
  await test(`an alarm is taken by keyboard alone, in ${lang}`, async () => {
    const page = await enter(lang), message = alarm("two flow sensors"), text = words(lang);
    bus.tell("gw07", message);
    await page.waitForSelector(`.item.p1:has-text("${text["hazard.mudflow"]}")`);
    await page.waitForFunction(() => document.getElementById("alarm").textContent !== "");
    await page.waitForSelector(".item.chosen .take");
    await page.keyboard.press("a");
    await taken(message.message_id);
    await page.waitForSelector(".item.p1", { state: "detached" });
    await leave(page);
  });

await test("who took it is in the record", async () => {
  assert.equal(bus.psql("SELECT count(*) FROM bus.document WHERE type = 181 AND doc->>'author' = 'coes.dushanbe.console'"), "3");
});

await test("two who take the same alarm take it once each, and neither is told anything wrong", async () => {
  const one = await enter(), two = await enter("ru"), message = alarm("both see it");
  bus.tell("gw07", message);
  await Promise.all([one, two].map((page) => page.waitForSelector(".item.chosen .take")));
  await Promise.all([one.keyboard.press("a"), two.keyboard.press("a")]);
  await taken(message.message_id);
  await Promise.all([one, two].map((page) => page.waitForSelector(".item.p1", { state: "detached" })));
  assert.equal(await one.locator(".toast.bad").count(), 0);
  await leave(one);
  await leave(two);
});

await night({ test, enter, leave, bus, words });
await queue({ test, enter, leave, bus, words });

await test("a wrong password is said in the person's language", async () => {
  const page = await open("tg");
  await page.fill("#name", bus.name);
  await page.fill("#password", "nonsense-nonsense");
  await page.keyboard.press("Enter");
  await page.waitForSelector(`.trouble:has-text("${words("tg")["trouble.password"]}")`);
  await leave(page);
});

await test("what people write is shown as they wrote it", async () => {
  const hostile = `<img src=x onerror="alert(1)"><script>alert(2)</script>`, page = await enter();
  bus.tell("gw07", alarm(hostile));
  await page.waitForSelector(".item.p1");
  await page.keyboard.press("6");
  await page.waitForSelector("td:has-text('onerror')");
  assert.equal(await page.locator("main img, main script").count(), 0);
  await leave(page);
});

await test("a page whose server was killed says so, comes back, and its person is still signed in", async () => {
  const page = await enter();
  bus.pausePage();
  await page.waitForSelector(`#banner.bad:has-text("${words("en")["banner.blind"]}")`);
  bus.killPage();
  await page.waitForSelector("#banner.exercise");
  const message = alarm("after the night"), before = await page.locator(".item.p1").count();
  bus.tell("gw07", message);
  await page.waitForFunction((n) => document.querySelectorAll(".item.p1 .take").length === n + 1, before);
  await page.context().close();
});

await test("nothing is told or taken without the session, its token and the page's own origin", async () => {
  const ask = (path, options) => fetch(bus.url + path, options).then((answer) => answer.status);
  for (const path of ["news", "view/queue", "say"]) assert.equal(await ask("/api/" + path), 401, path);
  const signin = await fetch(bus.url + "/api/login", { method: "POST", body: new URLSearchParams({ name: bus.name, password: bus.password }) });
  const cookie = signin.headers.get("set-cookie"), { token } = await signin.json();
  assert.match(cookie, /HttpOnly; SameSite=Strict/);
  const Cookie = cookie.split(";")[0], body = JSON.stringify({ general_message: { text: "x" } });
  assert.equal(await ask("/api/say", { method: "POST", headers: { Cookie }, body }), 403);
  assert.equal(await ask("/api/say", { method: "POST", headers: { Cookie, "X-Eocbus-Token": token, Origin: "http://evil.example" }, body }), 403);
  assert.equal(await ask("/api/say", { method: "POST", headers: { Cookie, "X-Eocbus-Token": token }, body }), 422);
  assert.equal(await ask("/api/say", { method: "POST", headers: { Cookie, "X-Eocbus-Token": token }, body: "x".repeat(300000) }), 413);
  assert.equal(await ask("/api/say", { method: "POST", body }), 401);
  assert.equal(await ask("/api/view/may?person=x&type=receipt", { headers: { Cookie } }), 404);
  assert.match(await raw("GET /../../etc/passwd.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), /^HTTP\/1.1 404/);
  assert.match(await raw("GET /%2e%2e/%2e%2e/etc/passwd.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), /^HTTP\/1.1 404/);
});

await actions({ test, enter, leave, bus, words, axe });
await boards({ test, enter, leave, bus, words });
await map({ test, enter, leave, bus, words });
await cap({ test, enter, leave, bus, words });
await door({ test, enter, leave, bus, words });
await orders({ test, enter, leave, bus, words, axe });
await line({ test, enter, leave, bus, words });
await shift({ test, enter, leave, bus });

for (const theme of ["dark", "day"])
  await test(`every page is readable by everybody, ${theme}`, async () => {
    for (const lang of ["tg", "ru", "en"]) {
      const page = await enter(lang, theme, { width: 1024, height: 768 });
      for (const key of [...await page.locator("#nav kbd").allTextContents(), "s"]) {
        await page.keyboard.press(key);
        await page.waitForSelector("main section, main .summary, main .none, main .things");
        for (const viewport of [{ width: 1024, height: 768 }, { width: 390, height: 844 }]) {
          await page.setViewportSize(viewport);
          const cut = await page.evaluate(() => [...document.querySelectorAll("body *")].filter((node) =>
            !node.closest(".scroll, .map, .unseen, .skip, svg") && node.scrollWidth > node.clientWidth + 1
              && getComputedStyle(node).display !== "inline").map((node) => node.outerHTML.slice(0, 120)));
          assert.deepEqual(cut, [], `${lang} page ${key} at ${viewport.width}`);
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
        }
        await page.setViewportSize({ width: 1024, height: 768 });
        await page.evaluate(axe);
        const found = await page.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }));
        assert.deepEqual(found.violations.map((one) => `${one.id}: ${one.nodes[0].html}`), [], `${lang} page ${key}`);
      }
      await leave(page);
    }
  });

await paper({ test, enter, leave, bus, words, axe });
await faults({ test, enter, leave, bus });

await browser.close();
await bus.stop();
if (failures.length) console.log(failures.join("\n"));
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length ? 1 : 0);
