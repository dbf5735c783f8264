// bus - a whole bus for the browser to look at: `eocctl demo` with a night in which nothing happens by itself,
// and the words that others say.
import { spawn, execFileSync } from "node:child_process";
import { readFileSync, readdirSync, mkdtempSync, cpSync, chmodSync, rmSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { join } from "node:path";

const programs = ["eocbus-broker", "eocbus-sensor", "eocbus-district", "eocbus-registry", "eocbus-console", "eocctl"];
// PostgreSQL refuses to be root.
const own = process.getuid() === 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : [];

export async function until(what, condition, ms = 60000) {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise((go) => setTimeout(go, 50))) {
    const answer = await condition();
    if (answer) return answer;
  }
  throw new Error(`waited in vain: ${what}`);
}

// For addInitScript: the page's own modules, at the addresses that it has them from.
export function showModules() {
  window.ours = (file) => import(new URL(file, document.querySelector("script[type=module]").src));
}

// `data`: who takes part, and what is played.
export async function startBus(build, data = new URL("./night", import.meta.url)) {
  const dir = mkdtempSync("/tmp/eocbus-e2e-");
  chmodSync(dir, 0o755);
  for (const program of programs) cpSync(join(build, program), join(dir, "bin", program));
  cpSync(data.pathname, join(dir, "data"), { recursive: true });
  execFileSync("mkdir", ["-m", "0777", join(dir, "run")]);
  // A test that is killed leaves no bus behind.
  const [command, ...args] = ["setpriv", "--pdeathsig", "INT", ...own.slice(1), join(dir, "bin/eocctl"), "demo", "--dir", join(dir, "run/night"), "--bin", join(dir, "bin"), "--data", join(dir, "data")];
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stdout.on("data", (text) => (said += text));
  child.stderr.on("data", (text) => (said += text));
  const found = await until("the page's address", () => {
    if (child.exitCode !== null) throw new Error(said);
    return said.match(/the page: (\S+) {2}name (\S+) {2}password (\S+)[^]*second person.*name (\S+) {2}password (\S+)[^]*a third.*name (\S+) {2}password (\S+)/);
  });
  const night = join(dir, "run/night");
  const bus = { dir, night, url: found[1], name: found[2], password: found[3], second: { name: found[4], password: found[5] }, third: { name: found[6], password: found[7] }, said: () => said };

  const run = (program, args, options) => execFileSync(own[0] ?? program, [...own.slice(1), ...(own.length ? [program] : []), ...args], options);
  const psql = ["-X", "-A", "-t", "-h", join(night, "sock"), "-U", "eocbus", "-d", "eocbus", "-c"];
  bus.psql = (sql) => run("psql", [...psql, sql], { encoding: "utf8" }).trim();
  bus.tell = (who, ...messages) => run(join(dir, "bin/eocctl"), ["-c", join(night, `conf/${who}.ctl.conf`), "publish", "--file", "-", "--wait", "60"],
    { input: messages.map((one) => JSON.stringify(one)).join("\n"), encoding: "utf8" });
  bus.board = (...args) => run(join(dir, "bin/eocctl"), ["-o", `database=host=${join(night, "sock")} user=eocbus dbname=eocbus`, "-o", `name=${bus.name}`, "board", ...args], { encoding: "utf8" });
  // In the name of a principal, by its key; what the bus says to it, also if it refuses.
  bus.offer = (principal, message) => {
    const settings = readdirSync(join(night, "conf")).find((file) => file.endsWith(".ctl.conf") && readFileSync(join(night, "conf", file), "utf8").includes(`name = ${principal}\n`));
    try {
      return run(join(dir, "bin/eocctl"), ["-c", join(night, "conf", settings), "publish", "--file", "-", "--wait", "60"], { input: JSON.stringify(message), encoding: "utf8", stdio: ["pipe", "pipe", "ignore"] });
    } catch (refused) {
      if (refused.stdout === undefined) throw refused;
      return refused.stdout;
    }
  };
  bus.addPerson = (name, password) => {
    execFileSync(own[0] ?? join(dir, "bin/eocbus-console"), [...own.slice(1), ...(own.length ? [join(dir, "bin/eocbus-console")] : []), "-c", join(night, "conf/console.conf"), "person", "add", name, "en"], { input: password + "\n" });
    return { name, password };
  };
  // What people call an office, a person or a gateway.
  bus.called = (code, lang) => bus.psql(`SELECT name FROM eoc.called_as('${lang}') WHERE code = '${code}'`);
  // While the database is away there is no answer yet.
  bus.psqlNow = (sql) => {
    try {
      return bus.psql(sql);
    } catch {
      return null;
    }
  };
  bus.end = (program, signal) => process.kill(Number(readFileSync(join(night, "pids"), "utf8").match(new RegExp(`^${program} (\\d+)$`, "m"))[1]), signal);
  bus.pausePage = () => bus.end("console", "SIGSTOP");
  bus.killPage = () => bus.end("console", "SIGKILL"); // the supervisor starts it again
  bus.stop = async () => {
    child.kill("SIGINT");
    if (own.length) execFileSync("kill", ["-INT", String(child.pid)]);
    await until("the end of the bus", () => child.exitCode !== null);
    rmSync(dir, { recursive: true, force: true });
  };
  await until("the page", async () => (await fetch(bus.url).catch(() => null))?.ok);
  return bus;
}

// One id of ours; version 7 by its digit, and random.
export const uuid7 = () => randomUUID().replace(/^(.{14})4/, "$17");

// A message as somebody in Ayni publishes it: what is not given is a report's in an exercise.
export function say(rest) {
  return {
    message_id: uuid7(), lane: "LANE_PRIORITY", status: "STATUS_EXERCISE", kind: "KIND_REPORT", event_time_us: new Date().toISOString(),
    area: { pcodes: ["3505203"] }, label: "LABEL_INTERNAL", lang: "LANG_EN", ...rest,
  };
}

export function alarm(text) {
  return say({
    lane: "LANE_FLASH", kind: "KIND_SENSOR_DETECTION",
    sensor_detection: {
      profile: "fusion", profile_version: 1, level: "DETECTION_LEVEL_ALARM", previous_level: "DETECTION_LEVEL_WARNING",
      hazard: "HAZARD_MUDFLOW", torrent_id: Math.floor(Math.random() * 900000) + 1, text,
    },
  });
}

// Another page of ours without loading it anew, as a link does.
export function go(page, path) {
  return page.evaluate((where) => { history.pushState(null, "", where); dispatchEvent(new PopStateEvent("popstate")); }, path);
}

// `x`, and the letter of what is to be done; the form's first field has the focus then.
export async function act(page, key) {
  await page.keyboard.press("x");
  await page.waitForSelector(`dialog [data-key="${key}"]`);
  await page.keyboard.press(key);
  await page.waitForSelector("dialog form");
}

// Up or down the list until the thing has the focus.
export async function choose(page, id) {
  const at = (of) => page.evaluate((selector) => Number(document.querySelector(selector)?.dataset.index ?? NaN), of);
  await until(`${id} is chosen`, async () => {
    const here = await at(".item.chosen"), there = await at(`.item[data-id="${id}"]`);
    if (here !== there && !Number.isNaN(there)) await page.keyboard.press(there > here ? "j" : "k");
    return here === there;
  });
}
