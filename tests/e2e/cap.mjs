// cap - the public is warned: one person writes in three languages, another approves.
import assert from "node:assert/strict";
import { until } from "./bus.mjs";
import { smsLength } from "../../agents/console/page/sms.js";

export async function cap({ test, enter, leave, bus, words }) {
  const state = (column, where) => bus.psql(`SELECT ${column} FROM eoc.alert_draft WHERE ${where}`);
  const enterSecond = (lang) => enter(lang, undefined, undefined, bus.second);
  let draft, alert;

  await test("the length of a text message is counted as telephones count it", async () => {
    const seen = (text) => Object.values(smsLength(text)).join(" ");
    assert.equal(seen(""), "0 0 160 GSM-7");
    assert.equal(seen("x".repeat(160)), "160 1 160 GSM-7");
    assert.equal(seen("x".repeat(161)), "161 2 153 GSM-7");
    assert.equal(seen("x".repeat(306)), "306 2 153 GSM-7");
    assert.equal(seen("x".repeat(307)), "307 3 153 GSM-7");
    assert.equal(seen("€".repeat(80)), "160 1 160 GSM-7");
    assert.equal(seen("€".repeat(81)), "162 2 153 GSM-7");
    assert.equal(seen("€".repeat(153)), "306 3 153 GSM-7"); // 76 fit into 153
    assert.equal(seen("ӣ".repeat(70)), "70 1 70 UCS-2");
    assert.equal(seen("ӣ".repeat(71)), "71 2 67 UCS-2");
    assert.equal(seen("ӣ".repeat(134)), "134 2 67 UCS-2");
    assert.equal(seen("ӣ".repeat(135)), "135 3 67 UCS-2");
    assert.equal(seen("x".repeat(70) + "ғ"), "71 2 67 UCS-2");
    assert.equal(seen("🌊".repeat(35)), "70 1 70 UCS-2");
    assert.equal(seen("🌊".repeat(67)), "134 3 67 UCS-2"); // 33 pairs fit into 67
  });

  await test("one person writes an alert once in three languages, and sees what will be read", async () => {
    const page = await enter("ru");
    await page.keyboard.press("7");
    await page.click(`a:has-text("${words("ru")["warn.write"]}")`);
    await page.fill("#find-place", "Айнӣ");
    await page.click(".found button");
    await page.selectOption("[name=hazard]", "mudflow");
    for (const lang of ["tg", "ru", "en"])
      assert.match(await page.inputValue(`[name="${lang}.headline"]`), new RegExp(`^${words(lang)["warn.exercise"]}\\. .*[^{}]+$`));
    await page.fill('[name="ru.headline"]', "УЧЕНИЕ. Сель в долине Гусара!");
    await page.selectOption("[name=severity]", "extreme"); // does not undo what was written by hand
    assert.equal(await page.inputValue('[name="ru.headline"]'), "УЧЕНИЕ. Сель в долине Гусара!");
    const sms = await page.textContent("fieldset:has([name='ru.headline']) .sms"), { letters, parts } = smsLength(sms);
    assert.match(await page.textContent("fieldset:has([name='ru.headline']) .small"), new RegExp(`^${letters} .*${parts} .*UCS-2`));
    await page.click("form.alert-form button.first");
    draft = await until("the draft", () => state("message_id", "state = 'WAITING'"));
    await page.waitForSelector(`td a[href="/warn/${draft}"]`);
    assert.equal(bus.psql("SELECT count(*) FROM eoc.alert_in_force"), "0");
    await leave(page);
  });

  await test("who wrote it does not approve it, and is told so", async () => {
    const page = await enter("tg");
    await page.goto(`${bus.url}/warn/${draft}`);
    await page.waitForSelector(`.move:has-text("${words("tg")["warn.own"]}")`);
    assert.equal(await page.locator("#do-approve").count(), 0);
    const answer = await page.evaluate(async (id) => {
      const { approve, newId } = await import("/api.js");
      return approve(id, newId()).then(() => "said", (trouble) => `${trouble.status} ${trouble.word}`);
    }, draft);
    assert.match(answer, /^403 own_draft$/);
    await leave(page);
  });

  await test("another person reads and approves it, and what is said is what was written", async () => {
    const page = await enterSecond("en");
    await page.goto(`${bus.url}/warn/${draft}`);
    await page.waitForSelector(`blockquote:has-text("УЧЕНИЕ. Сель в долине Гусара!")`);
    await page.focus("#do-approve");
    await page.keyboard.press("Enter");
    alert = await until("the alert", () => state("alert_id", `message_id = '${draft}' AND state = 'APPROVED'`));
    assert.equal(bus.psql(`SELECT bus.alert_text(a.doc->'public_alert') = bus.alert_text(d.doc->'public_alert') AND a.status = 2 AND a.doc->'public_alert'->>'status' = 'CAP_STATUS_EXERCISE'
      AND a.doc->>'author' = '${bus.second.name}' AND d.doc->>'author' = '${bus.name}' FROM bus.document a, bus.document d WHERE a.message_id = '${alert}' AND d.message_id = '${draft}'`), "t");
    await page.click(`a[href="/warn/${alert}"]`);
    await page.waitForSelector("#do-cancel");
    await leave(page);
  });
}
