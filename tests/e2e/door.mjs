// door - the page's own door in a real browser: nothing strange at signing in, texts that mean harm on every page, and
// people who are signed out elsewhere.
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { alarm, say, uuid7 } from "./bus.mjs";

// The corpus of tests/data/hostile: its lines that a browser might take for more than text.
function corpus() {
  const lines = readFileSync(new URL("../data/hostile/accepted.txt", import.meta.url), "utf8").split("\n");
  return lines.filter((line) => !line.startsWith("#") && !/^\d+ x /.test(line) && !line.includes("\\") && /[<&"'`{]/.test(line))
    .sort((one, other) => other.includes("<") - one.includes("<")); // what a browser likes best first
}
// As many of them as one field takes.
function packed(lines, most) {
  let text = "";
  while (lines.length && Buffer.byteLength(text + lines[0]) < most) text += lines.shift() + " ";
  return text.trim();
}

const keys = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

export async function door({ test, enter, leave, bus }) {
  await test("a browser that nobody signed in from finds no fault with the page", async () => {
    const page = await enter(), context = await page.context().browser().newContext(), stranger = await context.newPage(), said = [];
    stranger.on("console", (message) => ["error", "warning"].includes(message.type()) && said.push(message.text()));
    await stranger.goto(bus.url);
    await stranger.waitForSelector("form.signin");
    assert.deepEqual(said, []);
    assert.match(await stranger.textContent("form.signin"), /EXERCISE|УЧЕНИЕ|МАШҚ/); // before anybody is in
    await context.close();
    await leave(page);
  });

  await test("a page whose script does not come says what to do meanwhile", async () => {
    const page = await enter(), context = await page.context().browser().newContext(), stranger = await context.newPage();
    await stranger.route("**/app.js", (route) => route.abort());
    await stranger.goto(bus.url);
    await stranger.getByText("take alarms by telephone").waitFor();
    await context.close();
    await leave(page);
  });
  await test("who signs out in one window is out in all of them", async () => {
    const page = await enter(), other = await page.context().newPage();
    await other.goto(bus.url);
    await other.waitForSelector(".person");
    await other.evaluate(async () => {
      const { token } = await (await fetch("/api/me")).json();
      await fetch("/api/logout", { method: "POST", headers: { "X-Eocbus-Token": token } });
    });
    await page.waitForSelector("form.signin");
    await leave(page);
  });

  await test("where another person signs in beside it, a page speaks in that name and shows it", async () => {
    const page = await enter(), other = await page.context().newPage();
    await page.waitForSelector(`.person[title="${bus.name}"]`);
    await other.goto(bus.url);
    await other.evaluate(async ({ name, password }) => fetch("/api/login", { method: "POST", body: new URLSearchParams({ name, password }) }), bus.second);
    await page.waitForSelector(`.person[title="${bus.second.name}"]`);
    await leave(page);
  });

  await test("texts that mean harm are texts on every page", async () => {
    const lines = corpus(), incident = uuid7(), name = packed(lines, 110), text = packed(lines, 190);
    assert.ok(lines.length < corpus().length && name && text);
    bus.tell("console", say({ incident_ids: [incident], incident: {
      incident_id: incident, hazard: "HAZARD_MUDFLOW", name, severity: "SEVERITY_SEVERE", urgency: "URGENCY_IMMEDIATE",
      certainty: "CERTAINTY_LIKELY", text,
    } }));
    bus.tell("console", say({ lane: "LANE_ROUTINE", incident_ids: [incident], general_message: { from_role: text.slice(0, 60), subject: name, text } }));
    const page = await enter();
    bus.tell("gw07", alarm(text));
    const look = async (where) => {
      const strange = await page.evaluate(() => [...document.querySelectorAll("*")]
        .filter((node) => [...node.attributes].some((one) => one.name.startsWith("on") || /^\s*javascript:/i.test(one.value))
          || node.matches("main script, main iframe, main object, main embed, main base, main style"))
        .map((node) => node.outerHTML.slice(0, 100)));
      assert.deepEqual(strange, [], where);
    };
    for (const key of keys) {
      await page.keyboard.press(key);
      await page.waitForSelector("main h1");
      await look(`page ${key}`);
    }
    await page.goto(`${bus.url}/incident/${incident}`);
    await page.waitForFunction((wanted) => document.querySelector("main")?.textContent.includes(wanted), name);
    await look("the incident");
    await leave(page);
  });
}
