// hostile - the night of Ayni said again with harm in every field that people write, and once more with the corpus; then every
// page, paper, file and feed of it in a real browser: nothing runs, nothing is fetched, no element or attribute of a text comes
// to life, and no text reaches over its own line.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { startBus, alarm, say, showModules, until, uuid7 } from "./bus.mjs";
import { corpus, live, sayAgain } from "./harm.mjs";

const build = process.argv[2];
const { chromium } = createRequire(build + "/e2e/")("playwright-core");
const bus = await startBus(build, new URL("../../deploy/demo", import.meta.url));
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage"] });
let passed = 0, failed = 0;
async function test(name, body) {
  if (process.env.E2E_ONLY && !new RegExp(process.env.E2E_ONLY).test(name)) return;
  try {
    await body();
    passed++;
    console.log(`[       OK ] ${name}`);
  } catch (trouble) {
    failed++;
    console.log(`[  FAILED  ] ${name}\n${String(trouble.stack).slice(0, 3000)}`);
  }
}

// --- what is said ---------------------------------------------------------------------------------

// What the night has of others than the bus itself; of places the one where it happens.
const night = () => JSON.parse(bus.psql(`SELECT json_agg(json_build_object('sender', p.name, 'doc', d.doc) ORDER BY d.seq)
  FROM bus.document d JOIN bus.principal p ON p.principal_id = d.sender_id
 WHERE p.name <> 'bus' AND d.type NOT IN (182, 243, 244) AND (d.type <> 260 OR d.doc->'gazetteer_update'->'places' @> '[{"pcode": "3505203"}]')`));

async function enter(person = bus, viewport = { width: 1280, height: 800 }) {
  const context = await browser.newContext({ viewport }), page = await context.newPage();
  page.setDefaultTimeout(Number(process.env.E2E_MS ?? 60000));
  page.strange = [];
  page.on("pageerror", (error) => page.strange.push(error.message));
  page.on("dialog", (dialog) => page.strange.push("dialog " + dialog.message()));
  page.on("request", (request) => request.url().startsWith(bus.url + "/") || page.strange.push("outside: " + request.url()));
  await page.addInitScript(showModules);
  await page.addInitScript(() => {
    window.broken = [];
    addEventListener("securitypolicyviolation", (event) => broken.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
  });
  await page.goto(bus.url);
  await page.fill("#name", person.name);
  await page.fill("#password", person.password);
  await page.keyboard.press("Enter");
  await page.waitForSelector("#nav a", { state: "attached" });
  return page;
}
async function leave(page) {
  assert.deepEqual(page.strange, []);
  await page.context().close();
}

// --- what is looked at ----------------------------------------------------------------------------

// In the page. What of a text came to life; which text turns the writing of others around; what is wider than its place.
function findHarm() {
  const isText = /^(title|alt|value|placeholder|aria-.*|data-.*)$/; // read, and followed nowhere
  const all = [...document.querySelectorAll("body *")], short = (node) => node.outerHTML.slice(0, 160);
  const alive = all.filter((node) => node.matches("body script, iframe, object, embed, base, style, link, meta, form[action], main img:not(.leaflet-container *)")
    || [...node.attributes].some((one) => one.name.startsWith("on") || one.name === "srcdoc" || (!isText.test(one.name) && /^\s*(javascript|data|vbscript):/i.test(one.value)))
    || (node.localName === "a" && node.href && !node.href.startsWith(location.origin + "/"))).map(short);
  const turned = [];
  for (const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walk.nextNode();) {
    const { data } = walk.currentNode;
    if (/[\u202a-\u202e\u2066-\u2069]/.test(data)) turned.push(`${data.slice(0, 40)} in ${short(walk.currentNode.parentElement)}`);
  }
  const wide = all.filter((node) => !node.closest(".scroll, .map, .unseen, .skip, svg") && node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).display !== "inline").map(short);
  return { text: document.querySelector("main").textContent, ran: typeof harm === "undefined" ? [] : "it ran", broken, alive, turned, wide: document.documentElement.scrollWidth > innerWidth ? wide : [] };
}
// Where it must stand, since everybody's words do.
const shows = ["/", "/incidents", "/resources", "/relocation", "/districts", "/sensors", "/warn", "/map", "/paper"];
async function look(page, path) {
  if (path) await page.goto(bus.url + path);
  await page.waitForSelector("main > div > *", { state: "attached" }).catch(() => page.strange.push(`${path}: nothing came`));
  if (shows.includes(path)) await page.waitForFunction(() => document.querySelector("main").textContent.includes("harm=1")).catch(() => page.strange.push(`${path}: shows none of it`));
  const { text, ...found } = await page.evaluate(findHarm);
  for (const [what, all] of Object.entries(found)) if (all?.length) page.strange.push(`${path} ${what}: ${[all].flat().slice(0, 3).join(" | ")}`);
  return text;
}

