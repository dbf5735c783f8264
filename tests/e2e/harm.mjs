// harm - texts that mean harm (tests/data/hostile), and messages that hold nothing else: what people have said on a bus is said
// once more, under ids of its own and of today, with such a text in every field that a person writes.
import { readFileSync, readdirSync } from "node:fs";
import { uuid7 } from "./bus.mjs";

const root = new URL("../../", import.meta.url);

// What would leave a mark in the page if any of it came to life; the shortest fit into a name.
export const live = [
  `<img src=x onerror=harm=1>`, `"><script>harm=1</script>`, `' onfocus='harm=1' autofocus='`, `" onmouseover="harm=1" x="`, `</title></style></textarea><svg onload=harm=1>`,
  `javascript:harm=1`, `<a href="javascript:harm=1">x</a>`, `<iframe srcdoc="<script>top.harm=1</script>">`, `<base href=http://evil.example/>harm=1`,
  `<link rel=stylesheet href=http://evil.example/harm=1.css>`, `<img src=http://evil.example/harm=1.png>`, `<style>*{display:none}</style>harm=1`,
  `\${harm=1}{{constructor.constructor('harm=1')()}}`, `<b><i></table></main></body>harm=1`, `&lt;img src=x onerror=harm=1&gt;&#60;script&#62;`, `]]><alert/><!--harm=1`,
  `=cmd|' /C calc'!harm=1`, `@harm=1`, `+harm=1`, `-2+harm=1`, `\t=harm=1`, `\r=harm=1`, `\u202eharm=1`, `harm=1\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307`,
];

const bytesOf = (line) => Buffer.concat([...line.matchAll(/\\x([0-9a-f]{2})|\\(.)|([^\\])/gu)].map(([, hex, escape, plain]) =>
  hex ? Buffer.from(hex, "hex") : Buffer.from(escape ? { n: "\n", r: "\r", t: "\t", "\\": "\\" }[escape] : plain)));

// The corpus, as hostile_test.c reads it.
export function corpus() {
  return readFileSync(new URL("tests/data/hostile/accepted.txt", root), "utf8").split("\n").filter((line) => line && !line.startsWith("#")).map((line) => {
    const [, times, rest] = line.match(/^(\d+) x (.*)$/) ?? [null, 1, line];
    return bytesOf(rest).toString("utf8").repeat(Number(times));
  });
}

// --- which fields people write --------------------------------------------------------------------

// {message: {field: {type, rules}}}, as the comments of the .proto files have it.
function schema() {
  const messages = {};
  for (const file of readdirSync(new URL("proto/eocbus/v1/", root)).filter((name) => name.endsWith(".proto"))) {
    let message = null, rules = "";
    for (const line of readFileSync(new URL(`proto/eocbus/v1/${file}`, root), "utf8").split("\n")) {
      const begun = line.match(/^message (\w+)/), field = line.match(/^\s+(?:repeated |optional )?(\w+) (\w+) = \d+;/);
      if (begun) message = messages[begun[1]] = {};
      else if (field && message) message[field[2]] = { type: field[1], rules };
      rules = /^\s*\/\//.test(line) ? rules + line : "";
    }
  }
  return messages;
}
const messages = schema();

const cut = (text, most) => {
  let short = [...text];
  while (Buffer.byteLength(short.join("")) > most) short = short.slice(0, Math.min(short.length - 1, most));
  return short.join("");
};

// The message with `text(most)` in each field that a person writes, but for the paths in `kept` ("request_resource.contacts.role").
function rewritten(value, type, text, kept, path = "") {
  if (Array.isArray(value)) return value.map((one) => rewritten(one, type, text, kept, path));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => {
    const field = messages[type]?.[name], at = path ? `${path}.${name}` : name;
    if (field?.type !== "string") return [name, rewritten(inner, field?.type, text, kept, at)];
    if (/@(pcode|name|recipient)/.test(field.rules) || kept.has(at)) return [name, inner];
    const most = Number(field.rules.match(/@len \d+\.\.(\d+)/)?.[1] ?? 60);
    return [name, Array.isArray(inner) ? inner.map(() => text(most)) : text(most)];
  }));
}

// --- the same night once more ---------------------------------------------------------------------

// Another id for each id, the same one each time.
function renamed(json, ids) {
  return json.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, (id) => ids.get(id) ?? ids.set(id, uuid7()).get(id));
}

// What the outbox says of itself is said anew.
const own = ["sender", "epoch", "lane_seq", "sent_time_us", "schema", "clock_source", "clock_err_ms", "originating_id", "author", "played"];

// Times of the night become times of today; what was later than its end happened just now.
function today(message, begun_us, shift_us) {
  const moved = (key, value) => {
    const then = Number(value) + shift_us;
    return key.endsWith("_us") && Number(value) > begun_us && Number(value) < begun_us + 90 * 86400e6 ? String(key === "event_time_us" ? Math.min(then, Date.now() * 1000) : then) : value;
  };
  return JSON.parse(JSON.stringify(message), moved);
}

// `docs`: [{sender, doc}] in their order. Says all of them again with texts of `pool`; how many were taken, and what the bus did
// not take although only texts were changed. A field that has its own list of words is left as it was: the bus tells which.
export function sayAgain(bus, docs, pool, first = 0) {
  const ids = new Map(), kept = new Set(), begun_us = Math.min(...docs.map(({ doc }) => Number(doc.event_time_us)));
  const shift_us = (Date.now() - 14 * 3600e3) * 1000 - begun_us;
  let n = first, taken = 0;
  const text = (most) => {
    for (let i = 0; i < pool.length; i++) {
      const one = pool[n++ % pool.length];
      if (Buffer.byteLength(one) <= most) return one;
    }
    return cut(pool[n++ % pool.length], most) || "x";
  };
  const refused = [];
  for (const { sender, doc } of docs) {
    const plain = today(JSON.parse(renamed(JSON.stringify(Object.fromEntries(Object.entries(doc).filter(([name]) => !own.includes(name)))), ids)), begun_us, shift_us);
    for (let tries = 0; ; tries++) {
      const said = bus.offer(sender, rewritten(plain, "Envelope", text, kept)), path = said.match(/^refused \S+ (\S+)/)?.[1]?.replace(/\[\d+\]/g, "");
      if (!path) taken++;
      else if (!kept.has(path) && tries < 8) {
        kept.add(path);
        continue;
      } else refused.push(said);
      break;
    }
  }
  return { taken, refused, kept: [...kept] };
}
