// readable - every page in every language and both themes: nothing is cut, at the size of an old screen and of a telephone, and
// axe finds nothing against WCAG 2.2 AA.
import assert from "node:assert/strict";

export async function readable({ test, enter, leave, axe }) {
  for (const theme of ["dark", "day"])
    await test(`every page is readable by everybody, ${theme}`, async () => {
      for (const lang of ["tg", "ru", "en"]) {
        const page = await enter(lang, theme, { width: 1024, height: 768 });
        for (const key of [...await page.locator("#nav kbd").allTextContents(), "s"]) {
          await page.keyboard.press(key);
          await page.waitForSelector("main section, main .summary, main .none, main .things");
          for (const viewport of [{ width: 1024, height: 768 }, { width: 390, height: 844 }]) {
            await page.setViewportSize(viewport);
            // Scrolled aside are reports side by side, as many as there are offices, and on a telephone the numbers of a plot.
            const cut = await page.evaluate(() => [...document.querySelectorAll("body *")].filter((node) =>
              (node.matches(".scroll") ? innerWidth > 700 && !node.querySelector(".beside") : !node.closest(".scroll, .map, .unseen, .skip, svg")) && node.scrollWidth > node.clientWidth + 1
                && getComputedStyle(node).display !== "inline").map((node) => node.outerHTML.slice(0, 120)));
            assert.deepEqual(cut, [], `${lang} page ${key} at ${viewport.width}`);
            assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
          }
          await page.setViewportSize({ width: 1024, height: 768 });
          await page.evaluate(axe);
          const found = await page.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }));
          assert.deepEqual(found.violations.map((one) => `${one.id}: ${one.nodes[0].html}`), [], `${lang} page ${key}`);
        }
        await leave(page);
      }
    });
}