const ids = (sql) => bus.psql(sql).split("\n").filter(Boolean);
const script = readFileSync(new URL("../../agents/console/page/app.js", import.meta.url), "utf8");
const named = [...script.matchAll(/^ {2}page\("[^"]+", "(\w+)"/gm)].map(([, name]) => name);
const single = [...script.matchAll(/^ {2}\[\/\^\\\/(\w+)\\\//gm)].map(([, name]) => name);

await test("what is said with harm in it is taken as it is", async () => {
  await until("the night is over", () => bus.psql("SELECT count(*) FROM eoc.alert_open WHERE type = 'sensor_detection' AND state <> 'ACKNOWLEDGED' AND began_at > now() - interval '10 minutes'") !== "0", 240000);
  const docs = night();
  for (const texts of [live, corpus()]) {
    const { taken, refused } = sayAgain(bus, docs, texts);
    console.log(`${taken} of ${docs.length} messages are taken`);
    assert.ok(taken > 0.95 * docs.length, refused.join(""));
  }
});

// A public alert of two people and an order that waits, written at the page.
const harmful = live.slice(0, 4).join(" ");
const alertOf = (expires_us) => ({ kind: "KIND_DISPATCH", area: { pcodes: ["3505203"], place_name: live[0] }, public_alert: {
  status: "CAP_STATUS_DRAFT", msg_type: "CAP_MSG_TYPE_ALERT", scope: "CAP_SCOPE_PUBLIC", source: harmful, note: harmful,
  infos: ["tg", "ru", "en"].map((language) => ({ language, categories: ["CAP_CATEGORY_GEO"], event: live[0], hazard: "HAZARD_MUDFLOW", urgency: "URGENCY_IMMEDIATE",
    severity: "SEVERITY_SEVERE", certainty: "CERTAINTY_OBSERVED", response_types: ["CAP_RESPONSE_TYPE_EVACUATE"], expires_us, sender_name: live[0],
    headline: `${{ tg: "МАШҚ", ru: "УЧЕНИЕ", en: "EXERCISE" }[language]} ${live[0]}`, description: `${harmful} \u001b[31m \u202e \u0000`.replace("\u0000", ""), instruction: harmful, web: "https://example.tj/\"><script>harm=1</script>",
    contact: harmful, areas: [{ description: live[0], geocodes: [{ name: "PCODE", value: "3505203" }] }] })) } });
const orderOf = (until_us) => ({ kind: "KIND_REQUEST", area: { pcodes: ["3505203"] }, not_after_us: until_us,
  siren_command: { site: "coes.tj3505203.gw12", action: "SIREN_ACTION_SELF_TEST", reason: harmful } });
const tell = (page, message) => page.evaluate(async (one) => {
  const { tell, newId } = await ours("./api.js"), message_id = newId();
  await tell({ message_id, status: "STATUS_EXERCISE", event_time_us: new Date().toISOString(), ...one });
  return message_id;
}, message);

let alert;
await test("an alert with harm in it reaches the feed as text", async () => {
  const soon = new Date(Date.now() + 3600e3).toISOString(), page = await enter(), second = await enter(bus.second);
  const draft = await tell(page, alertOf(soon));
  await tell(page, orderOf(new Date(Date.now() + 600e3).toISOString()));
  await until("the draft", () => bus.psql(`SELECT state FROM eoc.alert_draft WHERE message_id = '${draft}'`) === "WAITING");
  alert = await second.evaluate(async (id) => {
    const { approve, newId } = await ours("./api.js"), own = newId();
    await approve(id, own);
    return own;
  }, draft);
  const read = (path) => page.evaluate(async (where) => {
    const answer = await fetch(where), text = await answer.text(), xml = new DOMParser().parseFromString(text, "text/xml");
    return { status: answer.status, type: answer.headers.get("content-type"), text, wrong: xml.querySelector("parsererror")?.textContent ?? null,
      names: [...new Set([...xml.querySelectorAll("*")].map((one) => one.localName))], headline: [...xml.querySelectorAll("headline, title")].map((one) => one.textContent) };
  }, path);
  const atom = await until("the alert in the feed", async () => {
    const one = await read("/feed/alerts.atom");
    return one.text.includes(alert) && one;
  });
  for (const one of [atom, await read(`/feed/${alert}.xml`)]) {
    assert.equal(one.wrong, null);
    assert.match(one.type, /^application\/(atom|cap)\+xml/);
    assert.deepEqual(one.names.filter((name) => ["img", "script", "svg", "b", "iframe", "style", "base"].includes(name)), []);
    assert.ok(one.headline.includes(`EXERCISE ${live[0]}`) || one.headline.includes(`МАШҚ ${live[0]}`), one.headline.join());
  }
  await leave(page);
  await leave(second);
});

// What stands open while harm is said: the page hears it by news.
await test("harm that is heard is text in the queue, aloud and in the title", async () => {
  const page = await enter();
  await page.waitForSelector(".summary:not(:empty)");
  for (const text of [harmful, ...corpus().filter((one) => /[\u202a-\u202e\u2066-\u2069\u0300-\u036f]/.test(one)).map((one) => one.slice(0, 90))]) bus.tell("gw07", alarm(text));
  bus.tell("ayni", say({ lane: "LANE_ROUTINE", to: ["coes.dushanbe.console"], general_message: { from_role: live[0], to_role: live[1], subject: harmful, text: live.join(" ") } }));
  bus.tell("ayni", say({ kind: "KIND_REQUEST", request_resource: { lines: [{ line_id: 1, resource: { kind: live[0], type: live[1] }, assignment: { quantity: { value: 12, unit: "H87" } },
    schedules: [{ type: "SCHEDULE_TYPE_REQUESTED_ARRIVAL", time_us: new Date(Date.now() + 3600e3).toISOString(), location: { place_name: live[0] } }] }],
    contacts: [{ name: live[0], role: "Requester", agency: live[0] }] } }));
  await page.waitForFunction((wanted) => document.querySelector("main").textContent.includes(wanted), live[0]);
  await page.waitForFunction(() => document.getElementById("alarm").textContent !== "");
  await look(page);
  await leave(page);
});

const of = {
  incident: () => ids("SELECT incident_id FROM eoc.incident"),
  warn: () => ids("SELECT message_id FROM eoc.alert_draft UNION SELECT message_id FROM eoc.public_alert"),
  order: () => ids("SELECT message_id FROM eoc.order_draft"),
  paper: () => [...of.incident().flatMap((id) => ["sitrep", "201", "209", "214"].map((kind) => `${kind}?incident=${id}`)),
    ...ids("SELECT DISTINCT thread FROM eoc.request_open").map((id) => `213rr?thread=${id}`),
    ...ids("SELECT message_id FROM eoc.document WHERE type = 'general_message'").map((id) => `213?message=${id}`), "handover?since=2010-08-01T00:00Z"],
};
const paths = () => ["/", ...named.map((name) => "/" + name), `/search?q=harm`, ...single.flatMap((name) => of[name]().map((id) => `/${name}/${id}`)),
  ...of.incident().map((id) => `/numbers?incident=${id}`), ...of.incident().map((id) => `/warn?incident=${id}`), `/warn?update=${alert}`, `/warn?cancel=${alert}`];

for (const viewport of [{ width: 1024, height: 768 }, { width: 390, height: 844 }])
  await test(`on every page texts that mean harm are texts, ${viewport.width} wide`, async () => {
    assert.deepEqual(single.sort(), Object.keys(of).sort()); // who adds a page adds it here
    const page = await enter(bus, viewport), shown = new Set();
    for (const path of paths()) if ((await look(page, path)).includes("harm=1")) shown.add(path.split(/[/?]/)[1] || "queue");
    console.log(`${paths().length} pages; harm stands on ${[...shown].join(" ")}`);
    await leave(page);
  });

await test("in the files no text is a formula, and no cell has two", async () => {
  const page = await enter();
  for (const name of ["incidents", "harm", "resources", "relocation", "sensors", "reports"]) {
    const { text, disposition, type } = await page.evaluate(async (file) => {
      const answer = await fetch(`/api/csv/${file}?lang=en`);
      return { text: await answer.text(), disposition: answer.headers.get("content-disposition"), type: answer.headers.get("content-type") };
    }, name);
    assert.equal(disposition, `attachment; filename="eocbus-${name}.csv"`);
    assert.equal(type, "text/csv; charset=utf-8");
    const cells = [...text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)], rows = [[]];
    assert.equal(cells.reduce((sum, [all]) => sum + all.length, 0), text.length, name); // all of it is cells
    for (const [, quoted, plain, end] of cells) {
      rows.at(-1).push((quoted ?? plain).replaceAll('""', '"'));
      if (end !== ",") rows.push([]);
    }
    assert.equal(new Set(rows.slice(0, -1).map((row) => row.length)).size, 1, name);
    assert.deepEqual(rows.flat().filter((cell) => /^[\s\u0000-\u001f]*[=+@|%＝＋－＠-]/.test(cell) && !/^-?[0-9]+(\.[0-9]+)?$/.test(cell)), [], name);
  }
  await leave(page);
});

await test("on a terminal no text is an escape, and none turns a line around", () => {
  for (const lang of ["tg", "ru", "en"]) {
    const said = bus.board("--lang", lang, "--most", "400");
    assert.ok(said.includes("harm=1"), said.slice(0, 500));
    assert.deepEqual(said.match(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g), null);
  }
});

await browser.close();
await bus.stop();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
