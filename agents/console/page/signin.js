// signin - name and password, before anything else is shown.
import { button, el, fill } from "./dom.js";
import * as api from "./api.js";
import * as words from "./words.js";
import { say } from "./words.js";
import { tried } from "./way.js";

export function signInPage(main, enter) {
  const trouble = el("p", { class: "trouble", role: "alert" });
  const name = el("input", { id: "name", name: "name", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true });
  const password = el("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", required: true });

  async function submit(event) {
    event.preventDefault();
    trouble.textContent = "";
    try {
      await api.signIn(name.value.trim(), password.value);
      password.value = "";
      await enter();
    } catch (why) {
      trouble.textContent = words.has(`trouble.${why.word}`) ? say(`trouble.${why.word}`, { n: why.wait }) : say("trouble.unreachable");
      password.focus();
    }
  }
  const change = (lang) => tried(async () => {
    await words.useLanguage(lang);
    words.choose(lang);
    signInPage(main, enter);
  });
  document.title = `${say("signin.title")} · eocbus`;
  fill(main, el("form", { class: "signin", onsubmit: submit },
    el("p", {}, el("b", {}, "eocbus"), ` · ${say("signin.what")}`), api.room === "exercise" ? el("p", { class: "tag" }, say("banner.exercise")) : null,
    el("h1", {}, say("signin.title")),
    el("label", { for: "name" }, say("signin.name")), name,
    el("label", { for: "password" }, say("signin.password")), password,
    trouble,
    el("button", { class: "first" }, say("signin.go")),
    el("p", { class: "languages" }, words.languages.map((one) =>
      button(words.languageNames[one], () => change(one), { lang: one, "aria-pressed": String(one === words.lang) })))));
  name.focus();
}
