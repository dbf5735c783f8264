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
  if (answer.status === 401) beginAnew();
  if (!answer.ok) throw new Trouble(answer.status, body);
  return body;
}
// Signed out meanwhile, here or elsewhere, or somebody else signed in beside it: what stands here is not theirs.
const beginAnew = () => me && location.reload();

// Something that changes something; `body`: a form, or JSON.
const post = (path, body) => ask(path, { method: "POST", body, headers: { "X-Eocbus-Token": token } });

function take(body) {
  room = body.status ?? room;
  if (!body.person || (me && me.person !== body.person)) {
    beginAnew();
    throw new Trouble(401, body);
  }
  me = body;
  token = body.token;
  return me;
}
export async function whoAmI() {
  return take(await ask("/api/me"));
}
export async function signIn(name, password) {
  return take(await post("/api/login", new URLSearchParams({ name, password })));
}
export async function signOut() {
  await post("/api/logout");
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
  return post(`/api/approve?${new URLSearchParams({ draft, id })}`);
}

// One more approval of an order to a machine, as number `seq` of the log has it; the password opens the own key for it.
export function approveOrder(draft, seq, id, password) {
  return post(`/api/approve-order?${new URLSearchParams({ draft, seq, id })}`, new URLSearchParams({ password }));
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

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
  for (let wait = 500; ; wait = Math.min(wait * 2, 8000)) {
    try {
      return await post("/api/say", body);
    } catch (trouble) {
      if (trouble instanceof Trouble && trouble.status !== 503) throw trouble;
      await pause(wait);
    }
  }
}
