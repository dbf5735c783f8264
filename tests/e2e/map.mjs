// map - where it happens, and what is found: the map and the list beside it, by keyboard alone, and four spellings of one name.
import assert from "node:assert/strict";
import { alarm, until } from "./bus.mjs";

const incident = "0190dddd-0000-7000-8000-000000000001", yovon = "3507250";

export async function map({ test, enter, leave, bus, words }) {
  // An incident in Yovon, where nobody has said a word since: a district that is silent.
  bus.psql(`INSERT INTO bus.incident (incident_id, seq, first_seq, since, began_at, last_at, sender_id, status, label, state, hazard, name, places)
    SELECT '${incident}', 1, 1, now(), now() - interval '3 days', now(), 0, 1, 1, 'RESPONDING', 'MUDFLOW', 'Yovon, a mudflow', '${yovon}'`);

  await test("the list and the map show the same, and a silent district is hatched and said in words", async () => {
    const page = await enter("tg");
    await page.keyboard.press("8");
    await page.waitForSelector(`.map path.silent[data-pcode="${yovon}"]`);
    await page.waitForSelector(`.map-side a[data-key="incidents${incident}"]`);
    const [onMap, inList] = await page.evaluate(() => [".map", ".map-side"].map((where) =>
      [...document.querySelectorAll(`${where} :is(a, button)[data-key]`)].flatMap((one) => one.dataset.key.split(" ")).sort()));
    assert.deepEqual(onMap, inList);
    assert.match(await page.$eval(`path.silent[data-pcode="${yovon}"]`, (path) => getComputedStyle(path).fill), /^url\("#hatch/);
    const said = await page.textContent(`.map-side a[data-key="silence${yovon}"]`);
    assert.ok(said.includes(words("tg")["map.one.silence"]) && said.includes("Ёвон"), said);
    await page.uncheck(`.map-tools label:has-text("${words("tg")["map.silence"]}") input`);
    await page.waitForSelector("path.silent", { state: "detached" });
    await page.waitForSelector(`.map-side a[data-key="silence${yovon}"]`, { state: "detached" });
    await page.check(`.map-tools label:has-text("${words("tg")["map.silence"]}") input`);
    await page.waitForSelector("path.silent");
    await leave(page);
  });

  await test("from the map to an incident by keyboard alone", async () => {
    const page = await enter("en");
    await page.keyboard.press("8");
    await page.waitForSelector(`.map [data-key~="incidents${incident}"]`);
    const focused = () => page.evaluate(() => document.activeElement.dataset?.key ?? document.activeElement.className);
    for (let i = 0; i < 60 && !(await focused()).includes("leaflet-container"); i++) await page.keyboard.press("Tab");
    const at = () => page.$eval(".map .leaflet-map-pane", (pane) => pane.style.transform), before = await at();
    await page.keyboard.press("+");
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((was) => document.querySelector(".map .leaflet-map-pane").style.transform !== was, before);
    await page.keyboard.press("0");
    for (let i = 0; i < 60 && !(await focused()).includes("incidents" + incident); i++) await page.keyboard.press("Tab");
    // It lies on the silence of its district: one mark for both, which says how many, and a menu.
    assert.match(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), /^2 things here: /);
    await page.keyboard.press("Enter");
    const row = page.locator('dialog button:has-text("Yovon, a mudflow"):has-text("Incident")');
    await page.keyboard.press(await row.getAttribute("data-key"));
    await page.waitForURL(`**/incident/${incident}`);
    await page.waitForSelector('h2:has-text("Yovon, a mudflow")');
    await leave(page);
  });

  await test("Ayni is found in four spellings, and what was said there in any letters", async () => {
    const page = await enter("en"), message = alarm("Гусар-сой: садои баланд");
    bus.tell("gw07", message);
    await until("its words are taken in", () =>
      bus.psql(`SELECT count(*) FROM bus.search_text s JOIN bus.document d USING (type, seq) WHERE d.message_id = '${message.message_id}'`) === "1");
    await page.keyboard.press("/");
    await page.waitForSelector("#q:focus");
    assert.equal(await page.inputValue("#q"), "");
    for (const spelling of ["Ayni", "Айнӣ", "Aini", "Айни"]) {
      await page.fill("#q", spelling);
      await page.keyboard.press("Enter");
      await page.waitForURL("**/search?q=" + encodeURIComponent(spelling));
      await page.waitForSelector('.found a[href="/map?at=3505203"]');
    }
    await page.fill("#q", "gusar sadoi");
    await page.keyboard.press("Enter");
    await page.waitForSelector('.found li:has-text("садои баланд")');
    await page.fill("#q", "<img src=x onerror=alert(1)> nowhere & | ! ' ( :*");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => !document.querySelector(".found"));
    assert.equal(await page.locator("main img").count(), 0);
    assert.deepEqual(await page.evaluate(async () => ["Ҷирғатол", "Чӯбек", "Ғафуров", "Қубодиён", "Кӯлоб", "Ҳисор", "Хуҷанд", "Гиссар",
      "Ёвон", "Еван", "Ӯзбек", "Уз", "Ишкошим", "Iskra"].sort((await ours("./words.js")).compare)),
      ["Iskra", "Гиссар", "Ғафуров", "Еван", "Ёвон", "Ишкошим", "Кӯлоб", "Қубодиён", "Уз", "Ӯзбек", "Хуҷанд", "Ҳисор", "Чӯбек", "Ҷирғатол"]);
    await leave(page);
  });
  bus.psql(`DELETE FROM bus.incident WHERE incident_id = '${incident}'`);
}
