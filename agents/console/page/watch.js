// watch - a page that asks one question of the record, and asks again when something of its kind happens.
import { el, fill } from "./dom.js";
import * as api from "./api.js";
import * as news from "./news.js";
import * as words from "./words.js";
import { say } from "./words.js";

// Shows view `name` by `draw`, now and after news of these families; answers what to do on leaving.
export async function watch(main, name, values, draw, types) {
  const body = el("div", { class: "board" });
  let timer = null, over = false;

  async function load() {
    timer = null;
    try {
      const answer = await api.view(name, { lang: words.lang, ...values });
      if (!over) fill(body, draw(answer));
    } catch (trouble) {
      if (trouble.status === 401) location.reload();
      else if (!body.children.length) fill(body, el("p", { class: "none" }, say("trouble.store_away")));
    }
  }
  const ends = [
    news.on("message", (message) => {
      if (!timer && (!types || types.test(message.type))) timer = setTimeout(load, 400);
    }),
    news.on("sight", (sees) => sees && load()),
  ];
  main.append(body);
  await load();
  return () => {
    over = true;
    clearTimeout(timer);
    ends.forEach((end) => end());
  };
}
