// night - the night of Ayni, from the alarm to a family that declines the land it is offered: worked by keyboard
// alone, in each language. What gateways, offices and registries say they say by the bus.
import { randomUUID } from "node:crypto";
import assert from "node:assert/strict";
import { act, alarm, choose, say, until } from "./bus.mjs";

const inTajik = (rest) => say({ lang: "LANG_TG", ...rest });
const inDays = (days) => new Date(Date.now() + days * 86400e3).toISOString();

// A family's way with the registry of Ayni; its plot lies in Zafarobod.
function family(incident, site) {
  const household_id = randomUUID(), offer_id = randomUUID(), actor = "coes.ayni.registry";
  const own = (rest) => inTajik({ label: "LABEL_HOUSEHOLD_PERSONAL", incident_ids: [incident], ...rest }), far = { area: { pcodes: ["3505217"] } };
  const event = (rest) => own({ household_event: { household_id, actor, ...rest } });
  return { household_id, offer_id, messages: [
    event({ to_state: "HOUSEHOLD_STATE_AFFECTED", affected: { members: 6, children: 3, displaced: "ANSWER_NO", lodging: "LODGING_OWN_HOUSE",
      losses: [{ asset: "ASSET_CLASS_OUTBUILDING", damage: "DAMAGE_CLASS_DESTROYED", quantity: { value: "1" } }] } }),
    event({ from_state: "HOUSEHOLD_STATE_AFFECTED", to_state: "HOUSEHOLD_STATE_ASSESSED", authority: "act 7",
      assessed: { house: "DAMAGE_CLASS_SILTED", plot_lost_pct: 50, verdict: "ZONE_VERDICT_RELOCATE", eligible: "ANSWER_YES", act_no: "7-1",
      signatories: ["head of jamoat", "engineer"] } }),
    own({ kind: "KIND_DISPATCH", assistance_entitlement: { entitlement_id: randomUUID(), household_id, item: "ASSISTANCE_ITEM_RATION",
      ration_days: 14, quantity: { value: "6", unit: "person" }, from_us: inDays(0), to_us: inDays(30), provider: "rcst",
      authority: "order 14" } }),
    event({ from_state: "HOUSEHOLD_STATE_ASSISTED", to_state: "HOUSEHOLD_STATE_ELIGIBLE",
      preferences: { movers: 6, livelihood: "LIVELIHOOD_FARMING", preferred_districts: ["3505217"] } }),
    own({ ...far, kind: "KIND_DISPATCH", plot_offer: { offer_id, household_id, actor, action: "OFFER_ACTION_MAKE", site_id: site,
      plot_id: "1-07", area_m2: 800, authority: "order 21", valid_until_us: inDays(20) } }),
    own({ ...far, kind: "KIND_RESPONSE", offer_response: { offer_id, household_id, answer: "OFFER_ANSWER_DECLINE",
      reasons: ["OFFER_DECLINE_REASON_NO_MEANS_TO_MOVE"], taken_by: actor, text: "No lorry and nobody to help" } }),
  ] };
}

export async function night({ test, enter, leave, bus, words }) {
  const answered = (page) => page.waitForSelector("dialog", { state: "detached" });

  for (const lang of ["tg", "ru", "en"])
    await test(`the night of Ayni is worked by keyboard alone, in ${lang}`, async () => {
      const page = await enter(lang), text = words(lang), heard = alarm("stage 4.56 m at the bridge");
      bus.tell("gw07", heard);
      await choose(page, heard.message_id);
      await page.keyboard.press("a");
      await page.waitForSelector(`.hand li:has-text("${bus.called(bus.name, lang)}")`);

      const report = inTajik({ lane: "LANE_FLASH", flash_report: { hazard: "HAZARD_MUDFLOW", village: "Gusar", injured: 2, houses: 14,
        confidence: "CONFIDENCE_HIGH", reporter_role: "REPORTER_ROLE_DISTRICT_DUTY", text: "Сел аз Гусар-сой" } });
      bus.tell("ayni", report);
      await choose(page, report.message_id);
      await act(page, "i");
      const name = `Гусар, ${lang}`;
      await page.keyboard.press("Control+A");
      await page.keyboard.type(name);
      await page.keyboard.press("Control+Enter");
      await answered(page);
      const incident = await until("the incident", () => bus.psql(`SELECT incident_id FROM eoc.incident_now WHERE name = '${name}'`));

      await choose(page, incident);
      await page.keyboard.press("Enter");
      await page.waitForSelector(`h2:has-text("${name}")`);
      await act(page, "c");
      await page.keyboard.press("Control+Enter");
      await answered(page);
      await until("it is confirmed", () => bus.psql(`SELECT state FROM eoc.incident_now WHERE incident_id = '${incident}'`) === "CONFIRMED");
      await page.waitForSelector(`.facts:has-text("${text["state.confirmed"]}")`);
      await act(page, "r");
      await page.keyboard.type("excavato");
      await page.keyboard.press("Enter"); // takes the list's first, and goes on
      await until("the amount is asked", () => page.evaluate(() => document.activeElement.name === "amount"));
      await page.keyboard.type("2");
      await page.keyboard.press("Control+Enter");
      await answered(page);
      await until("excavators are wanted", () => bus.psql(`SELECT wanted FROM eoc.board WHERE incident_id = '${incident}'`) === "2");

      const site = `zafarobod.${lang}`, one = family(incident, site);
      bus.tell("zafarobod", inTajik({ area: { pcodes: ["3505217"] }, kind: "KIND_UPDATE",
        plot_site: { site_id: site, name: "Zafarobod, canal 1", pcode: "3505217", capacity_total: 20, hazard_checked: "ANSWER_YES",
        hazard_checked_us: inDays(-1) } }));
      for (const message of one.messages) bus.tell("registry", message);
      assert.equal(await until("the family has declined", () => bus.psql(`SELECT state FROM eoc.offer WHERE offer_id = '${one.offer_id}'`)), "DECLINED");
      await page.keyboard.press("4");
      await page.waitForSelector(`main:has-text("${text["reason.no_means_to_move"]}")`);
      assert.equal((await page.content()).includes(one.household_id), false, "who needs counts sees no family");
      await leave(page);
    });
}
