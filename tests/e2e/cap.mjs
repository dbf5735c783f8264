// cap - the public is warned: one person writes in three languages, another approves.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { go, until } from "./bus.mjs";

// By its text: Debian's node takes a file that ends in .js for CommonJS.
const { smsLength } = await import("data:text/javascript," + encodeURIComponent(readFileSync(new URL("../../agents/console/page/sms.js", import.meta.url))));

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

  await test("an alert that is long on its way is said once, and takes nobody away from where he is by then", async () => {
    const page = await enter("en");
    let said = 0, answer = null;
    await page.route("**/api/say", (route) => {
      said++;
      answer = () => route.fulfill({ json: { message_id: route.request().postDataJSON().message_id } });
    });
    await go(page, "/warn?write");
    await page.fill("#find-place", "Ayni");
    await page.click('.offers [role="option"]');
    await page.click("form.alert-form button.first");
    await until("it is on its way", () => said > 0);
    await page.fill('[name="en.headline"]', "EXERCISE. Other words");
    await page.click("form.alert-form button.first");
    await page.evaluate(() => new Promise((done) => setTimeout(done))); // a second one would be on its way by then
    assert.equal(said, 1);
    await go(page, "/");
    await answer();
    await page.waitForSelector(`.toast:has-text("${words("en")["warn.given"]}")`);
    assert.equal(new URL(page.url()).pathname, "/");
    await leave(page);
  });

  await test("one person writes an alert once in three languages, and sees what will be read", async () => {
    const page = await enter("ru");
    await page.keyboard.press("7");
    await page.click(`a:has-text("${words("ru")["warn.write"]}")`);
    await page.fill("#find-place", "Айнӣ");
    await page.click('.offers [role="option"]');
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
      const { approve, newId } = await ours("./api.js");
      return approve(id, newId()).then(() => "said", (trouble) => `${trouble.status} ${trouble.word}`);
    }, draft);
    assert.match(answer, /^403 own_draft$/);
    await leave(page);
  });

  await test("another person reads and approves it, and what is said is what was written", async () => {
    const page = await enterSecond("en");
    await page.goto(`${bus.url}/warn/${draft}`);
    await page.waitForSelector(`blockquote:has-text("УЧЕНИЕ. Сель в долине Гусара!")`);
    // By keys alone, and no single key says it to the public.
    await page.keyboard.press("a");
    await page.waitForSelector("dialog #not-yet:focus");
    await page.keyboard.press("Enter");
    await page.waitForSelector("dialog", { state: "detached" });
    assert.equal(bus.psql("SELECT count(*) FROM eoc.alert_in_force"), "0");
    await page.keyboard.press("a");
    await page.waitForSelector("dialog #not-yet:focus");
    await page.keyboard.press("y");
    alert = await until("the alert", () => state("alert_id", `message_id = '${draft}' AND state = 'APPROVED'`));
    assert.equal(bus.psql(`SELECT bus.alert_text(a.doc->'public_alert') = bus.alert_text(d.doc->'public_alert') AND a.status = 2
      AND a.doc->'public_alert'->>'status' = 'CAP_STATUS_EXERCISE'
      AND a.doc->>'author' = '${bus.second.name}' AND d.doc->>'author' = '${bus.name}'
      FROM bus.document a, bus.document d WHERE a.message_id = '${alert}' AND d.message_id = '${draft}'`), "t");
    await page.click(`a[href="/warn/${alert}"]`);
    await page.waitForSelector("#do-cancel");
    assert.doesNotMatch(await page.textContent("main"), /NaN|undefined|warn\./);
    await leave(page);
  });

  const feed = (path, headers = {}) => fetch(`${bus.url}/feed/${path}`, { headers });
  const run = (program, ...args) => execFileSync(program, args, { stdio: ["ignore", "pipe", "pipe"] }).toString();
  const saved = (text) => {
    const path = join(bus.dir, "alert.xml");
    writeFileSync(path, text);
    return path;
  };
  const idOf = (xml) => xml.match(/<identifier>([^<]+)</)[1];

  await test("everybody reads the alert in the feed, valid and signed, and marked as an exercise", async () => {
    const atom = await until("the feed", async () => {
      const answer = await feed("alerts.atom");
      const text = await answer.text();
      return text.includes(alert) && { answer, text };
    });
    assert.match(atom.answer.headers.get("content-type"), /^application\/atom\+xml/);
    assert.ok(Number.isFinite(Date.parse(atom.answer.headers.get("last-modified"))));
    assert.equal((await feed("alerts.atom", { "If-None-Match": atom.answer.headers.get("etag") })).status, 304);
    run("xmllint", "--nonet", "--noout", saved(atom.text));
    const node = (...names) => run("xmllint", "--nonet", "--xpath",
      `string(${names.map((name) => `/*[local-name()='${name}' and namespace-uri()='http://www.w3.org/2005/Atom'][1]`).join("")})`,
      saved(atom.text)).trim();
    for (const name of ["id", "title", "updated", "author"]) assert.ok(node("feed", name), name); // RFC 4287, 4.1.1
    for (const name of ["id", "title", "updated"]) assert.ok(node("feed", "entry", name), name); // 4.1.2
    assert.match(node("feed", "title"), /^EXERCISE/);
    assert.match(node("feed", "entry", "title"), new RegExp("^" + words("tg")["warn.exercise"]));
    const xml = await (await feed(`${alert}.xml`)).text(), path = saved(xml);
    run("xmllint", "--nonet", "--noout", "--schema", new URL("../data/cap/xsd/CAP-v1.2.xsd", import.meta.url).pathname, path);
    run("xmlsec1", "--verify", "--trusted-pem", join(bus.night, "conf/cap.cert.pem"), path);
    assert.match(xml, /<status>Exercise<\/status>/);
    assert.match(xml, /<headline>УЧЕНИЕ\. Сель в долине Гусара!<\/headline>/);
    assert.equal(xml.match(/<info>/g).length, 3);
    assert.equal((await feed(`${draft}.xml`)).status, 404); // a draft is nobody's
    for (const path of ["", "..%2fapi%2fme", "x.xml", `${alert}.xml.xml`]) assert.equal((await feed(path)).status, 404, path);
  });

  await test("how far it got is counted for each village", async () => {
    for (const [level, by] of [["DELIVERED", "coes.ayni.office"], ["DISPLAYED", "coes.ayni.office"]])
      bus.tell("ayni", { lane: "LANE_ROUTINE", status: "STATUS_EXERCISE", kind: "KIND_ACK", event_time_us: new Date().toISOString(),
        area: { pcodes: ["3505203"], place_name: "Гусар" }, label: "LABEL_INTERNAL",
        receipt: { message_id: alert, level: "RECEIPT_LEVEL_" + level, by, time_us: new Date().toISOString() } });
    const page = await enter("ru");
    await page.goto(`${bus.url}/warn/${alert}`);
    await page.waitForSelector("tr:has(td:text-is('Гусар')) td:nth-child(3):text-is('1')");
    assert.deepEqual(await page.locator("tr:has(td:text-is('Гусар')) td.n").allTextContents(), ["1", "1", "0", "0"]);
    await leave(page);
  });

  await test("why an alert waits for a decision is told in the reader's language", async () => {
    const row = `FROM bus.message WHERE message_id = '${alert}'`;
    bus.psql(`INSERT INTO bus.contested (seq, since, type, message_id, cycle, code, text) SELECT seq, now(), type, message_id, 'public_alert', 'over', 'Its time is over.' ${row}`);
    for (const lang of ["ru", "tg", "en"]) {
      const page = await enter(lang);
      await go(page, `/warn/${alert}`);
      await page.waitForSelector(`main .facts:has-text("${words(lang)["refused.over"]}")`);
      await leave(page);
    }
    bus.psql(`DELETE FROM bus.contested WHERE seq = (SELECT seq ${row})`);
  });

  await test("a cancellation names what it cancels, takes two people too, and the feed has it", async () => {
    const before = await (await feed(`${alert}.xml`)).text();
    const one = await enterSecond("ru");
    await one.goto(`${bus.url}/warn/${alert}`);
    await one.click("#do-cancel");
    await one.waitForSelector(`form.alert-form:has-text("${idOf(before)}")`);
    assert.match(await one.inputValue('[name="ru.headline"]'), /^УЧЕНИЕ\. Отбой/);
    await one.click("form.alert-form button.first");
    const id = await until("the draft", () => state("message_id", "state = 'WAITING'"));
    await leave(one);
    const other = await enter("en");
    await other.goto(`${bus.url}/warn/${id}`);
    await other.click("#do-approve");
    await other.click("#do-approve-now");
    const cancel = await until("the cancellation", () => state("alert_id", `message_id = '${id}' AND state = 'APPROVED'`));
    await leave(other);
    assert.equal(bus.psql("SELECT count(*) FROM eoc.alert_in_force"), "0");
    const atom = await until("the feed", async () => {
      const text = await (await feed("alerts.atom")).text();
      return text.includes(cancel) && text;
    });
    assert.ok(!atom.includes(alert));
    assert.equal((await feed(`${alert}.xml`)).status, 404);
    const xml = await (await feed(`${cancel}.xml`)).text();
    const [sender, sent] = ["sender", "sent"].map((name) => before.match(new RegExp(`<${name}>([^<]+)<`))[1]);
    assert.match(xml, /<msgType>Cancel</);
    assert.ok(xml.includes(`<references>${sender},${idOf(before)},${sent}</references>`), xml.slice(0, 900));
    run("xmlsec1", "--verify", "--trusted-pem", join(bus.night, "conf/cap.cert.pem"), saved(xml));
  });
}
