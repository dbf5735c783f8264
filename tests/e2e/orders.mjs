// orders - a siren and a gateway are ordered something at the page: one person writes, others approve with keys of their own, by
// keyboard alone; and who may not, does not, whatever address he types.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { until, choose, say, uuid7 } from "./bus.mjs";

const machine = "coes.tj3505203.gw12";

export async function orders({ test, enter, leave, bus, words, axe }) {
  const state = (column, where) => bus.psql(`SELECT ${column} FROM eoc.order_draft WHERE ${where}`);
  const enterAs = (person, lang, theme, viewport) => enter(lang, theme, viewport, person);
  const focused = (page) => page.evaluate(() => document.activeElement.id);
  async function tabTo(page, id) {
    await until(`${id} has the focus`, async () => {
      if ((await focused(page)) === id) return true;
      await page.keyboard.press("Tab");
      return (await focused(page)) === id;
    });
  }
  // What the keyboard's letters choose in a list.
  async function pick(page, id, value) {
    await tabTo(page, id);
    await until(`${value} is chosen`, async () => {
      if ((await page.inputValue("#" + id)) === value) return true;
      await page.keyboard.press("ArrowDown");
      return (await page.inputValue("#" + id)) === value;
    });
  }
  async function write(page, what, reason) {
    await page.keyboard.press("6");
    await page.waitForSelector("#order-write");
    await tabTo(page, "order-write");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog #f-machine");
    await pick(page, "f-machine", machine);
    await pick(page, "f-what", what);
    await tabTo(page, "f-reason");
    await page.keyboard.type(reason);
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog", { state: "detached" });
    return until("the draft", () => state("message_id", `reason = '${reason}'`));
  }
  // As the page says it, and as somebody might who writes no form: what the server answered.
  const draft = (page, command, more = {}) => page.evaluate(async ([id, site, order, rest]) => {
    const { token } = await (await fetch("/api/me")).json(), now = Date.now();
    const body = { message_id: id, event_time_us: String(now * 1000), not_after_us: String((now + 600000) * 1000), area: { pcodes: ["3505203"] }, siren_command: { site, reason: "x", ...order }, ...rest };
    const answer = await fetch("/api/say", { method: "POST", headers: { "X-Eocbus-Token": token, "Content-Type": "application/json" }, body: JSON.stringify(body) });
    return `${answer.status} ${await answer.text()}`;
  }, [uuid7().replace(/.$/, "0"), machine, command, more]);
  // Out of the queue, read, and with the own password.
  async function open(page, id) {
    await page.waitForSelector(`.item[data-id="${id}"]`);
    await choose(page, id);
    await page.keyboard.press("Enter");
    await page.waitForSelector("#means");
  }
  async function approve(page, password) {
    if ((await focused(page)) !== "own-password") await page.keyboard.press("a");
    await until("the password's field", async () => (await focused(page)) === "own-password");
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
  }
  async function look(page, where) {
    for (const viewport of [{ width: 1024, height: 768 }, { width: 390, height: 844 }]) {
      await page.setViewportSize(viewport);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, where);
      await page.evaluate(axe);
      const found = await page.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }));
      assert.deepEqual(found.violations.map((one) => `${one.id}: ${one.nodes[0].html}`), [], where);
    }
  }

  await test("a siren's test is written by one and approved by two with their own keys, by keyboard alone, and the machine does it", async () => {
    const [first, second, third] = await Promise.all([enterAs(bus, "en", "day"), enterAs(bus.second, "tg"), enterAs(bus.third, "ru")]);
    const id = await write(first, "SELF_TEST", "the monthly test");
    await open(second, id);
    assert.equal(await second.textContent("#means"), words("tg")["order.means.self_test"].replace("{machine}", machine));
    await look(second, "an order, dark");
    await approve(second, "not-the-password");
    await second.waitForSelector(`.approval .trouble:has-text("${words("tg")["order.no.password"]}")`);
    await approve(second, bus.second.password);
    await until("one approval", () => state("approved_by", `message_id = '${id}'`) === `{${bus.second.name}}`);
    await second.waitForSelector(`.move:has-text("${words("tg")["order.signed_already"]}")`);
    await first.goto(`${bus.url}/order/${id}`);
    await first.waitForSelector(`.move:has-text("${words("en")["order.own"]}")`); // who wrote it has nothing to approve it with
    assert.equal(await first.locator("#own-password").count(), 0);
    await look(first, "an order, day");
    assert.equal(bus.psql("SELECT count(*) FROM eoc.siren_report"), "0");
    await open(third, id);
    await approve(third, bus.third.password);
    await third.waitForSelector(`#became:has-text("${words("ru")["order.answer.sounded"]}")`);
    assert.equal(bus.psql(`SELECT concat_ws(' ', machine, what, array_to_string(approved_by, '+'), answer) FROM eoc.machine_order WHERE reason = 'the monthly test'`),
      `${machine} SELF_TEST ${[bus.second.name, bus.third.name].join("+")} SOUNDED`);
    for (const page of [first, second, third]) await leave(page);
  });

  await test("what takes nobody else goes at once, and what is not wanted any more is taken back", async () => {
    const page = await enter("en");
    await page.keyboard.press("6");
    await page.waitForSelector("#order-write");
    await tabTo(page, "order-write");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog #f-machine");
    await pick(page, "f-machine", machine);
    await pick(page, "f-what", "RESTART");
    await tabTo(page, "f-reason");
    await page.keyboard.type("it hangs");
    await page.keyboard.press("Enter");
    await until("its answer", () => bus.psql("SELECT answer FROM eoc.machine_order WHERE reason = 'it hangs'") === "ACCEPTED");
    await page.waitForSelector("dialog, .unsettled", { state: "detached" }); // until then the form keeps what was typed
    const id = await write(page, "SET_MODE EVENT", "a mistake");
    await page.goto(`${bus.url}/order/${id}`);
    await page.waitForSelector("#do-take-back");
    await tabTo(page, "do-take-back");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog #f-reason");
    await page.keyboard.type("not that village");
    await page.keyboard.press("Enter");
    await until("it is taken back", () => state("state", `message_id = '${id}'`) === "TURNED_DOWN");
    await page.waitForSelector(`main:has-text("not that village")`);
    await leave(page);
  });

  await test("who may not approve does not, whatever address he types, and nobody approves his own", async () => {
    const registry = bus.addPerson("coes.ayni.registry", "bog-rud-sang-99"), one = await enter("en"), id = await write(one, "SET_MODE MAINTENANCE", "people at the mast");
    const ask = (page, seq, password) => page.evaluate(async ([draft, given, number, own]) => {
      const { token } = await (await fetch("/api/me")).json();
      const answer = await fetch(`/api/approve-order?${new URLSearchParams({ draft, seq: number, id: given })}`, { method: "POST", headers: { "X-Eocbus-Token": token }, body: new URLSearchParams({ password: own }) });
      return `${answer.status} ${(await answer.json()).error}`;
    }, [id, randomUUID().replace(/^(.{14})4(.*).$/, "$17$20"), String(seq), password]);
    const seq = state("seq", `message_id = '${id}'`), page = await enterAs(registry, "en"), second = await enterAs(bus.second, "en");
    await page.goto(`${bus.url}/order/${id}`);
    await page.waitForSelector("main .none, main .move");
    assert.equal(await page.locator("#own-password").count(), 0);
    assert.match(await ask(page, seq, registry.password), /^(403 rights|404 no_draft)$/);
    assert.equal(await ask(one, seq, bus.password), "403 own_draft");
    assert.equal(await ask(second, Number(seq) + 1, bus.second.password), "409 draft_differs");
    assert.equal(state("approved_by", `message_id = '${id}'`), "{}");
    for (const each of [page, one, second]) await leave(each);
  });

  // The machine would not do it: nobody shall approve it first. What is said round the form, the server refuses.
  await test("in an exercise a siren is ordered nothing but to test itself, and the form says so", async () => {
    const page = await enter("en");
    await page.keyboard.press("6");
    await page.click("#order-write");
    await page.waitForSelector(`dialog:has-text("${words("en")["order.means.exercise"]}")`);
    assert.deepEqual((await page.locator("#f-what option").evaluateAll((all) => all.map((one) => one.value))).filter((one) => /^S(OUND|ILENCE|ELF)/.test(one)), ["SELF_TEST"]);
    const answer = await draft(page, { action: "SIREN_ACTION_SOUND", pattern: "SIREN_PATTERN_EVACUATE", duration_s: 60 });
    assert.match(answer, /^422 .*legal is SELF_TEST/);
    await leave(page);
  });

  await test("an order names its incident, and once the bus refused it everybody reads why, in his language", async () => {
    const incident = bus.psql("SELECT incident_id || ' ' || name FROM eoc.incident_now WHERE name <> '' LIMIT 1"), [id, ...name] = incident.split(" ");
    const first = await enter("en"), second = await enterAs(bus.second, "tg");
    assert.match(await draft(first, { action: "SIREN_ACTION_SELF_TEST", reason: "for the incident" }, { incident_ids: [id] }), /^200/);
    const order = await until("the draft", () => state("message_id", "reason = 'for the incident'"));
    await open(second, order);
    await second.locator(`.facts a[href="/incident/${id}"]`, { hasText: name.join(" ") }).waitFor();
    bus.tell("console", say({ kind: "KIND_ERROR", lane: "LANE_IMMEDIATE", preceding_id: order, receipt: { message_id: order, level: "RECEIPT_LEVEL_REJECTED", by: "coes.dushanbe.console", code: "approval", text: "One approved it twice.", time_us: new Date().toISOString() } }));
    await second.waitForSelector(`#refused:has-text("${words("tg")["refused.approval"]}")`);
    await second.waitForSelector(`.facts .chip:has-text("${words("tg")["order.state.refused"]}")`);
    assert.equal(await second.locator("#own-password").count(), 0);
    await second.keyboard.press("1");
    await second.waitForSelector(".item");
    await second.waitForSelector(`.item[data-id="${order}"]`, { state: "detached" });
    for (const page of [first, second]) await leave(page);
  });
}
