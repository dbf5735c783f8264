// paper - documents and files that leave the house: printed by Chromium, read back by poppler, held against the record.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import assert from "node:assert/strict";
import { alarm, choose, go, say, until, uuid7 } from "./bus.mjs";

const names = { event: `=SUM(A1), "Гусар"`, hostile: `+cmd|' /C calc'!A0` };

const said = (incident, kind, body, lane = "PRIORITY") => say({
  lane: `LANE_${lane}`, kind: `KIND_${kind}`, area: { pcodes: ["3505203"], place_name: "Gusar" }, lang: "LANG_TG", incident_ids: [incident], ...body,
});

// An incident with a first word, a report, a message and a request.
async function tellNight(bus) {
  const incident = uuid7(), us = (minutes) => new Date(Date.now() + minutes * 60000).toISOString();
  const flash = said(incident, "REPORT", { flash_report: { hazard: "HAZARD_MUDFLOW", village: "Gusar", injured: 2, missing: 1, houses: 14,
    confidence: "CONFIDENCE_SOME", reporter_role: "REPORTER_ROLE_DISTRICT_DUTY", text: "Сел аз Гусар-сой" } }, "FLASH");
  const message = said(incident, "REQUEST", { to: ["coes.ayni.office"],
    general_message: { subject: "Роҳ кушода аст?", text: "Хабар диҳед: роҳ аз Хуҷанд кушода аст?", from_role: "duty", to_role: "duty",
    reply_by_us: us(30) } });
  const request = said(incident, "REQUEST", { request_resource: { lines: [{ line_id: 1, resource: { kind: names.hostile, type: "family" },
    assignment: { quantity: { value: 12, unit: "H87" } },
    schedules: [{ type: "SCHEDULE_TYPE_REQUESTED_ARRIVAL", time_us: us(300), location: { place_name: "Gusar" } }] }],
      contacts: [{ name: "duty officer, Ayni", role: "Requester", agency: "CoES" }] } }, "IMMEDIATE");
  const report = said(incident, "REPORT", { situation_report: { report_no: 1, version: "REPORT_VERSION_INITIAL",
    period: { from_us: us(-360), to_us: us(0) }, prepared_by: { role: "Prepared by", name: "навбатдор", agency: "CoES" },
    severity: "SEVERITY_SEVERE", urgency: "URGENCY_EXPECTED", confidence: "CONFIDENCE_HIGH", next_contact_us: us(360),
      households_affected: 12, people_displaced: 67,
    situation: "Сел аз Гусар-сой омад. ".repeat(20), actions: "Мардум кӯчонида шуданд.", plan: "Роҳро кушоед.",
    casualties: { counts: [{ kind: "CASUALTY_KIND_INJURED", persons: 3 }, { kind: "CASUALTY_KIND_MISSING", persons: 0 }], confidence: "CONFIDENCE_HIGH" },
    needs: [{ category: "NEED_CATEGORY_SHELTER", item: "tent", quantity: { value: 12, unit: "H87" }, horizon: "HORIZON_12_H", people: 67 },
      { category: "NEED_CATEGORY_FOOD", item: "flour", quantity: { value: 300, unit: "KGM" }, horizon: "HORIZON_24_H" }] } });
  bus.tell("console", said(incident, "REPORT", { incident: { incident_id: incident, hazard: "HAZARD_MUDFLOW", name: names.event,
    severity: "SEVERITY_SEVERE", urgency: "URGENCY_IMMEDIATE", certainty: "CERTAINTY_POSSIBLE", cause_ids: [flash.message_id],
    command: "coes" } }));
  bus.tell("console", said(incident, "REPORT", { incident_transition: { incident_id: incident, event: "INCIDENT_EVENT_REPORTED",
    to_state: "INCIDENT_STATE_REPORTED", certainty: "CERTAINTY_POSSIBLE" } }));
  for (const one of [flash, report, request]) bus.tell("ayni", one);
  bus.tell("console", message);
  await until("the night is in the record", () => bus.psql(`SELECT count(*) FROM eoc.document WHERE incident_id = '${incident}'`) === "6");
  return { incident, message: message.message_id, thread: request.message_id };
}

// RFC 4180.
function cells(text) {
  return [...text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)].reduce((rows, [, quoted, plain, end]) => {
    rows.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end !== ",") rows.push([]);
    return rows;
  }, [[]]).slice(0, -1);
}

