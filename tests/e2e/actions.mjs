// actions - what dispatchers do about things, by keyboard alone, and what the record has of it then.
import assert from "node:assert/strict";
import { act, go, say, showModules, until, uuid7 } from "./bus.mjs";

export async function actions({ test, enter, leave, bus, words, axe }) {
  const stateOf = (id) => bus.psql(`SELECT state FROM eoc.incident_now WHERE incident_id = '${id}'`);
  // An incident as a district opens it.
  function incident(name) {
    const id = uuid7();
    bus.tell("console", say({ incident_ids: [id], incident: { incident_id: id, hazard: "HAZARD_MUDFLOW", name, severity: "SEVERITY_SEVERE",
      urgency: "URGENCY_IMMEDIATE", certainty: "CERTAINTY_POSSIBLE" } }));
    return id;
  }
  async function open(page, id) {
    await go(page, `/incident/${id}`);
    await page.waitForSelector("#act-menu");
  }
  async function fill(page, ...texts) {
    for (const [i, text] of texts.entries()) {
      if (i) await page.keyboard.press("Tab");
      if (text !== null) {
        await page.keyboard.press("Control+A");
        await page.keyboard.type(text);
      }
    }
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector("dialog", { state: "detached" });
  }

  // The same menu for a row of the queue.
  async function actOn(page, id, key) {
    await page.evaluate(async (wanted) => {
      const [{ actMenu }, answer] = await Promise.all([ours("./act.js"), fetch("/api/view/queue")]);
      actMenu((await answer.json()).items.find((item) => item.id === wanted));
    }, id);
    await page.waitForSelector(`dialog [data-key="${key}"]`);
    await page.keyboard.press(key);
    await page.waitForSelector("dialog form");
  }
  const inQueue = (id) => until(`${id} in the queue`, () => bus.psql(`SELECT count(*) FROM eoc.queue WHERE id = '${id}'`) === "1");
  function flash(text) {
    const report = say({ flash_report: { hazard: "HAZARD_MUDFLOW", village: "Gusar", confidence: "CONFIDENCE_SOME",
      reporter_role: "REPORTER_ROLE_DISTRICT_DUTY", text } });
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
      assert.equal(bus.psql(`SELECT doc->'incident_transition'->>'reason' FROM eoc.document
        WHERE type = 'incident_transition' AND doc->'incident_transition'->>'incident_id' = '${id}'`), "two sources");
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
    bus.tell("console", say({ kind: "KIND_UPDATE", incident_ids: [id],
      incident_transition: { incident_id: id, event: "INCIDENT_EVENT_MERGED", from_state: "INCIDENT_STATE_REPORTED",
      to_state: "INCIDENT_STATE_MERGED", merged_into: other } }));
    await page.keyboard.press("Enter");
    await page.waitForFunction((text) => [...document.querySelectorAll("dialog .trouble")].some((one) => one.textContent.includes(text)),
      words("en")["refused.state"]);
    assert.equal(await page.inputValue('dialog [name="reason"]'), "a lorry, not a flood");
    await page.keyboard.press("Escape");
  });

  await test("what is said stands by its thing until it is settled, and what was refused then can be changed", async () => {
    const id = incident("a slow line"), held = [];
    await open(page, id);
    await page.route("**/api/say", (route) => held.push(route));
    await act(page, "n");
    await page.keyboard.type("called");
    await page.keyboard.press("Enter"); // a new line
    await page.keyboard.type("the village");
    await page.keyboard.press("Control+Enter");
    await until("it is being said", () => held.length === 1);
    await page.keyboard.press("Escape");
    // Said once more while it waits it is the same message.
    await act(page, "n");
    await page.waitForSelector(`dialog .late:has-text("${words("en")["form.waits"].split("{")[0]}")`);
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.equal(held.length, 1);
    await page.waitForSelector(`.unsettled:has-text("${words("en")["said.saying"]}")`);
    await held[0].fulfill({ status: 422, contentType: "application/json", body: '{"error":"length","path":"activity_log_entry.text","text":"too long"}' });
    await page.focus(".unsettled.refused button");
    await page.keyboard.press("Enter");
    await page.waitForSelector('dialog [name="text"][aria-invalid="true"]');
    assert.equal(await page.inputValue('dialog [name="text"]'), "called\nthe village");
    await page.unroute("**/api/say");
    await page.keyboard.press("Control+Enter");
    await until("it is in the log", () => bus.psql(`SELECT count(*) FROM eoc.document WHERE incident_id = '${id}' AND type = 'activity_log_entry'`) === "1");
    await page.waitForSelector("dialog, .unsettled", { state: "detached" });
  });

  await test("what the record refuses when its form has long gone comes back with the words", async () => {
    const id = incident("a word too late"), late = await enter("ru");
    await late.addInitScript(() => {
      const Real = EventSource;
      window.EventSource = class extends Real {
        constructor(...all) {
          super(...all);
          window.stream = this;
        }
      };
    });
    await late.reload();
    await late.waitForSelector("#nav a");
    await open(late, id);
    let said = null;
    await late.route("**/api/view/said*", (route) => route.fulfill({ json: [] }));
    await late.route("**/api/say", (route) => {
      said = route.request().postDataJSON().message_id;
      return route.fulfill({ json: { message_id: said, before: false } });
    });
    await act(late, "f");
    await late.keyboard.type("a lorry, not a flood");
    await late.keyboard.press("Enter");
    await late.waitForSelector(".unsettled.waiting");
    await late.keyboard.press("Escape"); // it goes by itself after four seconds
    await late.waitForSelector("dialog", { state: "detached" });
    await late.evaluate((message_id) => window.stream.dispatchEvent(new MessageEvent("settled",
      { data: JSON.stringify({ message_id, stored: false, person: "", code: "state", path: "incident_transition.event",
      text: "JUDGED_FALSE is not a move from MERGED. The incident is MERGED; legal now: nothing." }) })), said);
    await late.waitForSelector(`.unsettled.refused:has-text("${words("ru")["refused.state"]}"):has-text("${words("ru")["state.merged"]}")`);
    assert.match(await late.textContent(".unsettled .original"), /JUDGED_FALSE is not a move from MERGED/);
    await late.click(".unsettled.refused button");
    await late.waitForSelector('dialog [name="reason"]');
    assert.equal(await late.inputValue('dialog [name="reason"]'), "a lorry, not a flood");
    await leave(late);
  });

  await test("a page whose question fails says that it is old, and asks again by itself", async () => {
    let asked = 0;
    await page.route("**/api/view/incidents*", (route) => (++asked === 1 ? route.fulfill({ status: 503, json: { error: "store_away" } }) : route.continue()));
    await page.keyboard.press("2");
    await page.waitForSelector(`main p.late:has-text("${words("en")["trouble.store_away"]}")`);
    await page.waitForSelector("main table");
    assert.equal(await page.isVisible("main p.late"), false);
    await page.unroute("**/api/view/incidents*");
  });

  await test("an answer that breaks off on its way is no answer, and is asked for again", async () => {
    let asked = 0;
    await page.keyboard.press("1");
    await page.route("**/api/view/incidents*", (route) => (++asked === 1 ? route.fulfill({ contentType: "application/json", body: '[{"incident":"0' }) : route.continue()));
    await page.keyboard.press("2");
    await page.waitForSelector("main p.late");
    await page.waitForSelector("main p.late", { state: "hidden" });
    assert.deepEqual(page.strange, []);
    await page.unroute("**/api/view/incidents*");
  });

  await test("times, refusals and what detectors found are read and written as people do, in each language", async () => {
    const found = await page.evaluate(async () => {
      const [{ readTime }, words, { detected, why }] = await Promise.all(["form", "words", "called"].map((name) => ours(`./${name}.js`)));
      const stage = { level: "ALARM", text: "stage.rate: 4.5", front_speed_m_s: 3.25,
        evidence: [{ datastream_id: 3, type: "OBSERVATION_TYPE_STAGE_RATE", unit: "UNIT_METRE_PER_MINUTE", exponent: -3, value: "4500",
        threshold: "300", duration_s: 120 }] };
      const refused = { code: "state", path: "x",
        text: "CLOSED is not a move from REPORTED. The incident is REPORTED; legal now: MERGED (IncidentTransition MERGED), OPENED (IncidentTransition OPENED)." };
      const utc = (text, past) => { const at = readTime(text, past); return Number.isNaN(at) ? null : new Date(at).toISOString().slice(0, 16); };
      const real = Date.now, answer = {};
      Date.now = () => Date.UTC(2025, 11, 31, 20, 30); // in Dushanbe it is the new year: 1 January, 01:30
      answer.read = [["6:30"], ["01.00"], ["23:50", true], ["8.8 6:30"], ["31.12 23:00", true], ["31.12.2025 23:00"], ["29.2.2028 12:00"],
        ["29.2.2027 12:00"], ["31.4 1:00"], ["24:00"], ["12:60"], ["+2"], ["+0:45"], ["soon"]].map(([text, past]) => utc(text, past));
      for (const lang of words.languages) {
        await words.useLanguage(lang);
        answer[lang] = [...[[2026, 0, 1, 3, 5], [2026, 7, 7, 3, 5], [2025, 1, 28, 20]].map((at) => words.time(Date.UTC(...at))),
          ...[1, 3, 11].map((n) => words.count("queue.count", n)), detected(stage), why(refused)];
      }
      Date.now = real;
      await words.useLanguage("en");
      return answer;
    });
    assert.deepEqual(found.read, ["2026-01-01T01:30", "2026-01-01T20:00", "2025-12-31T18:50", "2025-08-08T01:30", "2025-12-31T18:00",
      "2025-12-31T18:00", "2028-02-29T07:00", null, null, null, null, "2025-12-31T22:30", "2025-12-31T21:15", null]);
    for (const lang of ["tg", "ru", "en"]) {
      const text = words(lang), many = (n, form) => text[`queue.count.${form}`].replace("{n}", n);
      const figure = (digits, unit) => (lang === "en" ? digits : digits.replace(".", ",")) + (unit ? `\u00a0${text[unit]}` : "");
      const fill = (key, values) => Object.entries(values).reduce((line, [name, value]) => line.replace(`{${name}}`, value), text[key]);
      const over = fill("detected.over",
        { what: text["obs.stage_rate"], value: figure("4.5", "measure.m/min"), line: figure("0.3", "measure.m/min"), channel: "3" });
      assert.deepEqual(found[lang], ["08:05", `7 ${text["month.8"]} 08:05`, `1 ${text["month.3"]} 2025 01:00`,
        many(1, "one"), many(3, lang === "ru" ? "few" : "other"), many(11, lang === "ru" ? "many" : "other"),
        `${over}${fill("detected.lasted", { n: "2" })}; ${fill("detected.front", { speed: figure("3.3") })}`,
        `${text["refused.state"]} ${fill("refused.now", { state: text["state.reported"], moves: `${text["move.merged"]}, ${text["move.opened"]}` })}`]);
    }
  });

  await test("who has chosen a language keeps it, and nobody else gets it", async () => {
    const context = await page.context().browser().newContext(), other = await context.newPage(), chosen = () => other.getAttribute("html", "lang");
    await other.addInitScript(showModules);
    const signIn = async (person) => {
      await other.fill("#name", person.name);
      await other.fill("#password", person.password);
      await other.keyboard.press("Enter");
      await other.waitForSelector("#nav a", { state: "attached" });
    };
    const signOut = async () => {
      await other.evaluate(async () => { await (await ours("./api.js")).signOut(); location.assign("/"); });
      await other.waitForSelector("form.signin");
    };
    await other.goto(bus.url);
    await other.click('.languages [lang="tg"]');
    await other.waitForSelector('html[lang="tg"]');
    await signIn(bus);
    assert.equal(await chosen(), "tg");
    await signOut();
    await signIn(bus.second);
    const own = await other.evaluate(async () => (await ours("./api.js")).me.lang);
    assert.equal(await chosen(), own);
    assert.equal(await other.evaluate(async (name) => (await ours("./words.js")).languageOf({ person: name, lang: "ru" }), bus.name), "tg");
    await context.close();
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

  await test("a message is written to an office by its place, in other letters, and nobody types an id", async () => {
    const id = incident("who is there");
    await open(page, id);
    await act(page, "m");
    await page.waitForSelector(".picked li");
    assert.doesNotMatch(await page.textContent(".picked"), /@|coes[.]/);
    await page.focus('dialog [name="to"]');
    while (await page.locator(".picked li").count()) await page.keyboard.press("Backspace");
    await page.keyboard.type("Айнӣ office");
    await page.waitForSelector('.offers [role="option"][title="coes.ayni.office"][aria-selected="true"]');
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run("dialog", { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }));
    assert.deepEqual(found.violations.map((one) => `${one.id}: ${one.nodes[0].html}`), []);
    await page.keyboard.press("Enter");
    await page.waitForSelector('.picked li[title="coes.ayni.office"]');
    await page.fill('dialog [name="text"]', "is the bridge there?");
    await page.focus('dialog [name="text"]');
    await page.keyboard.press("Control+Enter");
    assert.equal(await until("it is said", () => bus.psql(`SELECT doc->'to' FROM eoc.document WHERE incident_id = '${id}' AND type = 'general_message'`)), '["coes.ayni.office"]');
    await page.waitForSelector("dialog", { state: "detached" });
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
    assert.match(bus.psql(`SELECT doc->'to' FROM eoc.document WHERE ${of} AND type = 'request_resource'`), /coes[.]/);
    // Asked for in other words it is the same kind.
    bus.tell("console", say({ kind: "KIND_REQUEST", request_resource: { contacts: [{ role: "Requester", name: "x", agency: "coes" }],
      lines: [{ line_id: 1, resource: { kind: "экскаваторҳо" }, assignment: { quantity: { value: 1, unit: "H87" } } }] } }));
    await page.keyboard.press("3");
    await page.waitForSelector(`section:has(h2:has-text("${words("en")["resources.kinds"]}")) tr:has-text("${words("en")["kind.excavator"]}")`);
    await page.focus(`[id="line-${thread}-1"]`);
    await act(page, "c");
    await fill(page, "2", "+3", "EX-07, EX-09");
    await until("two are promised", () => bus.psql(`SELECT state || ' ' || promised FROM eoc.board WHERE ${of}`) === "MET 2");
    await page.waitForSelector(`tr:has([id="line-${thread}-1"]) td:has-text("${words("en")["state.met"]}")`);
    await page.focus(`[id="line-${thread}-1"]`);
    await act(page, "l");
    await page.keyboard.press("Control+Enter");
    await until("they are let go", () => bus.psql(`SELECT state FROM eoc.line_part WHERE ${of}`) === "CANCELLED");
  });

  await test("who could supply it is proposed for what is asked for now, however late an older answer comes", async () => {
    const page = await enter(), id = incident("pumps at Gusar"), of = (name) => ({ recipient: `x.${name}`, kind: "principal", title: name, on_duty: [] });
    let late = null;
    await page.route("**/api/view/recipients*", (route) => {
      const kind = new URL(route.request().url()).searchParams.get("kind"), answer = (name) => route.fulfill({ json: { items: [of(name)] } });
      if (kind === "boats") late = () => answer("harbour");
      else kind === "pumps" ? answer("waterworks") : kind === "tents" ? route.abort() : route.continue();
    });
    await open(page, id);
    await act(page, "r");
    for (const [kind, came] of [["tents", null], ["boats", null], ["pumps", "waterworks"]]) {
      const asked = page.waitForRequest((request) => request.url().includes("kind=" + kind));
      await page.fill('dialog [name="kind"]', kind);
      await asked;
      if (came) await page.waitForSelector(`.picked li:has-text("${came}")`);
    }
    const came = page.waitForResponse(/kind=boats/);
    await late();
    await came;
    await page.evaluate(() => new Promise((done) => setTimeout(done))); // what the page makes of it
    assert.match(await page.textContent(".picked li"), /waterworks/);
    await page.keyboard.press("Escape");
    await leave(page);
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
    await page.keyboard.press("Control+Enter");
    await until("it has two", () => bus.psql(`SELECT reports FROM eoc.incident_now WHERE incident_id = '${id}'`) === "2");
    await page.waitForSelector("dialog", { state: "detached" });
    await actOn(page, third, "f");
    await fill(page, "a cloud");
    await until("it is false", () =>
      bus.psql(`SELECT count(*) FROM eoc.incident_now i JOIN eoc.document d ON d.incident_id = i.incident_id AND d.type = 'incident'
      WHERE i.state = 'FALSE_ALARM' AND d.doc->'incident'->'cause_ids' ? '${third}'`) === "1");
    assert.equal(bus.psql(`SELECT count(*) FROM eoc.incident_proposal WHERE message_id IN ('${first}', '${second}', '${third}')`), "0");
  });

  await test("what is said by telephone is taken down, with a place as people call it", async () => {
    await page.keyboard.press("5");
    await page.waitForSelector("main section");
    await act(page, "t");
    await page.keyboard.type("Айнӣ");
    await page.waitForSelector('.offers [role="option"]:has-text("3505203")');
    await fill(page, null, "Gusar", null, null, null, "water in the street", "1");
    const body = await until("it is recorded", () =>
      bus.psql(`SELECT doc->'flash_report' FROM eoc.document WHERE type = 'flash_report'
        AND doc->'flash_report'->>'text' = 'water in the street' AND pcode = '3505203'`));
    assert.equal(JSON.parse(body).deaths, 1);
    assert.equal("injured" in JSON.parse(body), false);
  });

  await test("what is said by telephone about an incident is of that incident, and its place is there", async () => {
    const id = incident("called about");
    await open(page, id);
    await act(page, "t");
    assert.match(await page.inputValue('dialog [name="place"]'), /3505203/);
    await fill(page, null, "Gusar by telephone");
    await until("it is the incident's", () => bus.psql(`SELECT count(*) FROM eoc.document WHERE type = 'flash_report' AND incident_id = '${id}'`) === "1");
    await page.waitForSelector(`table.beside th:has-text("Gusar by telephone") .who:has-text("${words("en")["role.resident"]}")`);
  });

  await test("Enter takes the first of the list and goes on, and nothing is said before the last field", async () => {
    const id = incident("asked in haste");
    await open(page, id);
    assert.equal(await page.locator(".acts button").first().getAttribute("id"), "act-verify");
    await act(page, "r");
    await page.keyboard.type("экск");
    await page.keyboard.press("Enter"); // before the list is there
    await page.waitForSelector('dialog [name="amount"]:focus');
    assert.equal(await page.inputValue('dialog [name="kind"]'), words("en")["kind.excavator"]);
    await page.keyboard.press("Enter");
    await page.waitForSelector('dialog [name="unit"]:focus');
    await page.keyboard.press("Escape");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.equal(bus.psql(`SELECT count(*) FROM eoc.board WHERE incident_id = '${id}'`), "0");
  });

  await test("a message that nobody could judge is dismissed", async () => {
    const unknown = uuid7(), held = say({ kind: "KIND_UPDATE", incident_ids: [unknown],
      incident_transition: { incident_id: unknown, event: "INCIDENT_EVENT_REPORTED", to_state: "INCIDENT_STATE_REPORTED" } });
    bus.tell("ayni", held);
    await inQueue(held.message_id);
    await actOn(page, held.message_id, "d");
    await fill(page, "nobody knows it");
    await until("it is dismissed", () => bus.psql(`SELECT verdict FROM eoc.message WHERE message_id = '${held.message_id}'`) === "DISMISSED");
  });
  await leave(page);
}
