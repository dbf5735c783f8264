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
  node.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";
export function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

export function fill(node, ...children) {
  node.replaceChildren(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
}

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
