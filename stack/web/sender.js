// Sending: because a person pressed something, and again by itself while the stock does not show it; always under one
// movement-id, by which the ledger counts it once.

import { Refused } from './broker.js';
import { movementId, payloadOf } from './movement.js';

/** Milliseconds after which a person is told that no word came. */
export const PATIENCE = 10000;

export class Sender {
  #broker;
  #topic;
  #sent;
  #changed;

  /**
   * @param {import('./broker.js').Broker} broker
   * @param {string} topic Where movements are published.
   * @param {import('./sent.js').Sent} sent What keeps them.
   * @param {(movement: object) => void} changed Called when the state of one has changed.
   */
  constructor(broker, topic, sent, changed) {
    this.#broker = broker;
    this.#topic = topic;
    this.#sent = sent;
    this.#changed = changed;
  }

  /** Send a new movement of a product; `isTyped` tells the form's from a quick button's. */
  send(product, delta, isTyped) {
    const id = movementId();
    const { id: number, name } = product;
    // Before it is sent, so that a page that is closed now sends it when it is opened again.
    const movement = this.#sent.add({ id, product: number, name, delta, isTyped, sentAt: Date.now(), state: 'sending' });
    return this.#publish(movement);
  }

  /** Send one again as it was. */
  sendAgain(movement) {
    this.#sent.noteSending(movement.id, Date.now());
    return this.#publish(movement);
  }

  async #publish(movement) {
    const started = performance.now();
    const note = (news) => {
      this.#sent.note(movement.id, news);
      this.#changed(movement);
    };
    this.#changed(movement);
    const timer = setTimeout(() => movement.state === 'sending' && note({ state: 'silent' }), PATIENCE);
    try {
      const payload = payloadOf(movement.product, movement.delta);
      const isHeard = await this.#broker.publish(this.#topic, payload, movement.id);
      const took = performance.now() - started;
      note({ state: isHeard ? 'taken' : 'unheard', took, takenAt: Date.now() });
    } catch (error) {
      note(error instanceof Refused ? { state: 'refused', why: error.message } : { state: 'broken' });
    } finally {
      clearTimeout(timer);
    }
  }
}
