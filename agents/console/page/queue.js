// queue - what needs a decision, most urgent and oldest first; one key takes it. Below it what somebody has taken.
import { button, el, fill, isPageKey, keyOf, mark } from "./dom.js";
import * as api from "./api.js";
import * as news from "./news.js";
import * as waiting from "./waiting.js";
import * as words from "./words.js";
import { dots, say, word } from "./words.js";
import { detailOf, detected, why } from "./called.js";
import { ACT, have, part } from "./parts.js";
import { saidBox } from "./said.js";
import { go, toast, tried } from "./way.js";

// What is being said about a thing: {id, state: of the thing then, said}. A second press of the key says it no second time.
const saying = new Map();
let redraw = () => {}, stayAt = () => {}; // the page's, while it is shown

news.on("settled", (settled) => {
  if (!settled.stored) saying.forEach((one, about) => one.id === settled.message_id && saying.delete(about) && redraw());
});
// What has moved on since, or is given back, can be taken again.
waiting.changed(() => saying.forEach((one, about) => waiting.items().find((item) => item.id === about)?.state === one.state || saying.delete(about)));

// --- what is done with it ------------------------------------------------------------------------

const isOpenAlert = (item) => item.what === "alert" && item.state !== "ACKNOWLEDGED";

async function take(item) {
  if (saying.has(item.id)) return;
  stayAt(item.id);
  const one = { id: api.newId(), state: item.state, said: false };
  saying.set(item.id, one);
  redraw();
  try {
    await api.tell({ message_id: one.id, area: { pcodes: item.places.split(" ").slice(0, 8) }, preceding_id: item.id, ...(item.incident_id ? { incident_ids: [item.incident_id] } : {}),
      status: "STATUS_" + item.status,
      receipt: { message_id: item.id, level: "RECEIPT_LEVEL_ACCEPTED", by: api.me.person, time_us: new Date().toISOString() } });
    one.said = true;
    toast(say("queue.taken"));
  } catch (trouble) {
    toast(why(trouble), "bad", trouble.message);
    saying.delete(item.id);
  }
}
// Taking an alarm is here at once; what else can be done comes just after the first view, and then the list is drawn again.
const actionsFor = (item) => have(ACT)?.actionsFor(item) ?? [];
const showMenu = (item) => tried(async () => (await part(ACT)).actMenu(item));

// The first of them is what key `a` does.
function actions(item) {
  if (item.what === "message") return saying.has(item.id) ? [] : [{ label: say("queue.read"), run: () => take(item) }, ...actionsFor(item)];
  if (item.what !== "alert") return actionsFor(item);
  const own = isOpenAlert(item) && !item.mine && item.by !== api.me.person && !saying.has(item.id) ? [{ label: say("queue.take"), run: () => take(item) }] : [];
  return [...own, ...(item.provisional ? [] : actionsFor(item))];
}
function dismiss(item) {
  const found = actions(item).find((one) => one.name === "dismiss");
  if (found) found.run();
  else toast(say("queue.nothing_to_dismiss"), "plain");
}
function open(item) {
  if (item.what === "draft") return go(`/warn/${item.id}`);
  if (item.what === "order") return go(`/order/${item.id}`);
  if (item.what !== "report" && item.incident_id) go(`/incident/${item.incident_id}`);
  else if (actionsFor(item).length || !have(ACT)) showMenu(item);
  else toast(say("queue.no_incident"), "plain");
}

// --- one line ------------------------------------------------------------------------------------

