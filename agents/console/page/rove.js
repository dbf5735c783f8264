// rove - one way to move in whatever lists a page shows: j, k and the arrows go from row to row, Enter opens what the row
// leads to, `x` what can be done about it. The queue has its own: its rows are things that are decided there.
import { isPageKey, keyOf } from "./dom.js";
import { actOf } from "./table.js";

const STEPS = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 };
const ROWS = "main [data-row], main .things a, main .found a, main .papers a";
const rows = () => [...document.querySelectorAll(ROWS)].filter((one) => one.offsetParent && !one.closest(".plot-table"));
const chosen = () => document.activeElement?.closest(ROWS);

function move(step) {
  const all = rows(), at = all.indexOf(chosen());
  all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, at + step))]?.focus();
  return all.length > 0;
}
function onKey(event) {
  const key = keyOf(event), row = chosen(), fromField = event.target.matches?.("#q") && key === "ArrowDown";
  if (!fromField && !isPageKey(event)) return;
  // Arrows scroll what is wide or long as they always did, unless a row has the focus.
  if (key.startsWith("Arrow") && !row && !fromField && event.target !== document.body && event.target.id !== "main") return;
  if (STEPS[key] ? move(STEPS[key]) : false) event.preventDefault();
  else if (key === "Enter" && row && event.target === row && row.matches("[data-row]")) {
    event.preventDefault();
    row.querySelector("a[data-link], button")?.click();
  } else if (key === "x" && row && (actOf(row) ?? row.querySelector("button.act"))) {
    event.preventDefault();
    if (actOf(row)) actOf(row)();
    else row.querySelector("button.act").click();
  }
}
export const start = () => addEventListener("keydown", onKey);
