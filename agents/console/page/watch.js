// watch - a page that asks one question of the record, and asks again when something of its kind happens.
import { el, fill, holdFocus } from "./dom.js";
import * as api from "./api.js";
import * as news from "./news.js";
import * as words from "./words.js";
import { say } from "./words.js";
import { stand } from "./parts.js";

const AGAIN_MS = 3000;

// New content for `body`; who reads or chooses there stays where he is: focus, what is folded open, what is scrolled aside.
function renew(body, content) {
  const all = (selector) => [...body.querySelectorAll(selector)], back = holdFocus(body), opened = all("details").map((one) => one.open), aside = all(".scroll").map((one) => [one.scrollLeft, one.scrollTop]);
  fill(body, content);
  all("details").forEach((one, i) => (one.open = opened[i] ?? one.open));
  all(".scroll").forEach((one, i) => aside[i] && ([one.scrollLeft, one.scrollTop] = aside[i]));
  if (document.activeElement === document.body) back();
}

// What a <select> chooses on a page: open(its value, place) shows it and answers how to leave it.
export async function chosen(select, spot, open) {
  let leave = () => {};
  function show() {
    const place = el("div"), value = select.value;
    leave();
    fill(spot, place);
    const standing = stand(place, (node) => open(value, node));
    leave = standing.leave;
    return standing.stands;
  }
  select.addEventListener("change", show);
  await show();
  return () => leave();
}

// Shows view `name` by `draw`, now and after news of these families (or that `types`, a function, says yes to; without `types`
// after any, and when a hub falls or is back); answers what to do on leaving. When the record does not answer, what is shown
// stays, a line says that it is old, and it is asked again.
export async function watch(main, name, values, draw, types) {
  const body = el("div", { class: "board" }), old = el("p", { class: "late", role: "status", hidden: true });
  const concerns = typeof types === "function" ? types : (message) => !types || types.test(message.type);
  let timer = null, over = false, asked = 0, shown = 0;

  async function load() {
    clearTimeout(timer);
    timer = null;
    const mine = ++asked;
    let answer;
    try {
      answer = await api.view(name, { lang: words.lang, ...values });
    } catch (trouble) {
      if (over) return;
      old.textContent = say(trouble.status === 400 ? "refused.question" : "trouble.store_away");
      old.hidden = false;
      clearTimeout(timer);
      timer = setTimeout(load, AGAIN_MS);
      return;
    }
    if (over || mine < shown) return;
    shown = mine;
    old.hidden = true;
    try {
      renew(body, draw(answer));
    } catch (fault) {
      reportError(fault); // ours, not the record's
    }
  }
  const ends = [
    news.on("message", (message) => {
      if (!timer && concerns(message)) timer = setTimeout(load, 400);
    }),
    news.on("sight", (sees) => sees && load()),
    news.on("hubs", () => types || load()),
  ];
  main.append(old, body);
  await load();
  return () => {
    over = true;
    clearTimeout(timer);
    ends.forEach((end) => end());
  };
}
