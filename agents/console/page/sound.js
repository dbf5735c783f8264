// sound - rings when something of the highest precedence comes, and every half minute as long as nobody has taken it.
import * as waiting from "./waiting.js";

const AGAIN_MS = 30000;
const rung = new Set();
let sound = null, last = 0;
export let quiet = false;
// Browsers are silent until somebody has touched the page.
export const blocked = () => sound?.state === "suspended";

function tones() {
  for (let i = 0; i < 3; i++) {
    const tone = sound.createOscillator(), loud = sound.createGain(), at = sound.currentTime + i * 0.35;
    tone.type = "square";
    tone.frequency.value = i % 2 ? 660 : 880;
    loud.gain.setValueAtTime(0.08, at);
    loud.gain.setValueAtTime(0, at + 0.25);
    tone.connect(loud).connect(sound.destination);
    tone.start(at);
    tone.stop(at + 0.3);
  }
}
const urgent = () => waiting.items().filter((item) => item.precedence === 1 && !item.mine && (item.what === "alert" || item.what === "report"));

function listen() {
  const now = urgent(), fresh = now.filter((item) => !rung.has(item.id));
  fresh.forEach((item) => rung.add(item.id));
  if (fresh.length) quiet = false;
  // What is asked of a silent browser would all sound at once as soon as somebody touches the page.
  if (!now.length || quiet || blocked() || (!fresh.length && Date.now() - last < AGAIN_MS)) return;
  last = Date.now();
  tones();
}
// Quiet until the next one comes.
export function hush() {
  quiet = true;
}
// A browser takes a tenth of a second and more to make its sound: while the first answer is on its way.
export function start() {
  sound = new AudioContext();
  waiting.changed(listen);
  setInterval(listen, 5000);
  const touched = () => blocked() && sound.resume().then(listen);
  addEventListener("pointerdown", touched);
  addEventListener("keydown", touched);
  touched(); // by signing in, if that was on this page
}
