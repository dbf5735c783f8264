// first - what the first view asks of the server, while the rest of the script is still on its way: index.html has this file
// before app.js, and all at once what does not need one another.
import * as api from "./api.js";
import * as waiting from "./waiting.js";
import * as words from "./words.js";

// Words and names are there when it answers, the list when `here` does.
export async function ask() {
  const lang = words.languageOf(api.me), here = waiting.again(lang);
  await Promise.all([words.useLanguage(lang), words.call(api.view("names", { lang }))]);
  return { here };
}
export const asked = api.whoAmI().then(ask);
asked.catch(() => {}); // app.js says it
