// actions - what dispatchers do about things, by keyboard alone, and what the record has of it then.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { until } from "./bus.mjs";

const uuid7 = () => randomUUID().replace(/^(.{14})4/, "$17");
const say = (rest) => ({ message_id: uuid7(), lane: "LANE_PRIORITY", status: "STATUS_EXERCISE", kind: "KIND_REPORT", event_time_us: new Date().toISOString(), area: { pcodes: ["3505203"] }, label: "LABEL_INTERNAL", lang: "LANG_EN", ...rest });

export async function actions({ test, enter, leave, bus, words, axe }) {
  const stateOf = (id) => bus.psql(`SELECT state FROM eoc.incident_now WHERE incident_id = '${id}'`);
  // An incident as a district opens it.
  function incident(name) {
    const id = uuid7();
    bus.tell("console", say({ incident_ids: [id], incident: { incident_id: id, hazard: "HAZARD_MUDFLOW", name, severity: "SEVERITY_SEVERE", urgency: "URGENCY_IMMEDIATE", certainty: "CERTAINTY_POSSIBLE" } }));
    return id;
  }
  async function open(page, id) {
    await page.evaluate((path) => { history.pushState(null, "", path); dispatchEvent(new PopStateEvent("popstate")); }, `/incident/${id}`);
    await page.waitForSelector("#act-menu");
  }
  // `x`, and the letter of what is to be done; the form's first field has the focus then.
  async function act(page, key) {
    await page.keyboard.press("x");
    await page.waitForSelector(`dialog [data-key="${key}"]`);
    await page.keyboard.press(key);
    await page.waitForSelector("dialog form");
  }
  async function fill(page, ...texts) {
    for (const [i, text] of texts.entries()) {
      if (i) await page.keyboard.press("Tab");
      if (text !== null) {
        await page.keyboard.press("Control+A");
        await page.keyboard.type(text);
      }
    }
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog", { state: "detached" });
  }

  // The same menu for a row of the queue.
  async function actOn(page, id, key) {
    await page.evaluate(async (wanted) => {
      const [{ actMenu }, answer] = await Promise.all([import("/act.js"), fetch("/api/view/queue")]);
      actMenu((await answer.json()).items.find((item) => item.id === wanted));
    }, id);
    await page.waitForSelector(`dialog [data-key="${key}"]`);
    await page.keyboard.press(key);
    await page.waitForSelector("dialog form");
  }
  const inQueue = (id) => until(`${id} in the queue`, () => bus.psql(`SELECT count(*) FROM eoc.queue WHERE id = '${id}'`) === "1");
  function flash(text) {
    const report = say({ flash_report: { hazard: "HAZARD_MUDFLOW", village: "Gusar", confidence: "CONFIDENCE_SOME", reporter_role: "REPORTER_ROLE_DISTRICT_DUTY", text } });
    bus.tell("ayni", report);
    return report.message_id;
  }

  for (const lang of ["tg", "ru"])
    await test(`an incident is confirmed by keyboard alone, in ${lang}`, async () => {
      const page = await enter(lang), id = incident("bridge at Gusar");
      await open(page, id);
      await act(page, "c");
      await page.waitForSelector(`dialog h2:has-text("${words(lang)["act.confirm"]}")`);
      await fill(page, null, "two sources");
      await until("it is confirmed", () => stateOf(id) === "CONFIRMED");
      await page.waitForFunction((text) => document.getElementById("main").textContent.includes(text), words(lang)["state.confirmed"]);
      assert.equal(bus.psql(`SELECT doc->'incident_transition'->>'reason' FROM eoc.document WHERE type = 'incident_transition' AND doc->'incident_transition'->>'incident_id' = '${id}'`), "two sources");
      await leave(page);
    });

  const page = await enter();
  await test("what the bus refuses is shown at its field, and nothing that was typed is lost", async () => {
    const id = incident("a flood that was none");
    await open(page, id);
    await act(page, "f");
    await page.keyboard.press("Enter");
    await page.waitForSelector('dialog [name="reason"][aria-invalid="true"]');
    await page.keyboard.type("a lorry, not a flood");
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    await act(page, "f");
    assert.equal(await page.inputValue('dialog [name="reason"]'), "a lorry, not a flood");
    // Somebody else was quicker: it is another incident's by now.
    const other = incident("the other one");
    bus.tell("console", say({ kind: "KIND_UPDATE", incident_ids: [id], incident_transition: { incident_id: id, event: "INCIDENT_EVENT_MERGED", from_state: "INCIDENT_STATE_REPORTED", to_state: "INCIDENT_STATE_MERGED", merged_into: other } }));
    await page.keyboard.press("Enter");
    await page.waitForFunction((text) => [...document.querySelectorAll("dialog .trouble")].some((one) => one.textContent.includes(text)), words("en")["refused.state"]);
    assert.equal(await page.inputValue('dialog [name="reason"]'), "a lorry, not a flood");
    await page.keyboard.press("Escape");
  });

  await test("what is said stands by its thing until it is settled, and what was refused then can be changed", async () => {
    const id = incident("a slow line"), held = [];
    await open(page, id);
    await page.route("**/api/say", (route) => held.push(route));
    await act(page, "n");
    await page.keyboard.type("called the village");
    await page.keyboard.press("Enter");
    await until("it is being said", () => held.length === 1);
    await page.keyboard.press("Escape");
    await page.waitForSelector(`.unsettled:has-text("${words("en")["said.saying"]}")`);
    await held[0].fulfill({ status: 422, contentType: "application/json", body: '{"error":"length","path":"activity_log_entry.text","text":"too long"}' });
    await page.focus(".unsettled.refused button");
    await page.keyboard.press("Enter");
    await page.waitForSelector('dialog [name="text"][aria-invalid="true"]');
    assert.equal(await page.inputValue('dialog [name="text"]'), "called the village");
    await page.unroute("**/api/say");
    await page.keyboard.press("Enter");
    await until("it is in the log", () => bus.psql(`SELECT count(*) FROM eoc.document WHERE incident_id = '${id}' AND type = 'activity_log_entry'`) === "1");
    await page.waitForSelector("dialog, .unsettled", { state: "detached" });
  });

  await test("two incidents that are one become one", async () => {
    const stays = incident("the one that stays"), goes = incident("the one that goes");
    await open(page, goes);
    await act(page, "g");
    await page.focus(`dialog [name="into"][value="${stays}"]`);
    await page.keyboard.press("Space");
    await fill(page, null, "the same torrent");
    await until("it is merged", () => stateOf(goes) === "MERGED");
    assert.equal(bus.psql(`SELECT merged_into FROM eoc.incident_now WHERE incident_id = '${goes}'`), stays);
  });

  await test("excavators are asked for, promised, and let go", async () => {
    const id = incident("stones on the road"), of = `incident_id = '${id}'`;
    await open(page, id);
    await act(page, "r");
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run("dialog", { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }));
    assert.deepEqual(found.violations.map((one) => `${one.id}: ${one.nodes[0].html}`), []);
    await fill(page, "excavator", "2", null, null, "km 12", "+2", "open the road");
    await until("two are wanted", () => bus.psql(`SELECT wanted || ' ' || kind || ' ' || state FROM eoc.board WHERE ${of}`) === "2 excavator OPEN");
    const thread = bus.psql(`SELECT thread FROM eoc.board WHERE ${of}`);
    await page.keyboard.press("3");
    await page.focus(`[id="line-${thread}-1"]`);
    await act(page, "c");
    await fill(page, "2", "+3", "EX-07, EX-09");
    await until("two are promised", () => bus.psql(`SELECT state || ' ' || promised FROM eoc.board WHERE ${of}`) === "MET 2");
    await page.waitForSelector(`tr:has([id="line-${thread}-1"]) td:has-text("${words("en")["state.met"]}")`);
    await page.focus(`[id="line-${thread}-1"]`);
    await act(page, "l");
    await page.keyboard.press("Enter");
    await until("they are let go", () => bus.psql(`SELECT state FROM eoc.line_part WHERE ${of}`) === "CANCELLED");
  });

  await test("a report becomes an incident, another one is said to belong to it, a third was wrong", async () => {
    const [first, second, third] = ["a wall of mud", "more mud", "a shadow"].map(flash);
    await Promise.all([first, second, third].map(inQueue));
    await actOn(page, first, "i");
    await fill(page, "Gusar, wall of mud");
    const id = await until("it is opened", () => bus.psql(`SELECT incident_id FROM eoc.incident_now WHERE name = 'Gusar, wall of mud' AND reports = 1`));
    await actOn(page, second, "b");
    await page.focus(`dialog [name="into"][value="${id}"]`);
    await page.keyboard.press("Space");
    await page.keyboard.press("Enter");
    await until("it has two", () => bus.psql(`SELECT reports FROM eoc.incident_now WHERE incident_id = '${id}'`) === "2");
    await page.waitForSelector("dialog", { state: "detached" });
    await actOn(page, third, "f");
    await fill(page, "a cloud");
    await until("it is false", () => bus.psql(`SELECT count(*) FROM eoc.incident_now i JOIN eoc.document d ON d.incident_id = i.incident_id AND d.type = 'incident'
      WHERE i.state = 'FALSE_ALARM' AND d.doc->'incident'->'cause_ids' ? '${third}'`) === "1");
    assert.equal(bus.psql(`SELECT count(*) FROM eoc.incident_proposal WHERE message_id IN ('${first}', '${second}', '${third}')`), "0");
  });

  await test("what is said by telephone is taken down, with a place as people call it", async () => {
    await page.keyboard.press("5");
    await page.waitForSelector("main section");
    await act(page, "t");
    await page.keyboard.type("Айнӣ");
    await page.waitForSelector('dialog output:has-text("3505203")');
    await fill(page, null, "Gusar", null, null, null, "water in the street", "1");
    const body = await until("it is recorded", () => bus.psql(`SELECT doc->'flash_report' FROM eoc.document WHERE type = 'flash_report' AND doc->'flash_report'->>'text' = 'water in the street' AND pcode = '3505203'`));
    assert.equal(JSON.parse(body).deaths, 1);
    assert.equal("injured" in JSON.parse(body), false);
  });

  await test("a message that nobody could judge is dismissed", async () => {
    const unknown = uuid7(), held = say({ kind: "KIND_UPDATE", incident_ids: [unknown], incident_transition: { incident_id: unknown, event: "INCIDENT_EVENT_REPORTED", to_state: "INCIDENT_STATE_REPORTED" } });
    bus.tell("ayni", held);
    await inQueue(held.message_id);
    await actOn(page, held.message_id, "d");
    await fill(page, "nobody knows it");
    await until("it is dismissed", () => bus.psql(`SELECT verdict FROM eoc.message WHERE message_id = '${held.message_id}'`) === "DISMISSED");
  });
  await leave(page);
}
