// boards - what a dispatcher needs to see is there: reports side by side with what differs marked, a plot with its
// threshold, who got a message and who did not, rations that run out, plots that add up.
import assert from "node:assert/strict";
import { go, say, until, uuid7 } from "./bus.mjs";

const MIN = 60e3;
const at = (ms) => new Date(ms).toISOString();

export async function boards({ test, enter, leave, bus, words }) {
  const text = words("en"), id = uuid7(), begun = Date.now() - 60 * MIN;
  // The river over its line, two offices that disagree, a question to both.
  bus.tell("console", say({ event_time_us: at(begun), incident_ids: [id],
    incident: { incident_id: id, hazard: "HAZARD_MUDFLOW", name: "the board's night", severity: "SEVERITY_SEVERE",
    urgency: "URGENCY_IMMEDIATE", certainty: "CERTAINTY_POSSIBLE" } }));
  const flash = (minutes, missing, words) => say({ event_time_us: at(begun + minutes * MIN), incident_ids: [id],
    flash_report: { hazard: "HAZARD_MUDFLOW", village: "Gusar", injured: 3, missing, road_cut: "ANSWER_YES", confidence: "CONFIDENCE_HIGH",
    reporter_role: "REPORTER_ROLE_DISTRICT_DUTY", text: words } });
  bus.tell("ayni", flash(5, 2, "two are missing"));
  bus.tell("console", flash(20, 0, "<b>nobody</b> is missing"));
  bus.tell("gw07", say({ lane: "LANE_BULK", event_time_us: at(begun),
    observation_batch: { sensor_registry_version: 1, base_time_us: at(begun - 10 * MIN), dt_ms: MIN, sample_count: 20,
    series: [{ datastream_id: 5, type: "OBSERVATION_TYPE_STAGE", unit: "UNIT_METRE", exponent: -3, first: 3900, deltas: Array(19).fill(50) }] } }));
  bus.tell("gw07", say({ lane: "LANE_FLASH", kind: "KIND_SENSOR_DETECTION", event_time_us: at(begun + MIN), incident_ids: [id],
    sensor_detection: { profile: "stage.level", profile_version: 1, level: "DETECTION_LEVEL_ALARM", previous_level: "DETECTION_LEVEL_CLEAR",
    hazard: "HAZARD_MUDFLOW", torrent_id: 77,
    evidence: [{ datastream_id: 5, type: "OBSERVATION_TYPE_STAGE", unit: "UNIT_METRE", exponent: -3, value: 4550, threshold: 4500,
      duration_s: 60 }], text: "over the line" } }));
  bus.tell("console", say({ lane: "LANE_ROUTINE", incident_ids: [id], to: ["coes.ayni.office", "coes.tj3505203.gw07"],
    general_message: { from_role: "duty dispatcher", to_role: "duty officer", subject: "who is there?", text: "who is there?" } }));
  // Families and plots, as registries leave them.
  bus.psql(`INSERT INTO bus.household (household_id, seq, first_seq, since, affected_at, incident_id, sender_id, status, state, places, members, fed_until)
    SELECT gen_random_uuid(), n, n, now() - interval '1 hour', now() - interval '3 days', '${id}', 1, 2,
      CASE WHEN n < 8 THEN 'ASSISTED' ELSE 'DECLINED' END, '3505203', 5,
      now() + CASE n WHEN 1 THEN interval '-5 hours' ELSE n * interval '1 day' - interval '2 hours' END FROM generate_series(1, 9) AS n;
    INSERT INTO bus.site (site_id, status, seq, declared_at, sender_id, capacity, is_safe, places, name, reserved, occupied, blocked)
    VALUES ('e2e.1', 2, 1, now(), 1, 20, true, '3505217', 'canal one', 3, 5, 2);
    INSERT INTO bus.offer (offer_id, household_id, seq, made_seq, made_at, since, valid_until, sender_id, status, state, site_id, plot_id, places,
      site_places, reasons)
    SELECT gen_random_uuid(), household_id, seq, seq, since, since, since + interval '9 days', 1, 2, 'DECLINED', 'e2e.1', '', '3505203', '3505217',
      '{NO_MEANS_TO_MOVE,DEBT}' FROM bus.household WHERE state = 'DECLINED' AND incident_id = '${id}'`);
  await until("the readings are in their table", () => bus.psql("SELECT count(*) FROM eoc.observation WHERE datastream_id = 5") === "20");

  await test("an incident shows what offices say side by side, and where they differ", async () => {
    const page = await enter();
    await go(page, `/incident/${id}`);
    await page.waitForSelector("table.beside");
    const row = (fact) => page.locator(`tr[data-fact="${fact}"]`);
    assert.equal(await page.locator("table.beside thead th").count(), 2);
    assert.match(await row("missing").getAttribute("class"), /differs/);
    assert.deepEqual(await row("missing").locator("td").allTextContents(), ["≠ 2", "0"]);
    assert.equal(await row("injured").getAttribute("class"), null);
    assert.equal(await page.locator("main b:text('nobody')").count(), 0);
    await leave(page);
  });
  await test("a plot has its threshold, its level and its numbers as a table", async () => {
    const page = await enter();
    await go(page, `/incident/${id}`);
    await page.waitForSelector(".plot .line");
    assert.match(await page.textContent(".plot .threshold-name"), /^line 4\.5 m$/);
    assert.ok((await page.locator(".plot .band.alarm").count()) >= 1); // whatever else rang there
    await page.click(".plot-table summary");
    await page.waitForSelector(".plot-table td:has-text('4.85')");
    await leave(page);
  });
  await test("who got a message is told place by place, and who did not", async () => {
    const page = await enter();
    await go(page, `/incident/${id}`);
    await page.waitForSelector(`.receipts tr:has-text("coes.tj3505203.gw07") .chip`);
    assert.equal(await page.locator(`.receipts table:has-text("coes.ayni.office") tbody tr`).count(), 2); // whom else alarms asked stands apart
    assert.equal(await page.locator(`.receipts tr:has-text("coes.ayni.office") td`).first().textContent(), bus.psql("SELECT eoc.place_name('3505203', 'en')"));
    await leave(page);
  });
  await test("rations that run out, declines and plots add up", async () => {
    const page = await enter();
    await page.keyboard.press("4");
    await page.waitForSelector(".tiles .bad");
    assert.match(await page.textContent(".tiles .bad dd"), / 3$/);
    await page.getByText(/[(][45] h ago[)]/).waitFor(); // since when the first have nothing; an exercise has a clock of its own
    assert.match(await page.locator(`.bars li:has-text("${text["reason.debt"]}")`).textContent(), /2$/);
    const cells = await page.locator("tr:has-text('canal one') td.n").allTextContents();
    assert.equal(Number(cells[0]), cells.slice(1).reduce((sum, one) => sum + Number(one), 0));
    await leave(page);
  });
  const focused = (page) => page.evaluate(() => document.activeElement.dataset.key ?? document.activeElement.id);
  await test("after a dialog the focus is where it was, also when the page was drawn anew behind it", async () => {
    const page = await enter();
    await go(page, `/incident/${id}`);
    await page.waitForSelector("#act-note");
    const reports = await page.locator("table.beside thead th").count();
    await page.focus("#act-note");
    await page.evaluate(() => (document.querySelector("#act-note").own = true));
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog form");
    bus.tell("ayni", { ...flash(30, 0, "drawn anew"), event_time_us: at(Date.now()) });
    await page.waitForFunction((n) => document.querySelectorAll("table.beside thead th").length >= n && !document.querySelector("#act-note").own, reports);
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.equal(await focused(page), "act-note");
    await page.keyboard.press("?");
    await page.waitForSelector("dialog.keys");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.equal(await focused(page), "act-note");
    await leave(page);
  });
  await test("every list is walked with j and k, Enter opens and x acts, whatever letters the keyboard writes", async () => {
    const page = await enter();
    for (const key of ["4", "5", "6"]) {
      await page.keyboard.press(key);
      await page.waitForSelector("main tr[data-row]");
      await page.keyboard.press("j");
      assert.ok(await page.evaluate(() => document.activeElement.matches("tr[data-row]")), `page ${key}`);
    }
    await page.keyboard.press("2");
    await page.waitForSelector(`tr[data-row]:has-text("the board's night")`);
    const own = () => page.evaluate(() => document.activeElement.matches("tr") && document.activeElement.textContent.includes("the board's night"));
    for (let i = 0; i < 30 && !(await own()); i++) await page.evaluate(() =>
      document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "о", code: "KeyJ", bubbles: true, cancelable: true })));
    await page.keyboard.press("x");
    await page.waitForSelector(`dialog h2:has-text("the board's night")`);
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.ok(await own());
    await page.keyboard.press("Enter");
    await page.waitForURL(`**/incident/${id}`);
    await leave(page);
  });
  await test("who only sends is not shown as connected, nor as heard when it is not any more", async () => {
    const page = await enter(), row = page.locator('tr:has-text("coes.tj3505203.gw07")').first(), link = row.locator("td").nth(1);
    await go(page, "/system");
    await row.waitFor();
    assert.match(await row.textContent(), /^Gateway gw07, /); // by its name, with the code for who types it
    assert.ok((await link.textContent()).includes(text["link.heard"]), await link.textContent());
    await page.clock.setFixedTime(Date.now() + 20 * MIN); // and nothing more comes from it
    await go(page, "/");
    await go(page, "/system");
    await row.waitFor();
    assert.ok((await link.textContent()).includes(text["link.stale"]), await link.textContent());
    await leave(page);
  });
  await test("a hub that falls is shown as fallen at once, though no message comes", async () => {
    const page = await enter();
    await page.addInitScript(() => {
      const Real = EventSource;
      window.EventSource = class extends Real {
        constructor(...all) {
          super(...all);
          window.hear = (truth) => this.dispatchEvent(new MessageEvent("truth", { data: JSON.stringify(truth) }));
        }
      };
    });
    await page.goto(bus.url + "/system");
    await page.waitForSelector("table");
    await page.route("**/api/view/system?*", (route) => route.fulfill({ json: { links: [],
      hubs: [{ name: "Khujand", is_alive: false, brokers: [], seen_at: new Date().toISOString(), behind: 0, offices: 0, silent: 0 }] } }));
    await page.evaluate(() => hear({ utc_us: Date.now() * 1000, linked: true, store: true, view: true, waiting: 0, exercise: true, hubs: [["Khujand", 1, 0]] }));
    await page.waitForSelector('table .lamp.bad:has-text("Khujand")', { timeout: 5000 });
    await leave(page);
  });

  await test("what an exercise of another day left is kept apart, and one key ends it", async () => {
    const page = await enter(), old = { ...flash(0, 0, "of the day before yesterday"), incident_ids: [], event_time_us: at(Date.now() - 48 * 60 * MIN) };
    bus.tell("ayni", old);
    await page.waitForSelector("details.past:not([hidden])");
    assert.equal(await page.locator(`.item[data-id="${old.message_id}"]`).isVisible(), false);
    await page.keyboard.press("e");
    await page.waitForSelector(`.item.chosen[data-id="${old.message_id}"]:focus`);
    await page.keyboard.press("d");
    await page.waitForSelector(`.item[data-id="${old.message_id}"]`, { state: "detached" });
    assert.equal(await page.locator(".toast.plain").count(), 0); // nobody is told that it cannot be dismissed
    assert.equal(bus.psql(`SELECT doc->>'author' FROM eoc.document WHERE type = 'decision' AND doc->'decision'->>'message_id' = '${old.message_id}'`), bus.name);
    await leave(page);
  });
}
