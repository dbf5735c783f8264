// line - a line that carries one thing and not another: what can be shown is shown, who wants something that does not come is
// told so in words, and when the line is back nothing has to be loaded by hand.
import assert from "node:assert/strict";

const machine = "coes.tj3505203.gw12";

export async function line({ test, enter, leave, bus, words }) {
  const text = words("en"), unreachable = `:has-text("${text["trouble.unreachable"]}")`;
  const abort = (route) => route.abort();
  async function openForm(page) {
    await page.click("#order-write");
    await page.waitForSelector("dialog #f-machine");
  }

  await test("a part that a browser asks for no second time comes when the page begins anew, by itself", async () => {
    const page = await enter("en");
    let begun = 0;
    await page.route("**/*", (route) => {
      if (route.request().isNavigationRequest()) begun++;
      return begun < 2 && route.request().url().endsWith("/map.js") ? route.abort() : route.continue();
    });
    await page.reload();
    await page.waitForSelector(".summary:not(:empty)");
    await page.keyboard.press("8");
    await page.waitForSelector("main .map");
    assert.equal(begun, 2);
    assert.equal(new URL(page.url()).pathname, "/map");
    await leave(page);
  });

  await test("the board of sensors stands though the orders' part does not come, and that comes when it can", async () => {
    const page = await enter("en");
    await page.route("**/orders.js", abort);
    await page.reload();
    await page.waitForSelector(".summary:not(:empty)");
    await page.keyboard.press("6");
    await page.waitForSelector(`main .trouble:has-text("${text["trouble.again"]}")`);
    await page.waitForSelector("main .board table");
    await page.unroute("**/orders.js");
    await page.waitForSelector("#order-write");
    await leave(page);
  });

  await test("an order is told as given when it is, and changed after a refusal it is another message", async () => {
    const page = await enter("en"), sent = [];
    await page.keyboard.press("6");
    await page.waitForSelector("#order-write");
    await page.route("**/api/view/orders?*", abort);
    await page.click("#order-write");
    await page.waitForSelector(`.toast.bad${unreachable}`);
    await page.unroute("**/api/view/orders?*");
    await openForm(page);
    await page.selectOption("#f-what", "SET_MODE EVENT");
    await page.fill("#f-minutes", "0");
    await page.fill("#f-reason", "given when it is");
    await page.keyboard.press("Enter");
    await page.waitForSelector(`#f-machine-why:has-text("${text["form.needed"]}")`);
    await page.waitForSelector(`#f-minutes-why:has-text("${text["order.minutes_least"]}")`);
    await page.selectOption("#f-machine", machine);
    await page.fill("#f-minutes", "0.5");
    // Refused at first, as the record might.
    await page.route("**/api/say", (route) => {
      sent.push(route.request().postDataJSON().message_id);
      return sent.length > 1 ? route.continue() : route.fulfill({ status: 403, contentType: "application/json", body: '{"error":"rights","text":"You may not order this there."}' });
    });
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector(`dialog .trouble:has-text("${text["refused.rights"]}")`);
    assert.equal(sent.length, 1);
    assert.equal(await page.locator(`.toast:has-text("${text["order.given"]}")`).count(), 0);
    await page.press("#f-reason", "Enter");
    await page.waitForSelector(`.toast.good:has-text("${text["order.given"]}")`);
    assert.equal(new Set(sent).size, 2);
    assert.equal(bus.psql("SELECT message_id FROM eoc.order_draft WHERE reason = 'given when it is' AND duration_s = 30"), sent[1]);
    await openForm(page);
    await page.selectOption("#f-machine", machine);
    await page.selectOption("#f-what", "RESTART");
    await page.fill("#f-reason", "gone at once");
    await page.press("#f-reason", "Enter");
    await page.waitForSelector(`.toast.good:has-text("${text["order.gone"]}")`);
    await leave(page);
    const second = await enter("en", undefined, undefined, bus.second);
    await second.goto(`${bus.url}/order/${sent[1]}`);
    await second.waitForSelector("#own-password");
    await second.route("**/api/approve-order?*", abort);
    await second.fill("#own-password", bus.second.password);
    await second.press("#own-password", "Enter");
    await second.waitForSelector(`.approval .trouble${unreachable}`);
    await leave(second);
  });
}
