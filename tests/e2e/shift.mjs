// shift - a page that stays open: what it loads and when, and a whole shift of eight hours. The page's clock is the test's:
// an hour passes in a minute and a half. Everything else is real: bus, console, database, what people press. What cannot be
// hurried, the console's truth every two seconds, is repeated inside the page, by its own clock, while its connection stands.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import assert from "node:assert/strict";
import { alarm, choose, go, say, until, uuid7 } from "./bus.mjs";

const MINUTE_MS = 60000;
// E2E_SHIFT=8h: all of it, about twelve minutes; else a short one, the same things in fewer and shorter "hours".
const whole = process.env.E2E_SHIFT === "8h";
const hours = whole ? 8 : 3, minutes = whole ? 60 : 2;

const words = (n) => say({ lane: "LANE_ROUTINE", general_message: { from_role: "duty officer", subject: `Ayni, ${n}`, text: "The road is open as far as km 12." } });
const report = () => say({ lane: "LANE_FLASH", flash_report: { hazard: "HAZARD_MUDFLOW", village: "Gusar", confidence: "CONFIDENCE_SOME", reporter_role: "REPORTER_ROLE_RESIDENT", text: "a shadow" } });

// In the page, before its own script: EventSource is the browser's; what it told last of the truth comes every two seconds of
// the page's clock, and hearNews says what a bus says that is much busier than ours.
function hurry() {
  const sources = new Set(), Real = EventSource;
  let truth = null;
  window.EventSource = class extends Real {
    constructor(...all) {
      super(...all);
      sources.add(this);
      this.addEventListener("truth", (event) => (truth = JSON.parse(event.data)));
    }
    close() {
      sources.delete(this);
      super.close();
    }
  };
  const say = (event, data) => sources.forEach((one) => one.readyState === 1 && one.dispatchEvent(new MessageEvent(event, { data: JSON.stringify(data) })));
  setInterval(() => truth && say("truth", { ...truth, utc_us: Date.now() * 1000 }), 2000);
  window.loseNews = () => sources.forEach((one) => Real.prototype.close.call(one));
  window.hearNews = (count) => {
    for (let i = 0; i < count; i++) {
      const message_id = crypto.randomUUID(), lane = i % 20 ? 4 : 1;
      say("message", { seq: 0, provisional: lane === 1, verdict: 0, type: lane === 1 ? "sensor_detection" : "observation_batch", lane, status: 2, event_time_us: Date.now() * 1000, sender: "coes.x", author: "", message_id, places: ["3505203"], incidents: [] });
      if (lane === 1) say("withdrawn", { message_id });
    }
  };
}

// waitForSelector would hold every element that it found, and with it all of the page around it.
const see = (page, what, options) => page.locator(what).first().waitFor(options);
const gone = (page, what) => page.waitForFunction((selector) => !document.querySelector(selector), what);

async function measure(devtools, pid) {
  for (let i = 0; i < 3; i++) await devtools.send("HeapProfiler.collectGarbage");
  const { metrics } = await devtools.send("Performance.getMetrics"), of = (name) => metrics.find((one) => one.name === name).value;
  return { heap: of("JSHeapUsedSize"), nodes: of("Nodes"), listeners: of("JSEventListeners"), rss: 1024 * Number(readFileSync(`/proc/${pid}/status`, "utf8").match(/VmRSS:\s+(\d+)/)[1]),
    files: readdirSync(`/proc/${pid}/fd`).length };
}
const lineOf = (hour, m) => `hour ${hour}: ${(m.heap / 1e6).toFixed(2)} MB of script's memory, ${m.nodes} nodes, ${m.listeners} listeners; console ${(m.rss / 1e6).toFixed(1)} MB, ${m.files} files`;

