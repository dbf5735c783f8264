// sms - how long a text is as text messages (3GPP TS 23.038, 23.040): 160 of the small alphabet or 70 of UCS-2 in one,
// 153 or 67 each where there are several. Any letter of Cyrillic makes all of it UCS-2.

// What takes one place of the small alphabet, and what takes two.
const small = /[\n\r -Z_a-z¡£-¥§¿ÄÅÆÇÉÑÖØÜßàäåæèéìñòöøùüΓΔΘΛΞΠΣΦΨΩ]/, twice = /[[-^{-~€]/;

export function smsLength(text) {
  const letters = [...text], isSmall = letters.every((one) => small.test(one) || twice.test(one));
  const costs = letters.map((one) => (isSmall ? (twice.test(one) ? 2 : 1) : one.length)); // UCS-2: a pair is two
  const units = costs.reduce((sum, cost) => sum + cost, 0), one = isSmall ? 160 : 70, each = isSmall ? 153 : 67;
  if (units <= one) return { letters: units, parts: units ? 1 : 0, each: one, code: isSmall ? "GSM-7" : "UCS-2" };
  let parts = 1, room = each;
  for (const cost of costs) { // neither a pair nor an escape is cut in two
    if (cost > room) {
      parts++;
      room = each;
    }
    room -= cost;
  }
  return { letters: units, parts, each, code: isSmall ? "GSM-7" : "UCS-2" };
}
