// actions - what dispatchers do about things, by keyboard alone, and what the record has of it then.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { until } from "./bus.mjs";

const uuid7 = () => randomUUID().replace(/^(.{14})4/, "$17");
const say = (rest) => ({ message_id: uuid7(), lane: "LANE_PRIORITY", status: "STATUS_EXERCISE", kind: "KIND_REPORT", event_time_us: new Date().toISOString(), area: { pcodes: ["3505203"] }, label: "LABEL_INTERNAL", lang: "LANG_EN", ...rest });

export async function actions({ test, enter, leave, bus, words }) {
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

  for (const lang of ["tg", "ru", "en"])
    await test(`an incident is confirmed by keyboard alone, in ${lang}`, async () => {
      const page = await enter(lang), id = incident("bridge at Gusar");
      await open(page, id);
      await act(page, "c");
      await page.waitForSelector(`dialog h2:has-text("${words(lang)["act.confirm"]}")`);
      await fill(page, null, "two sources");
      await until("it is confirmed", () => stateOf(id) === "CONFIRMED");
      await page.waitForSelector(`.facts dd:has-text("${words(lang)["state.confirmed"]}")`);
      assert.equal(bus.psql(`SELECT doc->'incident_transition'->>'reason' FROM eoc.document WHERE type = 'incident_transition' AND doc->'incident_transition'->>'incident_id' = '${id}'`), "two sources");
      await leave(page);
    });

  await test("what the bus refuses is shown at its field, and nothing that was typed is lost", async () => {
    const page = await enter(), id = incident("a flood that was none");
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
    await leave(page);
  });

  await test("two incidents that are one become one", async () => {
    const page = await enter(), stays = incident("the one that stays"), goes = incident("the one that goes");
    await open(page, goes);
    await act(page, "g");
    await page.selectOption('dialog [name="into"]', stays);
    await fill(page, null, "the same torrent");
    await until("it is merged", () => stateOf(goes) === "MERGED");
    assert.equal(bus.psql(`SELECT merged_into FROM eoc.incident_now WHERE incident_id = '${goes}'`), stays);
    await leave(page);
  });

  await test("excavators are asked for, promised, and let go", async () => {
    const page = await enter(), id = incident("stones on the road"), of = `incident_id = '${id}'`;
    await open(page, id);
    await act(page, "r");
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
    await leave(page);
  });
}