// In the page, before its own script: a browser that may not sound before somebody touches the page.
// A browser's own word for it outlives a reload now and then.
function hush() {
  window.tones = 0;
  let touched = false;
  addEventListener("keydown", () => (touched = true), true);
  const quiet = { setValueAtTime() {}, connect: (to) => to, gain: { setValueAtTime() {} }, frequency: {}, start() {}, stop() {} };
  window.AudioContext = class {
    state = "suspended";
    currentTime = 0;
    createOscillator() { window.tones++; return quiet; }
    createGain() { return quiet; }
    async resume() { if (touched) this.state = "running"; }
  };
}

async function loading({ test, enter, leave, bus }) {
  await test("the first view needs no other page, and all of them are there before the line breaks", async () => {
    const page = await enter("en"), scripts = [];
    page.on("request", (request) => request.resourceType() === "script" && scripts.push(new URL(request.url()).pathname));
    page.on("framenavigated", () => (scripts.length = 0)); // parts of the page before it were still coming
    await page.reload();
    await see(page, ".summary:not(:empty)");
    await until("all parts", () => page.evaluate(async () => Boolean((await ours("./parts.js")).have("./plot.js")))); // the last of them
    const version = scripts[0].split("/")[2], first = scripts.indexOf(scripts.find((one) => one.endsWith("/act.js")));
    assert.match(version, /^[0-9a-f]{16}$/);
    assert.deepEqual(scripts.filter((one) => !one.startsWith(`/page/${version}/`) && !one.startsWith("/leaflet/")), []);
    assert.deepEqual(scripts.slice(0, first).filter((one) => /\/(form|supply|incident|map|warn|paper|plot|board)\.js$/.test(one)), []);
    await page.context().setOffline(true);
    await page.keyboard.press("x");
    await see(page, 'dialog [data-key="t"]');
    await page.keyboard.press("Escape");
    await page.keyboard.press("9");
    await see(page, `main h1:has-text("Papers")`);
    await page.context().setOffline(false);
    await leave(page);
  });

  await test("a page whose part or question did not come says so, and comes by itself when it can", async () => {
    const page = await enter("en"), trouble = "main .trouble";
    await page.route("**/map.js", (route) => route.abort());
    await page.reload();
    await see(page, ".summary:not(:empty)");
    await page.keyboard.press("8");
    await see(page, trouble);
    await page.unroute("**/map.js");
    await see(page, "main .map");
    await page.route("**/api/view/warn?*", (route) => route.abort());
    await go(page, "/warn?write");
    await see(page, trouble);
    await page.unroute("**/api/view/warn?*");
    await see(page, ".alert-form");
    await leave(page);
  });

  await test("an address whose question nobody answers says so once, and asks no more", async () => {
    const page = await enter("en");
    let asked = 0;
    await page.clock.install();
    await page.route("**/api/view/paper_handover?*", (route) => { asked++; return route.continue(); });
    await go(page, "/paper/handover?since=abc");
    await see(page, `main .trouble:has-text("The server does not take this question.")`);
    await page.clock.runFor(30000);
    assert.equal(asked, 1);
    await leave(page);
  });

  await test("a page whose console was replaced by another version begins anew with that one", async () => {
    const page = await enter("en"), old = await page.evaluate(() => document.querySelector("script[type=module]").src);
    const folder = new URL(".", old).href, other = "/page/0123456789abcdef/";
    assert.equal((await fetch(new URL(other + "app.js", bus.url))).status, 404);
    assert.match((await fetch(old)).headers.get("cache-control"), /immutable/);
    let replaced = true, begun = 0;
    await page.route("**/*", (route) => {
      const request = route.request(), path = new URL(request.url()).pathname;
      if (request.isNavigationRequest() && begun++) replaced = false; // it asks anew: our console is the new one
      if (replaced && request.url() === folder + "map.js") return route.fulfill({ status: 404, body: "" });
      if (replaced && path === "/" && !request.isNavigationRequest()) return route.fulfill({ status: 200, contentType: "text/html", body: `<script type="module" src="${other}app.js"></script>` });
      return route.continue();
    });
    await page.reload();
    await see(page, ".summary:not(:empty)");
    await page.keyboard.press("8");
    await see(page, "main .map");
    assert.equal(begun, 2);
    await leave(page);
  });

  await test("what was said while the stream of news was broken for a moment is on the page after it", async () => {
    const page = await enter("en"), incident_id = uuid7(), name = "said into a gap";
    await page.addInitScript(() => {
      const Real = EventSource;
      window.EventSource = class extends Real {
        constructor(...all) {
          super(...all);
          window.stream = this;
          for (const event of ["message", "settled"]) this.addEventListener(event, (e) => window.deaf && e.stopImmediatePropagation());
        }
      };
    });
    await page.reload();
    await see(page, ".summary:not(:empty)");
    await page.keyboard.press("2");
    await see(page, "main section");
    await page.evaluate(() => (window.deaf = true));
    bus.tell("console", say({ incident_ids: [incident_id], incident: { incident_id, hazard: "HAZARD_MUDFLOW", name, severity: "SEVERITY_MINOR", urgency: "URGENCY_PAST", certainty: "CERTAINTY_LIKELY", text: name } }));
    await page.evaluate(() => { window.stream.dispatchEvent(new Event("error")); window.deaf = false; });
    await see(page, `main section:has-text("${name}")`);
    await leave(page);
  });

  await test("a browser that may not sound yet rings once when it may", async () => {
    const page = await enter("en"), message = alarm("nobody has touched the page");
    await page.clock.install();
    await page.addInitScript(hush);
    await page.reload();
    await see(page, ".summary:not(:empty)");
    bus.tell("gw07", message);
    await see(page, `.item[data-id="${message.message_id}"]`);
    await page.clock.runFor(5 * MINUTE_MS);
    assert.equal(await page.evaluate(() => tones), 0);
    await page.keyboard.press("j");
    await page.waitForFunction(() => tones === 3);
    await leave(page);
  });
}

