// api - what this page asks of its server, and what it says. See api/api.h for the paths.

let token = "";
export let me = null, room = ""; // room: whether all here is an exercise, also before anybody is in

export class Trouble extends Error {
  constructor(status, body) {
    super(body.text || String(status));
    this.status = status;
    this.word = body.error || "";
    this.wait = body.retry_s ?? 0; // seconds
    this.path = body.path || "";
  }
}

// What comes, without the marks that turn the direction of writing around: no text reaches beyond itself.
export const read = (text) => JSON.parse(text.replace(/[\u202a-\u202e\u2066-\u2069]/g, ""));

async function ask(path, options = {}) {
  const answer = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  const body = await answer.text().then(read).catch((broken) => {
    if (answer.ok) throw broken; // cut off on its way: nothing was said yet
    return {};
  });
  if (!answer.ok) throw new Trouble(answer.status, body);
  return body;
}

function take(body) {
  room = body.status ?? room;
  if (!body.person) throw new Trouble(401, body);
  if (me && me.person !== body.person) location.reload(); // somebody else signed in beside it: what stands here is not theirs
  me = body;
  token = body.token;
  return me;
}
export async function whoAmI() {
  return take(await ask("/api/me"));
}
export async function signIn(name, password) {
  const body = new URLSearchParams({ name, password });
  return take(await ask("/api/login", { method: "POST", body }));
}
export async function signOut() {
  await ask("/api/logout", { method: "POST", headers: { "X-Eocbus-Token": token } });
  me = null;
}
export function view(name, values = {}) {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return ask(`/api/view/${name}?${new URLSearchParams(given)}`);
}

// UUIDv7, as every message of the bus has: the same one said twice is said once. The last bit is what approved orders have.
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  let at = Date.now();
  for (let i = 5; i >= 0; i--, at = Math.floor(at / 256)) bytes[i] = at % 256;
  bytes[6] = 0x70 | (bytes[6] & 15);
  bytes[8] = 0x80 | (bytes[8] & 63);
  bytes[15] &= 254;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// The second person's word on a public alert: names the draft, and the id of what is said.
export function approve(draft, id) {
  return ask(`/api/approve?${new URLSearchParams({ draft, id })}`, { method: "POST", headers: { "X-Eocbus-Token": token } });
}

// One more approval of an order to a machine, as number `seq` of the log has it; the password opens the own key for it.
export function approveOrder(draft, seq, id, password) {
  return ask(`/api/approve-order?${new URLSearchParams({ draft, seq, id })}`, { method: "POST", body: new URLSearchParams({ password }), headers: { "X-Eocbus-Token": token } });
}

// Sends until somebody answers: the message keeps its id, so a broken connection doubles nothing.
export let telling = 0; // messages that nobody has answered yet
export async function tell(message) {
  telling++;
  try {
    return await sendOn(message);
  } finally {
    telling--;
  }
}
async function sendOn(message) {
  const known = (key, value) => value ?? undefined; // what nobody wrote is left out
  const body = JSON.stringify({ message_id: newId(), status: "STATUS_" + me.status.toUpperCase(), ...message }, known);
  const options = { method: "POST", body, headers: { "X-Eocbus-Token": token, "Content-Type": "application/json" } };
  for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
    try {
      return await ask("/api/say", options);
    } catch (trouble) {
      if (trouble instanceof Trouble && trouble.status !== 503) throw trouble;
      await new Promise((done) => setTimeout(done, wait));
    }
  }
}
