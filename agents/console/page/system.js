// system - the truth about the bus itself: this page's way to it, the record, hubs and their brokers, and every office's link.
import { below, el, facts, fill, lit } from "./dom.js";
import * as news from "./news.js";
import * as words from "./words.js";
import { say } from "./words.js";
import { linkOf } from "./board.js";
import { table } from "./table.js";
import { watch } from "./watch.js";

const running = (alive, name) => lit(alive, alive ? name : `${name}: ${say("lamp.bad")}`);

function own(record) {
  const truth = news.truth ?? {};
  return el("section", { class: "facts" }, facts([
    [say("system.endpoint"), lit(truth.linked, truth.endpoint || truth.trouble || say("lamp.bad"))],
    [say("system.sessions"), truth.sessions],
    [say("system.waiting"), truth.waiting],
    [say("lamp.store"), lit(truth.store, say(truth.store ? "lamp.good" : "lamp.bad"))],
    [say("system.head"), record.head],
    [say("system.newest"), words.time(record.newest_at)],
    [say("system.database"), lit(truth.view, words.time(record.now))],
  ]));
}

// The first part is told by the server itself, each two seconds: it is true also when no message and no answer comes.
export async function systemPage(main) {
  const mine = el("div");
  let record = {};
  const draw = () => fill(mine, own(record)), ends = [news.on("truth", draw), news.on("sight", draw)];
  draw();
  main.append(mine);
  const leave = await watch(main, "system", {}, (answer) => {
    record = answer;
    draw();
    return boards(answer);
  });
  return () => {
    ends.forEach((end) => end());
    leave();
  };
}
function boards(answer) {
  return [
    table(say("system.hubs"), [
      ["system.hub", (row) => running(row.is_alive, row.name)],
      ["system.brokers", (row) => row.brokers.map((one) => [running(one.is_alive, one.broker), " "])],
      ["system.heard", (row) => `${words.age(row.seen_at)} · ${words.time(row.seen_at)}`],
      ["system.unread", "behind", "n"], ["system.offices", "offices", "n"], ["system.silent", "silent", "n"],
    ], answer.hubs),
    table(say("system.links"), [
      ["col.by", "principal"],
      ["system.link", (row) => [linkOf(row), row.served_by ? below(row.served_by) : null]],
      ["col.heard", (row) => (row.heard_at ? `${words.age(row.heard_at)} · ${words.time(row.heard_at)}` : say("link.never"))],
      ["system.behind", "behind", "n"],
    ], answer.links),
  ];
}