export async function shift({ test, enter, leave, bus }) {
  await loading({ test, enter, leave, bus });
  // What a night asks of a dispatcher; each leaves the page where it likes.
  const does = {
    async alarm(page) {
      const message = alarm("stage over its line"), row = `.item[data-id="${message.message_id}"]`;
      bus.tell("gw07", message);
      await page.keyboard.press("1");
      await see(page, `${row} .take`);
      await choose(page, message.message_id);
      await page.keyboard.press("a");
      await see(page, `${row}:not(.p1)`); // its report, which belongs to no incident yet
      await does.wrong(page, message.message_id);
    },
    async report(page) {
      const message = report();
      bus.tell("ayni", message);
      await page.keyboard.press("1");
      await see(page, `.item[data-id="${message.message_id}"]`);
      await does.wrong(page, message.message_id);
    },
    async wrong(page, id) {
      await choose(page, id);
      await page.keyboard.press("x");
      await see(page, 'dialog [data-key="f"]');
      await page.keyboard.press("f");
      await see(page, "dialog form");
      await page.keyboard.type("a cloud");
      await page.keyboard.press("Control+Enter");
      await gone(page, "dialog");
      await gone(page, `.item[data-id="${id}"]`);
    },
    async dialogs(page) {
      for (const key of ["x", "?"]) {
        await page.keyboard.press(key);
        await see(page, "dialog");
        await page.keyboard.press("Escape");
        await gone(page, "dialog");
      }
    },
    async language(page, n) {
      await page.selectOption("#tools select", ["tg", "ru", "en"][n % 3]);
      await page.waitForFunction((lang) => document.documentElement.lang === lang && document.querySelector("#tools select")?.value === lang, ["tg", "ru", "en"][n % 3]);
      await page.locator("#tools button").first().click();
    },
    async sleep(page, n, devtools) {
      await devtools.send("Page.setWebLifecycleState", { state: "frozen" });
      bus.tell("ayni", words(n));
      await devtools.send("Page.setWebLifecycleState", { state: "active" });
      await page.clock.fastForward(10 * MINUTE_MS);
      await see(page, "#banner.exercise");
    },
    async broken(page) {
      await page.context().setOffline(true); // of new connections; those that stand are cut by us
      await page.evaluate(() => loseNews());
      await page.clock.runFor(10000);
      await see(page, "#banner.bad");
      await page.context().setOffline(false);
      await page.clock.runFor(10000);
      await see(page, "#banner.exercise");
    },
    async colleague() {
      const other = await enter("ru", "day", undefined, bus.second);
      await leave(other);
    },
    async words(page, n) {
      bus.tell("ayni", ...Array.from({ length: 20 }, (_, i) => words(n * 20 + i)));
    },
    async writing(page) {
      await go(page, "/warn?write");
      await see(page, ".alert-form");
    },
  };
  // [what, every so many minutes, at which of them]; the short shift has all of them too, only closer together.
  const plan = (whole ? [["alarm", 10, 3], ["report", 20, 7], ["dialogs", 3, 1], ["words", 4, 0], ["language", 15, 5], ["sleep", 30, 12], ["broken", 30, 27], ["colleague", 30, 21], ["writing", 10, 8]]
    : [["alarm", 1, 0], ["report", 6, 2], ["dialogs", 2, 0], ["words", 2, 0], ["language", 3, 2], ["sleep", 6, 3], ["broken", 6, 4], ["writing", 6, 5]]);
  const keys = ["2", "3", "4", "5", "6", "7", "8", "9", "0", "/", "s", "1"];

  async function pass(page, n, devtools) {
    for (const key of Array.from({ length: 3 }, (_, i) => keys[(3 * n + i) % keys.length])) {
      await page.keyboard.press(key);
      await see(page, "main h1");
      if (key === "/") await page.evaluate(() => document.activeElement.blur());
    }
    await page.evaluate(() => hearNews(100));
    for (const [what, every, at] of plan) if (n % every === at) await does[what](page, n, devtools);
    await page.clock.runFor(MINUTE_MS);
  }

  await test("a shift of eight hours leaves nothing behind, in the browser and in the console", async () => {
    const page = await enter("en"), began = Date.now(), measured = [], pid = readFileSync(join(bus.night, "pids"), "utf8").match(/^console (\d+)$/m)[1];
    await page.clock.install({ time: Date.now() - (hours * minutes + 5) * MINUTE_MS });
    await page.addInitScript(hurry);
    await page.reload();
    await see(page, "#nav a");
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Performance.enable");
    for (let hour = 1; hour <= hours; hour++) {
      for (let minute = 0; minute < minutes; minute++) await pass(page, (hour - 1) * minutes + minute, devtools);
      await page.keyboard.press("s"); // the same page each time, and one that does not grow with the night
      await see(page, "main table");
      await page.clock.runFor(MINUTE_MS); // toasts have gone
      measured.push(await measure(devtools, pid));
      console.log(lineOf(hour, measured.at(-1)));
    }
    console.log(`${hours} hours of ${minutes} minutes in ${Math.round((Date.now() - began) / 1000)} s`);
    // Hour 1 is where programs and pages are read; the last two against the two after it. What is in hand grows to thirty
    // rows by itself, and one form that is never let go would be thousands of nodes in a night.
    const mean = (list, name) => list.reduce((sum, one) => sum + one[name], 0) / list.length, first = measured.slice(1, whole ? 3 : 2), last = measured.slice(whole ? -2 : -1);
    const most = { heap: [1.1, whole ? 0.5e6 : 2e6], nodes: [1.05, whole ? 200 : 100], listeners: [1.05, 12], rss: [1.1, 2e6], files: [1, 6] }; // a browser has up to six connections
    for (const [name, [times, more]] of Object.entries(most)) assert.ok(mean(last, name) <= mean(first, name) * times + more, `${name}: ${mean(first, name)} at first, ${mean(last, name)} at last`);
    await leave(page);
  });
}