const counted = ["deaths", "injured", "missing", "houses", "to_evacuate"];
function facts(item) {
  const f = item.flash ?? {}, said = counted.filter((key) => f[key] !== null && f[key] !== undefined).map((key) => say("flash." + key, { n: f[key] }));
  if (String(f.road_cut ?? "").endsWith("YES")) said.push(say("flash.road_cut"));
  const text = f.text || (item.detection ? detected(item.detection) : item.headline || item.text);
  return [f.village, said.join(" · "), text && `«${text}»`].filter(Boolean).join(" — ");
}
function title(item) {
  // An alarm whose level is ALARM is said once.
  const level = item.what === "alert" && item.detail === "ALARM" ? "" : item.what === "alert" || item.detection ? words.levels(item.detail) : "";
  return [word("what", item.what), item.flash ? word("type", "flash_report") : level, item.hazard && word("hazard", item.hazard)].filter(Boolean);
}
function stateOf(item) {
  if (saying.has(item.id)) return say(saying.get(item.id).said ? "queue.taken" : "said.saying");
  return item.state === "UNANSWERED" && item.acks ? word("event", "EXHAUST") : word("state", item.state);
}
function notes(item) {
  if (item.what === "report") return item.asked ? say("queue.belongs", { name: item.asked }) : say("queue.belongs_to_none");
  return dots(stateOf(item), item.asked && say("queue.asked", { who: item.asked }), item.due_at && say("queue.due", { at: words.time(item.due_at) }),
    item.what === "order" && say("order.missing", { n: item.amount }),
    item.acks_needed > 1 && say("queue.acks", { n: item.acks, of: item.acks_needed }), item.mine && say("queue.mine"),
    isOpenAlert(item) && item.by === api.me.person && say("queue.own"),
    item.nobody_on_duty?.length > 0 && say("queue.nobody", { who: item.nobody_on_duty.join(", ") }));
}

// Who said it; of what was taken down by telephone whose word it is.
function byOf(item) {
  const { reporter_role: role, sender } = item.flash ?? {}, byPhone = role && (role !== "DISTRICT_DUTY" || sender === api.me.sender);
  return [byPhone && `${say("queue.told_by", { who: word("role", role) })} · `, el("span", { title: item.by }, words.who(item.by).replace(", " + item.place, ""))];
}

function rowOf(item, index, chosen, act) {
  const [what, ...rest] = title(item), plain = item.what !== "alert" && !item.headline && !item.detection && !item.flash && item.detail ? detailOf(item) : "";
  return el("li", { class: `item p${item.precedence}${index === chosen ? " chosen" : ""}`, "data-index": index, "data-id": item.id, tabindex: index === chosen ? "0" : "-1",
    "aria-current": index === chosen ? "true" : null, onclick: () => act.choose(index), ondblclick: () => open(item) },
    mark(item.precedence, say("precedence." + item.precedence)),
    el("div", { class: "text" },
      el("p", { class: "first" }, el("strong", {}, what), rest.map((one) => ` · ${one}`),
        item.status === "EXERCISE" ? el("span", { class: "tag" }, say("status.exercise")) : null,
        item.provisional ? el("span", { class: "tag warn" }, say("queue.provisional")) : null),
      el("p", {}, el("b", {}, item.place || item.places), plain ? ` · ${plain}` : "", item.by ? [" · ", byOf(item)] : ""),
      facts(item) ? el("p", { class: "spoken", title: item.detection?.text ?? null }, facts(item)) : null,
      el("p", { class: "small" }, notes(item))),
    el("div", { class: "side" }, el("time", { datetime: item.since, title: words.time(item.since) }, words.age(item.since)),
      el("div", { class: "acts" }, actions(item).slice(0, index === chosen ? 3 : 1).map((one, n) =>
        button(one.label, (e) => { e.stopPropagation(); one.run(); }, { class: n ? "" : "take" })))),
    saidBox(item.id));
}

function inHand() {
  const rows = waiting.taken();
  return rows.length ? el("section", { class: "hand" }, el("h2", {}, say("queue.in_hand")), el("ul", {}, rows.map((row) => el("li", {},
    el("b", {}, dots(words.levels(row.detail), word("hazard", row.hazard), row.place)), " ", say("queue.taken_by", { who: row.taken_by || "?", at: words.time(row.since) }))))) : null;
}

// --- the page ------------------------------------------------------------------------------------

const ROWS = 30, RIGHTS_MS = 150;

