// The movements that were sent from this page, each once under its identity, kept over a reload.

const KEPT = 20;
const UNSETTLED = new Set(['silent', 'broken', 'refused', 'unheard']);

/**
 * A movement that was sent:
 *   id, product, name, delta   what was sent, under which movement-id
 *   isTyped                    whether by the form, and not by a quick button
 *   sentAt                     when it was pressed first, in milliseconds since the epoch
 *   state                      sending: no word yet; taken: the broker has it; unheard: the broker has it, and no one
 *                              had subscribed to it; silent: no word for too long; broken: the connection, or the
 *                              page, ended before the word came; refused: the broker does not take it
 *   took                       after how many milliseconds the word came
 *   takenAt                    when it came
 *   verdict, before, after     what the ledger says, once it has it
 */
export class Sent {
  #storage;
  #movements;

  /** @param {Storage} storage Where they outlive a reload, and no more than that: the session's. */
  constructor(storage) {
    this.#storage = storage;
    this.#movements = JSON.parse(storage.getItem('opsci.sent') ?? '[]');
    for (const movement of this.#movements) {
      // Whether the broker had it is not known here any more; nothing is sent for that.
      if (movement.state === 'sending') movement.state = 'broken';
    }
  }

  /** The latest first. */
  get all() {
    return this.#movements;
  }

  /** Enter a new movement. */
  add(movement) {
    this.#movements.unshift(movement);
    this.#movements.length = Math.min(this.#movements.length, KEPT);
    this.#keep();
  }

  /** Note what became of one; a word that the broker gave once stands, and so does the ledger's. */
  note(id, news) {
    const movement = this.#movements.find((one) => one.id === id);
    if (!movement) return;
    const { state, ...rest } = news;
    if (state && !(movement.state === 'taken' && state !== 'taken')) movement.state = state;
    Object.assign(movement, rest);
    this.#keep();
  }

  /** Whether a press may send it again: no one knows that the broker has it, and the ledger has not. */
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

  /** The movement-ids that the ledger is still to be asked for. */
  get undecided() {
    return this.#movements.filter((one) => !one.verdict).map((one) => one.id);
  }

  #keep() {
    this.#storage.setItem('opsci.sent', JSON.stringify(this.#movements));
  }
}