export async function paper({ test, enter, leave, bus, words, axe }) {
  const night = await tellNight(bus), dir = mkdtempSync("/tmp/eocbus-paper-");
  const papers = { sitrep: `incident=${night.incident}`, 201: `incident=${night.incident}`, 209: `incident=${night.incident}`,
    214: `incident=${night.incident}`, 213: `message=${night.message}`, "213rr": `thread=${night.thread}`, handover: "status=EXERCISE" };
  const harm = bus.psql(`SELECT string_agg(what || ' ' || figure || ' ' || sure, ',' ORDER BY what) FROM eoc.harm('${night.incident}')`);

  async function printed(page, kind) {
    await page.goto(`${bus.url}/paper/${kind}?${papers[kind]}`);
    await page.waitForSelector(".sheet");
    const file = join(dir, `${kind}.pdf`);
    await page.evaluate(async () => (await ours("./waiting.js")).again()); // the tab counts anew
    writeFileSync(file, await page.pdf({ preferCSSPageSize: true }));
    assert.match(execFileSync("pdfinfo", [file], { encoding: "utf8" }), new RegExp(`^Title: +${words("en")["paper.kind." + kind].replace(/[()]/g, "")}`, "m"));
    return execFileSync("pdftotext", ["-layout", file, "-"], { encoding: "utf8" }).split("\f").slice(0, -1);
  }

  await test("the record weighs who said what", async () => {
    assert.equal(harm, "HOUSEHOLDS_AFFECTED 12 REPORTED,HOUSES 14 REPORTED,INJURED 3 REPORTED,MISSING 0 REPORTED,PEOPLE_DISPLACED 67 REPORTED");
  });

  for (const [lang, kinds] of [["tg", ["sitrep", "209", "213"]], ["ru", ["201", "209", "213rr", "handover"]], ["en", ["209", "214", "handover"]]])
    await test(`papers print whole, in ${lang}: each page says that it is an exercise, and its number`, async () => {
      const page = await enter(lang);
      for (const kind of kinds) {
        const pages = await printed(page, kind);
        assert.ok(pages.length >= 1 && pages.length <= 12, `${kind} has ${pages.length} pages`);
        pages.forEach((text, i) => {
          for (const word of ["EXERCISE", "УЧЕНИЕ", "МАШҚ"]) assert.ok(text.includes(word), `${kind} page ${i + 1}: ${word}`);
          assert.match(text, new RegExp(`(^|\\s)${i + 1}\\s*/\\s*${pages.length}(\\s|$)`), `${kind} page ${i + 1} has its number`);
        });
        if (kind === "209") assert.match(pages.join(""), /300\s+(кг|kg)/);
        assert.ok(pages.join("").includes(words(lang)["paper.signature"]) || kind === "213rr", `${kind} is signed`);
        await page.emulateMedia({ media: "print" });
        await page.setViewportSize({ width: 676, height: 1000 }); // what A4 leaves between its margins
        assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll(".paper *")].filter((node) => !node.closest("svg")
          && node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).display !== "inline")
          .map((node) => node.outerHTML.slice(0, 120))), [], `${kind} cuts nothing`);
        await page.emulateMedia({ media: null });
        await page.setViewportSize({ width: 1280, height: 800 });
      }
      await leave(page);
    });

  await test("figures on paper and in files are the record's; files have HXL tags, rows of one width, no formula", async () => {
    const page = await enter("en");
    await printed(page, "sitrep");
    const rows = await page.locator(".grid >> nth=0").locator("tbody tr").evaluateAll((list) =>
      list.map((row) => [...row.cells].map((cell) => cell.textContent)));
    const shown = rows.map((row) => `${row[1]} ${row[2]} ${row[3].replace(/^\S /, "")}`);
    for (const one of ["injured 3", "missing 0", "households affected 12", "people displaced 67"]) assert.ok(shown.includes(`${one} reported`), one);
    assert.ok(rows.some((row) => row[1] === "killed" && row[2] === "" && row[3] === words("en")["paper.nobody"]), "nobody said how many died");

    // Files beside them.
    for (const name of ["incidents", "harm", "resources", "relocation", "sensors", "reports"]) {
      const answer = await page.evaluate(async (path) => {
        const got = await fetch(path), bytes = new Uint8Array(await got.arrayBuffer());
        return { status: got.status, type: got.headers.get("content-type"), disposition: got.headers.get("content-disposition"),
          mark: [...bytes.slice(0, 3)], text: new TextDecoder().decode(bytes) };
      }, `/api/csv/${name}?lang=ru`);
      assert.deepEqual([answer.status, answer.type, answer.disposition, answer.mark],
        [200, "text/csv; charset=utf-8", `attachment; filename="eocbus-${name}.csv"`, [0xef, 0xbb, 0xbf]], name);
      const [heads, tags, ...rows] = cells(answer.text);
      assert.ok(tags.every((tag) => /^#[a-z0-9]+(\+[a-z0-9_]+)*$/.test(tag)), `${name}: ${tags}`);
      assert.ok([tags, ...rows].every((row) => row.length === heads.length), name);
      assert.ok(rows.flat().every((cell) => !/^[=+@\t\r-]/.test(cell) || /^-?\d+(\.\d+)?$/.test(cell)), name);
      const of = (tag) => rows.map((row) => row[tags.indexOf(tag)]);
      if (name === "incidents") assert.ok(of("#event+name").includes("'" + names.event));
      if (name === "resources") assert.ok(of("#item+name").includes("'" + names.hostile));
      const cellsOf = (row) => ["#affected+type", "#affected+num", "#meta+certainty"].map((tag) => row[tags.indexOf(tag)]).join(" ");
      if (name === "harm") assert.equal(rows.filter((row) => row[0] === night.incident).map(cellsOf).sort().join(","), harm);
    }
    assert.equal(await page.evaluate(async () => (await fetch("/api/view/csv_harm?lang=ru")).status), 404);
    await leave(page);
  });

  await test("what one shift hands to the next is told in the reader's language, and what an exercise left days ago is counted apart", async () => {
    const page = await enter("ru"), taken = alarm("taken in this shift"), left = alarm("left by an exercise"), text = words("ru");
    const unknown = uuid7(), held = said(unknown, "UPDATE", { incident_transition: { incident_id: unknown, event: "INCIDENT_EVENT_REPORTED", to_state: "INCIDENT_STATE_REPORTED" } });
    bus.tell("gw07", taken, left);
    bus.tell("ayni", held);
    await choose(page, taken.message_id);
    await page.keyboard.press("a");
    await until("it is taken", () => bus.psql(`SELECT state FROM bus.alert WHERE alert_id = '${taken.message_id}'`) === "ACKNOWLEDGED");
    await until("the others wait", () => bus.psql(`SELECT count(*) FROM eoc.queue WHERE id IN ('${left.message_id}', '${held.message_id}')`) === "2");
    bus.psql(`UPDATE bus.alert SET began_at = began_at - interval '2 days' WHERE alert_id = '${left.message_id}'`);
    await go(page, "/paper/handover?status=EXERCISE");
    const paper = await page.locator(".sheet").innerText(), waits = bus.psql("SELECT count(*) FROM eoc.queue WHERE status = 'EXERCISE' AND what <> 'silence' AND since > now() - interval '1 day'");
    assert.doesNotMatch(paper, /\b(ALARM|detection level)\b/i);
    assert.ok(paper.includes(`${text["type.sensor_detection"]} · ${text["level.alarm"]}`), paper);
    assert.ok(paper.includes(text["refused." + bus.psql(`SELECT code FROM eoc.undecided WHERE message_id = '${held.message_id}'`)]), paper);
    assert.match(paper, new RegExp(`^${waits} \\S+ .* · 1 дело осталось`, "m"));
    await leave(page);
  });

  await test("a paper and its numbers are readable by everybody", async () => {
    const page = await enter("tg", "dark", { width: 390, height: 844 });
    for (const [path, theme] of [[`/paper/sitrep?${papers.sitrep}`, "dark"], [`/numbers?incident=${night.incident}`, "day"]]) {
      await page.goto(bus.url + path);
      await page.waitForSelector(".sheet, .numbers");
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, path);
      await page.evaluate(axe);
      const found = await page.evaluate((name) => {
        document.documentElement.dataset.theme = name;
        return axe.run(document.getElementById("main"), { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
      }, theme);
      assert.deepEqual(found.violations.map((one) => `${one.id}: ${one.nodes[0].html}`), [], path);
    }
    await leave(page);
  });
  rmSync(dir, { recursive: true });
}
