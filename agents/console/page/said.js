// said - what was said from this page and is not settled yet: shown near the thing it is about until the record has it. What
// was refused stays, with the reason, until somebody changes or drops it.
import { button, el, fill } from "./dom.js";
import * as api from "./api.js";
import * as news from "./news.js";
import { whyNodes } from "./called.js";
import { say } from "./words.js";

const FRAME = "frame"; // the box under every page, for what has no place of its own on this one
const ASK_MS = 10000;
const saying = new Map(); // message_id -> {owner, title, about, state, trouble, again, settle}

function row(id, one) {
  const drop = () => {
    saying.delete(id);
    show();
  };
  return el("p", { class: "unsettled " + one.state }, el("span", { "aria-hidden": "true" }, one.state === "refused" ? "▲ " : "◌ "),
    `${one.title}: ${say("said." + one.state)} `, one.trouble ? whyNodes(one.trouble) : null, " ",
    one.state === "refused" ? [one.again ? button(say("said.change"), () => { drop(); one.again(one.trouble); }) : null, " ",
      button(say("said.drop"), drop)] : null);
}
function show() {
  for (const box of document.querySelectorAll("[data-said]")) refill(box);
}
const stands = (one, box) => one.about.some((id) => box.dataset.said.split(" ").includes(id));
function refill(box) {
  const rows = [...saying].filter(([, one]) => stands(one, box)).map(([id, one]) => row(id, one));
  if (rows.length || box.children.length) fill(box, rows);
}

// A place near a thing (or several: ids) where what was said about it stands until it is settled.
export function saidBox(...ids) {
  const box = el("div", { class: "said-box", role: "status", "data-said": ids.filter(Boolean).join(" ") });
  refill(box);
  return box;
}

function end(id, trouble) {
  const one = saying.get(id);
  if (!one) return;
  if (trouble) {
    Object.assign(one, { state: "refused", trouble });
    if (![...document.querySelectorAll("[data-said]")].some((box) => stands(one, box))) one.about.push(FRAME);
  } else {
    saying.delete(id);
    if (!--one.owner.left) one.owner.stored?.();
  }
  one.settle(trouble);
  show();
}

// Says messages one after the other, for `owner` {title, about: [ids], stored()}; stored is called when the record has all of
// them, however late. Fulfilled when the record has all of them, or after `ms`;
// otherwise the trouble, {code, path, text}. `again(trouble)` opens the form once more.
export async function speak(owner, messages, again, ms = 4000) {
  const settled = [];
  owner.left = messages.length;
  for (const message of messages) {
    const id = message.message_id ?? api.newId(), about = [...(owner.about ?? []), ...(message.incident_ids ?? [])].filter(Boolean);
    settled.push(new Promise((done, fail) => {
      saying.set(id, { owner, title: owner.title, about: about.length ? about : [FRAME], state: "saying", again, settle: (trouble) => (trouble ? fail(trouble) : done()) });
    }));
    settled.at(-1).catch(() => {});
    show();
    try {
      await api.tell({ ...message, message_id: id });
    } catch (trouble) {
      end(id, trouble);
      throw trouble;
    }
    const one = saying.get(id);
    if (one?.state === "saying") one.state = "waiting";
    show();
  }
  await Promise.race([Promise.all(settled), api.pause(ms)]);
}
// Whether something of it still waits for the record's word.
export const isUnderWay = (owner) => [...saying.values()].some((one) => one.owner === owner && one.state !== "refused");
// Who still looks at the form is told there; the thing need not say it too.
export function dropRefused(owner) {
  for (const [id, one] of saying) if (one.owner === owner && one.state === "refused") saying.delete(id);
  show();
}

news.on("settled", (news) => end(news.message_id, news.stored ? null : news));
// News of it may have come when the page was blind: then the record is asked until it is there.
let sees = true;
async function askRecord() {
  const ids = [...saying].filter(([, one]) => one.state === "waiting").map(([id]) => id);
  if (!sees || !ids.length) return;
  for (const id of await api.view("said", { ids: ids.join(",") }).catch(() => [])) end(id);
}
news.on("sight", (now) => {
  sees = now;
  askRecord();
});
setInterval(askRecord, ASK_MS);
