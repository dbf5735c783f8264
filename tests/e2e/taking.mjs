// taking - an alarm is seen and taken, by one person, by two, and by nobody who may not; what happens when the console dies.
import { connect } from "node:net";
import assert from "node:assert/strict";
import { alarm, until } from "./bus.mjs";

export async function taking({ test, open, enter, leave, bus, words }) {
  const taken = (id) => until(`${id} is taken`, () => bus.psql(`SELECT state FROM bus.alert WHERE alert_id = '${id}'`) === "ACKNOWLEDGED");
  // As no browser would send it.
  const raw = (text) => new Promise((done, fail) => {
    const socket = connect(Number(new URL(bus.url).port), "127.0.0.1", () => socket.write(text));
    let said = "";
    socket.on("data", (bytes) => (said += bytes)).on("end", () => done(said)).on("error", fail);
  });

  for (const lang of ["tg", "ru", "en"])
    await test(`an alarm is taken by keyboard alone, in ${lang}`, async () => {
      const page = await enter(lang), message = alarm("two flow sensors"), text = words(lang);
      bus.tell("gw07", message);
      await page.waitForSelector(`.item.p1:has-text("${text["hazard.mudflow"]}")`);
      await page.waitForFunction(() => document.getElementById("alarm").textContent !== "");
      await page.waitForSelector(".item.chosen .take");
      await page.keyboard.press("a");
      await taken(message.message_id);
      await page.waitForSelector(".item.p1", { state: "detached" });
      await leave(page);
    });

  await test("who took it is in the record", async () => {
    assert.equal(bus.psql("SELECT count(*) FROM bus.document WHERE type = 181 AND doc->>'author' = 'coes.dushanbe.console'"), "3");
  });

  await test("two who take the same alarm take it once each, and neither is told anything wrong", async () => {
    const one = await enter(), two = await enter("ru"), message = alarm("both see it");
    bus.tell("gw07", message);
    await Promise.all([one, two].map((page) => page.waitForSelector(".item.chosen .take")));
    await Promise.all([one.keyboard.press("a"), two.keyboard.press("a")]);
    await taken(message.message_id);
    await Promise.all([one, two].map((page) => page.waitForSelector(".item.p1", { state: "detached" })));
    assert.equal(await one.locator(".toast.bad").count(), 0);
    await leave(one);
    await leave(two);
  });

  await test("a wrong password is said in the person's language", async () => {
    const page = await open("tg");
    await page.fill("#name", bus.name);
    await page.fill("#password", "nonsense-nonsense");
    await page.keyboard.press("Enter");
    await page.waitForSelector(`.trouble:has-text("${words("tg")["trouble.password"]}")`);
    await leave(page);
  });

  await test("what people write is shown as they wrote it", async () => {
    const hostile = `<img src=x onerror="alert(1)"><script>alert(2)</script>`, page = await enter();
    bus.tell("gw07", alarm(hostile));
    await page.waitForSelector(".item.p1");
    await page.keyboard.press("6");
    await page.waitForSelector("td:has-text('onerror')");
    assert.equal(await page.locator("main img, main script").count(), 0);
    await leave(page);
  });

  await test("a page whose server was killed says so, comes back, and its person is still signed in", async () => {
    const page = await enter();
    bus.pausePage();
    await page.waitForSelector(`#banner.bad:has-text("${words("en")["banner.blind"]}")`);
    bus.killPage();
    await page.waitForSelector("#banner.exercise");
    const message = alarm("after the night"), before = await page.locator(".item.p1").count();
    bus.tell("gw07", message);
    await page.waitForFunction((n) => document.querySelectorAll(".item.p1 .take").length === n + 1, before);
    await page.context().close();
  });

  await test("nothing is told or taken without the session, its token and the page's own origin", async () => {
    const ask = (path, options) => fetch(bus.url + path, options).then((answer) => answer.status);
    for (const path of ["news", "view/queue", "say"]) assert.equal(await ask("/api/" + path), 401, path);
    const signin = await fetch(bus.url + "/api/login", { method: "POST", body: new URLSearchParams({ name: bus.name, password: bus.password }) });
    const cookie = signin.headers.get("set-cookie"), { token } = await signin.json();
    assert.match(cookie, /HttpOnly; SameSite=Strict/);
    const Cookie = cookie.split(";")[0], body = JSON.stringify({ general_message: { text: "x" } });
    assert.equal(await ask("/api/say", { method: "POST", headers: { Cookie }, body }), 403);
    assert.equal(await ask("/api/say", { method: "POST", headers: { Cookie, "X-Eocbus-Token": token, Origin: "http://evil.example" }, body }), 403);
    assert.equal(await ask("/api/say", { method: "POST", headers: { Cookie, "X-Eocbus-Token": token }, body }), 422);
    assert.equal(await ask("/api/say", { method: "POST", headers: { Cookie, "X-Eocbus-Token": token }, body: "x".repeat(300000) }), 413);
    assert.equal(await ask("/api/say", { method: "POST", body }), 401);
    assert.equal(await ask("/api/view/may?person=x&type=receipt", { headers: { Cookie } }), 404);
    assert.match(await raw("GET /../../etc/passwd.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), /^HTTP\/1.1 404/);
    assert.match(await raw("GET /%2e%2e/%2e%2e/etc/passwd.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), /^HTTP\/1.1 404/);
  });
}
