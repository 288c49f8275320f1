// The movements that were sent from this browser, each once under its identity, kept until the stock shows them.

const PREFIX = 'opsci.sent.';
const KEPT = 20;
/** How many may wait for the stock; then nothing more is sent until one has come. */
const MOST = 200;
const UNSETTLED = new Set(['silent', 'broken', 'refused', 'unheard']);

/** Milliseconds until a movement that the stock does not show is sent again by itself; the last one stays. */
const PAUSES = [15000, 30000, 60000, 120000, 300000, 600000];
/** Milliseconds after a lost connection is back until what the stock does not show counts as forgotten. */
const SETTLES = 3000;
/** The least milliseconds between two sendings of one movement. */
const GAP = 5000;
const DAY = 86400000;

/**
 * A movement that was sent:
 *   id, product, name, delta   what was sent, under which movement-id
 *   isTyped                    whether by the form, and not by a quick button
 *   sentAt                     when it was pressed first, in milliseconds since the epoch
 *   triedAt                    when it was sent last
 *   tries                      how often it was sent beyond the first time
 *   state                      sending: no word yet; taken: the broker has it; unheard: no one had subscribed to it, and
 *                              the broker threw it away; silent: no word for too long; broken: the connection, or the
 *                              page, ended before the word came; refused: the broker does not take it; unknown: the
 *                              stock did not show it within a day
 *   took                       after how many milliseconds the word came
 *   takenAt                    when it came
 *   verdict, before, after     what the ledger says, once it has it
 *   source                     where the ledger says that it was in Kafka, such as `stock/3@128`
 */
export class Sent {
  #storage;
  #movements;

  /** @param {Storage} storage Where each has a key of its own, and outlives the page and the browser. */
  constructor(storage) {
    this.#storage = storage;
    const keys = Array.from({ length: storage.length }, (_, place) => storage.key(place));
    this.#movements = keys
      .filter((key) => key.startsWith(PREFIX))
      .flatMap((key) => this.#read(key) ?? [])
      .sort((one, other) => other.sentAt - one.sentAt);
    for (const movement of this.#movements) {
      // Whether the broker had it is not known here any more.
      if (movement.state === 'sending') movement.state = 'broken';
    }
  }

  /** The latest first. */
  get all() {
    return this.#movements;
  }

  /** Whether as many wait for the stock as may. */
  get isFull() {
    return this.undecided.length >= MOST;
  }

  /** Enter a new movement. */
  add(movement) {
    this.#movements.unshift({ tries: 0, triedAt: movement.sentAt, ...movement });
    const over = this.#movements.filter((one) => !Sent.#waits(one)).slice(KEPT);
    for (const one of over) this.#storage.removeItem(PREFIX + one.id);
    this.#movements = this.#movements.filter((one) => !over.includes(one));
    this.#keep(this.#movements[0]);
    return this.#movements[0];
  }

  /** Note what became of one; a word that the broker gave once stands, and so does the ledger's. */
  note(id, news) {
    const movement = this.#movements.find((one) => one.id === id);
    if (!movement) return;
    const { state, ...rest } = news;
    const stands = movement.state === 'taken' && state !== 'taken' && state !== 'unknown';
    if (state && !stands) movement.state = state;
    Object.assign(movement, rest);
    this.#keep(movement);
  }

  /** Note that one is sent once more. */
  noteSending(id, now) {
    const movement = this.#movements.find((one) => one.id === id);
    this.note(id, { state: 'sending', triedAt: now, tries: movement.tries + 1 });
  }

  /**
   * What to send again by itself, of what the ledger has just been asked for and does not know.
   * @param {string[]} asked Their movement-ids.
   * @param {number} now Milliseconds since the epoch.
   * @param {{lostAt: number, backAt: number}} connection When it was lost, and was there again; 0 for never.
   */
  due(asked, now, { lostAt, backAt }) {
    return this.#movements.filter((movement) => {
      if (!asked.includes(movement.id) || !Sent.#waits(movement) || movement.state === 'sending') return false;
      if (now - movement.sentAt > DAY) {
        this.note(movement.id, { state: 'unknown' });
        return false;
      }
      // Another tab of this browser may have sent it meanwhile.
      const { triedAt, tries } = this.#read(PREFIX + movement.id) ?? movement;
      const pause = PAUSES[Math.min(tries, PAUSES.length - 1)];
      const forgotten = lostAt > triedAt && backAt > lostAt;
      return now >= (forgotten ? Math.max(backAt + SETTLES, triedAt + GAP) : triedAt + pause);
    });
  }

  /** Whether a press may send it again at once: no one knows that the broker has it, and the ledger has not. */
  static isOpen(movement) {
    return UNSETTLED.has(movement.state) && !movement.verdict;
  }

  /** The typed movement of a product by an amount that is under way or may be sent again, or nothing. */
  pending(product, delta) {
    return this.#movements.find(
      (one) =>
        one.isTyped &&
        one.product === product &&
        one.delta === delta &&
        !one.verdict &&
        (one.state === 'sending' || Sent.isOpen(one)),
    );
  }

  /** The movement-ids that the ledger is still to be asked for, the oldest first. */
  get undecided() {
    return this.#movements.filter(Sent.#waits).map((one) => one.id).reverse();
  }

  /** Whether the ledger may still say something that matters: what the broker refused, or is given up, is over. */
  static #waits({ verdict, state }) {
    return !verdict && state !== 'refused' && state !== 'unknown';
  }

  #read(key) {
    try {
      return JSON.parse(this.#storage.getItem(key));
    } catch {
      return null;
    }
  }

  #keep(movement) {
    this.#storage.setItem(PREFIX + movement.id, JSON.stringify(movement));
  }
}
