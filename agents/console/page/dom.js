// dom - makes elements. Text goes in as text and never as markup: what people write anywhere in the
// country is shown here as they wrote it.

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  fill(node, ...children);
  return node;
}
// What else than a form's own button somebody presses.
export const button = (inside, onclick, attributes) => el("button", { type: "button", onclick, ...attributes }, inside);
// To another page of ours, without leaving this one (app.js).
export const link = (href, inside, attributes) => el("a", { href, "data-link": true, ...attributes }, inside);
export const below = (...inside) => el("span", { class: "below" }, inside);
export const none = (text) => el("p", { class: "none" }, text);
// What works or does not, by a sign as well as by colour.
export const lit = (good, ...inside) => el("span", { class: "lamp " + (good ? "good" : "bad") }, el("span", { class: "dot", "aria-hidden": "true" }, good ? "●" : "▲"), " ", inside);
// A table that may be wider than the page is scrolled by itself, also with keys.
export const scrolled = (name, ...children) => el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name }, children);
// What one thing is known by: [name, value].
export const facts = (pairs, attributes) => el("dl", attributes, pairs.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));

const SVG = "http://www.w3.org/2000/svg";
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

export function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
}

// Where the focus is, kept over a redraw: answers how to give it back, to the same thing by its id, its key or its address, or
// to what held it (a row whose button is gone). `within` is what is drawn anew.
const signs = ["id", "data-key", "data-id", "href", "aria-label"];
export function holdFocus(within = document.body) {
  const held = document.activeElement, trail = [];
  if (held && held !== document.body && within.contains(held))
    for (let node = held; node && node !== within; node = node.parentElement) {
      const name = signs.find((one) => node.getAttribute(one)), sign = name && `${node.localName}[${name}="${CSS.escape(node.getAttribute(name))}"]`;
      if (sign) trail.push([sign, [...within.querySelectorAll(sign)].indexOf(node)]);
    }
  return () => {
    if (held?.isConnected && held !== document.body) return held.focus({ preventScroll: true });
    for (const [sign, nth] of trail) {
      const same = [...within.querySelectorAll(sign)];
      (same[nth] ?? same[0])?.focus({ preventScroll: true });
      if (document.activeElement !== document.body) return;
    }
  };
}
// New children; who was there stays there.
export function refill(node, ...children) {
  const back = holdFocus(node);
  fill(node, ...children);
  if (document.activeElement === document.body) back();
}

// The key as the Latin keyboard has it: keys work whichever letters the keyboard writes now.
export function keyOf(event) {
  if (/^Key[A-Z]$/.test(event.code) && event.key.length === 1 && event.key > "\x7f") return event.code[3].toLowerCase();
  if (event.code === "Slash" && (event.key === "." || event.key === ",")) return event.shiftKey ? "?" : "/";
  return event.key;
}
// Is this a key for the page, and not for a field or a dialog?
export const isPageKey = (event) => !event.ctrlKey && !event.altKey && !event.metaKey && !event.defaultPrevented && !event.target.closest?.("input, textarea, select, dialog");

// Precedence by shape as well as colour: an octagon stops, a triangle warns, a diamond asks.
export const shapes = {
  1: "M8 1h8l7 7v8l-7 7H8l-7-7V8z",
  2: "M12 2 23 21H1z",
  3: "M12 1 23 12 12 23 1 12z",
  4: "M3 3h18v18H3z",
  5: "M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20z",
};
export function mark(precedence, title) {
  const label = svg("title");
  label.textContent = title;
  return svg("svg", { viewBox: "0 0 24 24", class: "mark p" + precedence, role: "img" }, label,
    svg("path", { d: shapes[precedence] || shapes[5] }));
}
