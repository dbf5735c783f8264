// queue - what needs a decision, most urgent and oldest first; one key takes it.
import { el, fill, mark } from "./dom.js";
import * as api from "./api.js";
import * as news from "./news.js";
import * as words from "./words.js";
import { say, word } from "./words.js";
import { go, toast } from "./app.js";

// An alarm on its way to the database is in the list before the database has it.
const provisional = new Map();
// What is being said: a second press of the key says it no second time.
const saying = new Set();

function rowOf(item, index, chosen, act) {
  const take = item.what === "alert" && item.state !== "ACKNOWLEDGED"
    ? el("button", { type: "button", class: "take", onclick: (e) => { e.stopPropagation(); act.take(item); } }, say("queue.take")) : null;
  return el("li", { class: `item p${item.precedence}${index === chosen ? " chosen" : ""}`, "data-index": index, tabindex: index === chosen ? "0" : "-1",
    "aria-current": index === chosen ? "true" : null, onclick: () => act.choose(index), ondblclick: () => act.open(item) },
    mark(item.precedence, say("precedence." + item.precedence)),
    el("div", { class: "text" },
      el("p", { class: "first" }, el("strong", {}, word("what", item.what)), item.hazard ? ` · ${word("hazard", item.hazard)}` : "", item.detail && item.what === "alert" ? ` · ${word("level", item.detail)}` : "",
        item.status === "EXERCISE" ? el("span", { class: "tag" }, say("status.exercise")) : null,
        item.provisional ? el("span", { class: "tag warn" }, say("queue.provisional")) : null),
      el("p", {}, el("b", {}, item.place || item.places), item.what !== "alert" && item.detail ? ` · ${item.detail}` : "", item.by ? ` · ${item.by}` : ""),
      el("p", { class: "small" }, word("state", item.state), item.asked ? ` · ${say("queue.asked", { who: item.asked })}` : "", item.due_at ? ` · ${say("queue.due", { at: words.time(item.due_at) })}` : "")),
    el("div", { class: "side" }, el("time", { datetime: item.since, title: words.time(item.since) }, words.age(item.since)), take));
}

function provisionalItem(message) {
  const detection = message.message?.sensor_detection;
  return { what: "alert", id: message.message_id, precedence: 1, since: new Date(message.event_time_us / 1000).toISOString(), status: message.status === 2 ? "EXERCISE" : "ACTUAL",
    state: "ISSUED", places: message.places.join(" "), hazard: (detection?.hazard ?? "").replace("HAZARD_", ""), detail: (detection?.level ?? "").replace("DETECTION_LEVEL_", ""), by: message.sender, provisional: true };
}

export async function queuePage(main) {
  const list = el("ol", { class: "queue", "aria-label": say("page.queue") });
  const summary = el("p", { class: "summary", role: "status" });
  let items = [], chosen = 0, asking = false, again = false, over = false;

  function draw(focus) {
    const known = new Set(items.map((item) => item.id));
    for (const id of provisional.keys()) if (known.has(id)) provisional.delete(id);
    const all = [...[...provisional.values()].map(provisionalItem), ...items];
    chosen = Math.max(0, Math.min(chosen, all.length - 1));
    fill(list, all.map((item, index) => rowOf(item, index, chosen, act)));
    summary.textContent = all.length ? words.count("queue.count", all.length) : say("queue.empty");
    if (focus) list.children[chosen]?.focus();
    return all;
  }
  const act = {
    choose(index) {
      chosen = index;
      draw(true);
    },
    open(item) {
      if (item.what === "draft") go(`/warn/${item.id}`);
      else if (item.incident_id) go(`/incident/${item.incident_id}`);
    },
    async take(item) {
      if (saying.has(item.id)) return;
      saying.add(item.id);
      try {
        await api.tell({ area: { pcodes: item.places.split(" ").slice(0, 8) }, preceding_id: item.id, ...(item.incident_id ? { incident_ids: [item.incident_id] } : {}),
          status: "STATUS_" + item.status,
          receipt: { message_id: item.id, level: "RECEIPT_LEVEL_ACCEPTED", by: api.me.sender, time_us: new Date().toISOString() } });
        toast(say("queue.taken"));
      } catch (trouble) {
        toast(trouble.message, "bad");
        saying.delete(item.id);
      }
    },
  };
  async function load() {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    try {
      const answer = await api.view("queue", { lang: words.lang });
      items = answer.items;
      if (!over) draw(list.contains(document.activeElement));
    } catch (trouble) {
      if (trouble.status === 401) location.reload();
    }
    asking = false;
    if (again && !over) {
      again = false;
      setTimeout(load, 300);
    }
  }
  function onKey(event) {
    if (event.target.closest("input, textarea, select, dialog") || event.ctrlKey || event.altKey || event.metaKey) return;
    const all = [...list.children];
    if (event.key === "ArrowDown" || event.key === "j") act.choose(Math.min(chosen + 1, all.length - 1));
    else if (event.key === "ArrowUp" || event.key === "k") act.choose(Math.max(chosen - 1, 0));
    else if (event.key === "a") all[chosen]?.querySelector(".take")?.click();
    else if (event.key === "Enter" && event.target.closest(".item")) act.open(draw(true)[chosen] ?? {});
    else return;
    event.preventDefault();
  }

  main.append(summary, list);
  const ends = [
    news.on("message", (message) => {
      if (message.lane === 1 && message.provisional) {
        provisional.set(message.message_id, message);
        draw();
      }
      load();
    }),
    news.on("withdrawn", (gone) => {
      provisional.delete(gone.message_id);
      draw();
    }),
    news.on("sight", (sees) => sees && load()),
  ];
  const clock = setInterval(draw, 30000);
  addEventListener("keydown", onKey);
  await load();
  draw(true);
  return () => {
    over = true;
    clearInterval(clock);
    removeEventListener("keydown", onKey);
    ends.forEach((end) => end());
  };
}
