// A movement before it is sent: pure, so that Node.js tests it as it is.

/** The most a movement moves, and the most a stock holds: what Strapi's integer takes. */
export const LARGEST = 2147483647;

/**
 * Read a typed amount: a whole number with or without its sign.
 * @param {string} text What was typed; a minus may be a hyphen or U+2212, which phones write.
 * @returns {{delta: number} | {problem: 'empty' | 'not-whole' | 'zero' | 'too-large'}}
 */
export function readAmount(text) {
  const typed = text.replace(/\s/g, '').replace('\u2212', '-');
  if (typed === '') return { problem: 'empty' };
  if (!/^[+-]?\d+$/.test(typed)) return { problem: 'not-whole' };
  const delta = Number(typed);
  if (delta === 0) return { problem: 'zero' };
  return Math.abs(delta) > LARGEST ? { problem: 'too-large' } : { delta };
}

/** Turn the sign of a typed amount, whatever else stands there; an empty one becomes a minus. */
export function turnSign(text) {
  const typed = text.trim();
  return /^[-\u2212]/.test(typed) ? typed.slice(1) : `-${typed.replace(/^\+/, '')}`;
}

/**
 * The payload as the course has it: the size of the change and its direction, never the new stock.
 * @param {number} product The product's numeric id.
 * @param {number} delta Not zero.
 */
export function payloadOf(product, delta) {
  return JSON.stringify({ id: product, amount: Math.abs(delta), type: delta > 0 ? 'IN' : 'OUT' });
}

/**
 * What the ledger will say, going by the stock that is shown.
 * @returns {{after: number, refused: null | 'insufficient-stock' | 'over-limit'}}
 */
export function forecast(stock, delta) {
  const after = stock + delta;
  if (after < 0) return { after, refused: 'insufficient-stock' };
  return { after, refused: after > LARGEST ? 'over-limit' : null };
}

/**
 * Make a UUIDv7 (RFC 9562, section 5.7). crypto.randomUUID would do for most, but a browser has it only in a secure
 * context, and a phone reaches this page by plain HTTP.
 * @param {number} now Milliseconds since the epoch.
 * @param {Uint8Array} random 10 random bytes.
 */
export function movementId(now = Date.now(), random = crypto.getRandomValues(new Uint8Array(10))) {
  const bytes = new Uint8Array(16);
  for (let place = 0; place < 6; place += 1) bytes[place] = Math.floor(now / 2 ** (8 * (5 - place))) % 256;
  bytes.set(random, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

const plain = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

/**
 * Whether a product is one that was searched for: by words of its name in any order, by its id, by its barcode.
 * @param {{id: number, name: string, barcode: string}} product
 * @param {string} search
 */
export function matches(product, search) {
  const typed = search.trim();
  if (typed.replace(/^#/, '') === String(product.id)) return true;
  if (/^\d+$/.test(typed) && product.barcode.includes(typed)) return true;
  const name = plain(product.name);
  return plain(typed).split(/\s+/).every((word) => name.includes(word));
}
