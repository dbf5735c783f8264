// queue - what the list of decisions tells: who took what, an office's own words, and how many wait.
import assert from "node:assert/strict";
import { alarm, choose, say, until, uuid7 } from "./bus.mjs";

const flash = (text) => say({
  lane: "LANE_FLASH", lang: "LANG_TG",
  flash_report: {
    hazard: "HAZARD_MUDFLOW", village: "Gusar", injured: 2, houses: 14, to_evacuate: 60, confidence: "CONFIDENCE_HIGH",
    reporter_role: "REPORTER_ROLE_DISTRICT_DUTY", text,
  },
});

export async function queue({ test, enter, leave, bus, words }) {
  await test("who took an alarm is shown to everybody else, and the tab counts what waits", async () => {
    const one = await enter("en"), two = await enter("ru"), message = alarm("taken by one of two");
    bus.tell("gw07", message);
    await two.waitForSelector(`.item[data-id="${message.message_id}"]`);
    await two.waitForFunction(() => document.title.startsWith("("));
    await one.waitForSelector(`.item.chosen[data-id="${message.message_id}"] .take`);
    await one.keyboard.press("a");
    await two.waitForSelector(`.hand li:has-text("${bus.called(bus.name, "ru")}")`);
    await leave(one);
    await leave(two);
  });

  await test("an office's first words are in the list as it said them, before anything older", async () => {
    const page = await enter("en"), message = flash("Сел аз Гусар-сой, пул вайрон шуд");
    bus.tell("ayni", message);
    const line = page.locator(`.item[data-id="${message.message_id}"]`);
    await line.locator(".spoken", { hasText: "Сел аз Гусар-сой, пул вайрон шуд" }).waitFor();
    assert.match(await line.locator(".spoken").textContent(), /Gusar.*injured: 2.*houses: 14.*to evacuate: 60/);
    assert.ok(await line.evaluate((node) => node.classList.contains("p1")));
    await page.keyboard.press("x");
    await page.waitForSelector(`dialog[open]:has-text("${words("en")["act.declare"]}")`);
    await page.keyboard.press("Escape");
    await leave(page);
  });

  await test("a word to a person is in that person's queue, whole, until it is read", async () => {
    const one = await enter("en"), two = await enter("en", undefined, undefined, bus.second);
    const said = { from_role: "duty officer, Ayni", subject: "Re: Gusar", text: "Nobody is missing; the road is cut behind km 12." };
    const message = say({ lane: "LANE_ROUTINE", lang: "LANG_TG", to: [bus.name], general_message: said });
    bus.tell("ayni", message);
    await one.waitForSelector(`.item[data-id="${message.message_id}"] .spoken:has-text("behind km 12")`);
    assert.equal(await two.locator(`.item[data-id="${message.message_id}"]`).count(), 0);
    await choose(one, message.message_id);
    await one.keyboard.press("a");
    await one.waitForSelector(`.item[data-id="${message.message_id}"]`, { state: "detached" });
    assert.equal(bus.psql(`SELECT level || ' ' || by FROM eoc.recipient WHERE message_id = '${message.message_id}'`), `ACCEPTED ${bus.name}`);
    await leave(one);
    await leave(two);
  });

  // Of each line what is said, without tags; marks of the page stand in the margin there.
  const linesOf = (page) => page.evaluate(() => [...document.querySelectorAll(".queue .item:not(.past .item)")].map((item) => ({ id: item.dataset.id,
    said: [...item.querySelectorAll(".text > p")].map((p) => { const own = p.cloneNode(true); own.querySelectorAll(".tag").forEach((tag) => tag.remove()); return own.textContent; }) })));
  const rowsOf = (json) => json.split("\n").filter(Boolean).map((row) => JSON.parse(row)).filter((row) => row.list === "queue").map((row) => row.id);
  const plain = (text) => text.replace(/[\s\u00a0]+/g, " ").trim();

  await test("of a long queue the page has the beginning, counts all of it, and is walked to its end", async () => {
    const many = 150, seq = 2 ** 40; // a number that no message has
    bus.psql(`INSERT INTO bus.incident_report (message_id, seq, event_at, sender_id, type, status, label, hazard, places)
      SELECT md5('long' || n)::uuid, ${seq} + n, now() - n * interval '1 second', (SELECT min(principal_id) FROM bus.principal WHERE principal_id > 0), 101, 1, 2, 'FLOOD', '3505203' FROM generate_series(1, ${many}) AS n`);
    try {
      const page = await enter("en"), first = page.waitForResponse(/view.queue/);
      await page.reload();
      const { items, total, past } = await (await first).json(), last = bus.psql("SELECT md5('long1')::uuid");
      assert.ok(items.length < many && total >= many, `${items.length} of ${total}`);
      await page.waitForSelector(`.summary:has-text("${total - past} ")`);
      await until("the last of them", async () => {
        for (let i = 0; i < 10; i++) await page.keyboard.press("j");
        return page.locator(`.item[data-id="${last}"]`).count();
      });
      await leave(page);
    } finally {
      bus.psql(`DELETE FROM bus.incident_report WHERE seq > ${seq}`);
    }
  });

  await test("an alarm that the bus did not let somebody take can be taken again at once", async () => {
    const page = await enter("en"), message = alarm("taken, and then not"), row = `.item.chosen[data-id="${message.message_id}"]`;
    let taking = null;
    await page.route("**/api/say", (route) => {
      taking = route.request().postDataJSON().message_id;
      return route.fulfill({ json: { message_id: taking } });
    });
    await page.addInitScript(() => {
      const Real = EventSource;
      window.EventSource = class extends Real {
        constructor(...all) {
          super(...all);
          window.settle = (said) => this.dispatchEvent(new MessageEvent("settled", { data: JSON.stringify(said) }));
        }
      };
    });
    await page.reload();
    bus.tell("gw07", message);
    await until("it is in the record", () => bus.psql(`SELECT count(*) FROM eoc.alert_open WHERE alert_id = '${message.message_id}'`) === "1");
    await page.evaluate(async () => (await ours("./waiting.js")).again());
    await choose(page, message.message_id);
    await page.waitForSelector(`${row} .take:text-is("${words("en")["queue.take"]}")`);
    await page.keyboard.press("a");
    await page.waitForSelector(`${row} .small:has-text("${words("en")["queue.taken"]}")`);
    await page.evaluate((id) => settle({ message_id: id, stored: false, code: "rights", person: "x" }), taking);
    await page.waitForSelector(`${row} .take:text-is("${words("en")["queue.take"]}")`, { timeout: 5000 });
    await page.unroute("**/api/say");
    await page.keyboard.press("a");
    await until("it is taken", () => bus.psql(`SELECT state FROM bus.alert WHERE alert_id = '${message.message_id}'`) === "ACKNOWLEDGED");
    await leave(page);
  });

  await test("an alarm that comes now is seen at once, however many came within this minute", async () => {
    const page = await enter("en"), ids = Array.from({ length: 80 }, () => uuid7()), now = uuid7(), since = new Date().toISOString();
    const items = ids.map((id) => ({ what: "alert", id, precedence: 1, since, status: "EXERCISE", state: "ISSUED", places: "3505203", place: "Ayni", hazard: "MUDFLOW", detail: "ALARM", by: "coes.x" }));
    await page.route("**/api/view/queue?*", (route) => route.fulfill({ json: { items, total: 80, urgent: 80, past: 0, messages: [], taken: [] } }));
    await page.addInitScript(() => {
      const Real = EventSource;
      window.EventSource = class extends Real {
        constructor(...all) {
          super(...all);
          window.hear = (message_id) => this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify({ seq: 0, provisional: true, type: "sensor_detection", lane: 1, status: 2,
            event_time_us: Date.now() * 1000, sender: "coes.x", author: "", message_id, places: ["3505203"], incidents: [] }) }));
        }
      };
    });
    await page.reload();
    await page.waitForSelector(".item");
    await page.evaluate((all) => all.forEach(hear), ids);
    await until("the record has them", () => page.evaluate(async () => (await ours("./waiting.js")).total() === 80));
    await page.evaluate((id) => hear(id), now);
    await page.waitForSelector(`.item[data-id="${now}"] .tag.warn`);
    await page.context().close();
  });

  await test("a terminal shows the same queue: the same things in the same order, in the same words of each language", async () => {
    const note = say({ lane: "LANE_PRIORITY", lang: "LANG_TG", to: [bus.name], general_message: { from_role: "duty officer, Ayni", subject: "Re: Gusar", text: "Two teams are on the way." } });
    bus.tell("gw07", alarm("the terminal shows it"));
    bus.tell("ayni", flash("Сел аз Гусар-сой, \u001b[2J пул вайрон шуд"), note);
    for (const lang of ["en", "ru", "tg"]) {
      const page = await enter(lang);
      const both = async () => [(await linesOf(page)).map((line) => line.id), rowsOf(bus.board("--json"))];
      await until("the newest", async () => (await both())[0].includes(note.message_id));
      // Between a look at one and a look at the other somebody may be asked to answer: both are looked at again.
      let missing;
      const same = async () => {
        const [seen, there] = await both(), lines = await linesOf(page), text = plain(bus.board("--lang", lang, "--most", "400"));
        const all = [await page.locator(".summary").textContent(), ...lines.flatMap((line) => line.said).map((said) => plain(said).replace("\u001b", "\\x1b"))];
        missing = there.slice(0, seen.length).join() === seen.join() ? all.find((said) => !text.includes(said)) : `${seen} is not ${there}`;
        return missing === undefined;
      };
      await until("both show the same", same).catch((trouble) => assert.fail(`${trouble.message}: ${missing}`));
      await leave(page);
    }
    assert.ok(!bus.board().includes("\u001b"));
  });
}
