// screen - real pages for screen_bench: opens the queue in Debian's Chromium, once as a first view with nothing in the
// cache, then one page a person; says on standard output what it sees and when, one line a thing, until its standard
// input ends:
//
//   first MS USABLE_MS   from the call of the address to the first item drawn (or that there is none), and to the first
//                        key that it obeyed
//   items N              how many items the list has, and how many pixels of them (of a page that stays)
//   ready
//   drawn ID MS          that alarm stands on a page, at this time of the wall clock
//   error TEXT
//
// usage: screen.mjs BUILD URL FIRST_VIEWS COOKIE... (a cookie a person)
import { createRequire } from "node:module";

const [build, url, firstViews, ...cookies] = process.argv.slice(2);
const { chromium } = createRequire(build + "/e2e/")("playwright-core");
const say = (...words) => process.stdout.write(words.join(" ") + "\n");
const BOUND_MS = 30000;

// Runs in the page before its own scripts. An item counts as drawn when the frame that has it has been painted: a task
// that was queued in the last callback before painting runs behind it.
function watchItems() {
  const seen = new Set(), painted = new MessageChannel(), waiting = [];
  painted.port1.onmessage = () => {
    const at = performance.timeOrigin + performance.now();
    for (const one of waiting.splice(0)) one(at);
  };
  const afterPaint = (then) => requestAnimationFrame(() => {
    waiting.push(then);
    painted.port2.postMessage(null);
  });
  function look() {
    const items = document.querySelectorAll(".item[data-id]");
    if (!window.firstItem && (items.length || document.querySelector(".summary:not(:empty)"))) {
      window.firstItem = {};
      afterPaint((at) => (window.firstItem.ms = at - performance.timeOrigin));
    }
    for (const item of items) {
      if (!item.matches(".p1") || seen.has(item.dataset.id)) continue;
      const { id } = item.dataset;
      seen.add(id);
      if (window.tellDrawn) afterPaint((at) => window.tellDrawn(id, at));
    }
  }
  new MutationObserver(look).observe(document, { childList: true, subtree: true });
}

// A browser a page: of several windows of one, only one at a time draws frames at a screen's pace.
const browsers = [];
async function enter(cookie, tell) {
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
  browsers.push(browser);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  page.setDefaultTimeout(BOUND_MS);
  page.on("pageerror", (trouble) => say("error", trouble.message));
  await context.addCookies([{ name: "eocbus", value: cookie, url, httpOnly: true, sameSite: "Strict" }]);
  if (tell) await page.exposeFunction("tellDrawn", tell);
  await page.addInitScript(watchItems);
  await page.goto(url, { waitUntil: "commit" });
  await page.waitForFunction(() => window.firstItem?.ms);
  return page;
}
// A key moves the choice, or opens the list of keys: from here on the person can work.
async function firstView(cookie) {
  const page = await enter(cookie);
  const drawn = await page.evaluate(() => window.firstItem.ms);
  const several = await page.evaluate(() => document.querySelectorAll(".item").length > 1);
  await page.keyboard.press(several ? "j" : "?");
  await page.waitForSelector(several ? '.item.chosen[data-index="1"]' : "dialog[open]");
  say("first", drawn.toFixed(1), (await page.evaluate(() => performance.now())).toFixed(1));
  await browsers.pop().close();
}

const end = async (code) => {
  await Promise.all(browsers.map((one) => one.close().catch(() => {})));
  process.exit(code);
};
process.stdin.on("end", () => end(0)).resume();
try {
  for (let i = 0; i < Number(firstViews); i++) await firstView(cookies[0]);
  for (const cookie of cookies) {
    const page = await enter(cookie, (id, at) => say("drawn", id, at.toFixed(2)));
    say("items", await page.evaluate(() => document.querySelectorAll(".item").length), await page.evaluate(() => document.querySelectorAll("*").length));
  }
  say("ready");
} catch (trouble) {
  say("error", String(trouble.message).replaceAll("\n", " "));
  await end(1);
}
