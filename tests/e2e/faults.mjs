// faults - what breaks in a night: the database, the broker, the browser's own sleep. Nothing that a dispatcher did is
// lost, and nothing is done twice.
import assert from "node:assert/strict";
import { alarm, choose, until } from "./bus.mjs";

export async function faults({ test, enter, leave, bus }) {
  const taken = (id) => until(`${id} is taken`, () => bus.psqlNow(`SELECT state FROM bus.alert WHERE alert_id = '${id}'`) === "ACKNOWLEDGED");
  const receipts = (id) =>
    bus.psql(`SELECT count(*) FROM bus.document WHERE type = 181 AND doc->'receipt'->>'message_id' = '${id}'
      AND doc->'receipt'->>'level' = 'RECEIPT_LEVEL_ACCEPTED'`);
  async function shown(page, message) {
    bus.tell("gw07", message);
    await page.waitForSelector(`.item.p1[data-id="${message.message_id}"] .take`);
    await choose(page, message.message_id);
  }

  for (const [what, program] of [["database is stopped", "postgres"], ["broker is killed", "broker"]])
    await test(`an alarm is taken while the ${what}, and once`, async () => {
      const page = await enter(), message = alarm(`the ${what}`);
      await shown(page, message);
      bus.end(program, program === "postgres" ? "SIGINT" : "SIGKILL"); // the supervisor starts it again
      await page.keyboard.press("a");
      await page.keyboard.press("a");
      await taken(message.message_id);
      await page.waitForSelector(`.item.p1[data-id="${message.message_id}"]`, { state: "detached" });
      await page.waitForSelector("#banner.exercise");
      assert.equal(receipts(message.message_id), "1");
      await leave(page);
    });

  await test("a browser that slept sees on waking what is", async () => {
    const page = await enter(), old = alarm("before it slept"), other = await enter("ru");
    await shown(page, old);
    const asleep = await page.context().newCDPSession(page);
    await asleep.send("Page.setWebLifecycleState", { state: "frozen" });
    await other.waitForSelector(`.item[data-id="${old.message_id}"] .take`);
    await choose(other, old.message_id);
    await other.keyboard.press("a");
    await taken(old.message_id);
    const young = alarm("while it slept");
    bus.tell("gw07", young);
    await asleep.send("Page.setWebLifecycleState", { state: "active" });
    await page.waitForSelector(`.item[data-id="${young.message_id}"]`);
    await page.waitForSelector(`.item.p1[data-id="${old.message_id}"]`, { state: "detached" });
    await page.waitForSelector("#banner.exercise");
    await leave(page);
    await leave(other);
  });
}