export function queuePage(main) {
  const before = el("ol", { class: "queue", "aria-label": say("queue.past") }), counted = el("summary"), past = el("details", { class: "past", hidden: true, ontoggle: () => draw(false) }, counted, before);
  const rows = () => (past.open ? [...waiting.items(), ...waiting.past()] : waiting.items()), now = () => waiting.items().length;
  const rowAt = (index) => (index < now() ? list.children[index] : before.children[index - now()]);
  const list = el("ol", { class: "queue", "aria-label": say("page.queue") });
  const summary = el("p", { class: "summary", role: "status" }), hand = el("div");
  // What somebody has moved to stays chosen wherever the list moves; before that the most urgent is.
  let chosen = 0, chosenId = null;
  // On a night with thousands only as many rows are made as somebody looks at: more when he comes near their end.
  let drawn = ROWS;
  const wantMore = () => (past.open || now() < waiting.total()) && waiting.more();
  const end = el("div"), watch = new IntersectionObserver(([seen]) => {
    if (!seen.isIntersecting) return;
    if (drawn >= now()) return wantMore();
    drawn += ROWS;
    draw(false);
  }, { rootMargin: "800px" });

  function draw(focus) {
    const all = rows(), at = all.findIndex((item) => item.id && item.id === chosenId);
    const held = list.contains(document.activeElement) || before.contains(document.activeElement);
    if (at < 0) chosenId = null;
    chosen = Math.max(0, at);
    drawn = Math.max(drawn, Math.min(chosen, now()) + 10);
    fill(list, all.slice(0, Math.min(drawn, now())).map((item, index) => rowOf(item, index, chosen, act)));
    fill(before, all.slice(now()).map((item, index) => rowOf(item, now() + index, chosen, act)));
    past.hidden = !waiting.pastTotal();
    fill(counted, words.count("queue.past", waiting.pastTotal()), el("span", { class: "small typed" }, ` · ${say("queue.past_how")}`));
    fill(hand, inHand());
    const text = waiting.items().length ? words.count("queue.count", waiting.total()) : say(waiting.known ? "queue.empty" : "trouble.store_away");
    if (summary.textContent !== text) summary.textContent = text;
    if (focus || held) rowAt(chosen)?.focus();
    if (past.open || chosen > now() - 10) wantMore();
    watch.unobserve(end);
    watch.observe(end); // it may be in sight still
  }
  const act = {
    choose(index) {
      chosen = index;
      chosenId = rows()[index]?.id ?? null;
      draw(true);
    },
  };
  function onKey(event) {
    if (event.target.closest("input, textarea, select, dialog, button, a") && event.key === "Enter") return;
    if (!isPageKey(event)) return;
    const all = rows(), item = all[chosen], key = keyOf(event);
    if (key === "ArrowDown" || key === "j") act.choose(Math.min(chosen + 1, all.length - 1));
    else if (key === "ArrowUp" || key === "k") act.choose(Math.max(chosen - 1, 0));
    else if (key === "a" && (item?.mine || saying.has(item?.id))) toast(say("queue.taken"), "plain");
    else if (key === "a" && item) actions(item).length ? actions(item)[0].run() : toast(say("queue.nothing_to_take"), "plain");
    else if (key === "Enter" && item) open(item);
    else if (key === "d" && item) dismiss(item);
    else if (key === "e" && waiting.pastTotal()) {
      past.open = !past.open;
      if (past.open) act.choose(now());
    }
    else if (key === "x" && item) showMenu(item);
    else return;
    event.preventDefault();
  }

  main.append(summary, list, end, hand, past);
  watch.observe(end);
  redraw = () => draw(false);
  stayAt = (id) => { chosenId = id; }; // of an alarm that was taken its report is next
  // Rights come place by place, a few dozen at a time: one drawing for all of them.
  let timer = null;
  const soon = () => { timer ??= setTimeout(() => { timer = null; redraw(); }, RIGHTS_MS); };
  // News comes in swarms: one drawing a frame. A page that nobody sees has no frames.
  let frame = 0;
  const draws = () => { frame = 0; redraw(); };
  const here = () => { if (document.hidden) draws(); else frame ||= requestAnimationFrame(draws); };
  const ends = [waiting.changed(here), () => cancelAnimationFrame(frame), () => removeEventListener("rights", soon), () => clearTimeout(timer), () => watch.disconnect(), () => { redraw = stayAt = () => {}; }];
  addEventListener("rights", soon);
  const clock = setInterval(here, 30000);
  addEventListener("keydown", onKey);
  draw(true);
  return () => {
    clearInterval(clock);
    waiting.fewer();
    removeEventListener("keydown", onKey);
    ends.forEach((end) => end());
  };
}
