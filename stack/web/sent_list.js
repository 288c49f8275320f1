// What was sent from this page and what became of it, the latest first.

import { Sent } from './sent.js';
import { clock, outcome, signed } from './words.js';

export class SentList {
  #box;
  #template;
  #texts;
  #sendAgain;
  #rows = new Map();

  /**
   * @param {HTMLElement} box Where the rows go.
   * @param {HTMLTemplateElement} template One row.
   * @param {object} texts
   * @param {(movement: object) => void} sendAgain Called with a movement that a person wants sent once more.
   */
  constructor(box, template, texts, sendAgain) {
    this.#box = box;
    this.#template = template;
    this.#texts = texts;
    this.#sendAgain = sendAgain;
  }

  /** @param {object[]} movements As in sent.js, the latest first. */
  show(movements) {
    for (const [id, row] of this.#rows) {
      if (!movements.some((movement) => movement.id === id)) {
        row.remove();
        this.#rows.delete(id);
      }
    }
    movements.forEach((movement, place) => {
      const row = this.#rows.get(movement.id) ?? this.#make(movement);
      const { tone, text } = outcome(movement, this.#texts, Date.now());
      row.dataset.tone = tone;
      row.querySelector('.outcome').textContent = text;
      row.querySelector('button').hidden = !Sent.isOpen(movement);
      const there = this.#box.children[place];
      if (there !== row) this.#box.insertBefore(row, there ?? null);
    });
  }

  #make(movement) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    row.dataset.movement = movement.id;
    row.querySelector('.amount').textContent = signed(movement.delta);
    row.querySelector('.name').textContent = movement.name;
    row.querySelector('time').textContent = clock(movement.sentAt, this.#texts);
    const again = row.querySelector('button');
    again.textContent = this.#texts.sendAgain;
    again.addEventListener('click', () => this.#sendAgain(movement));
    this.#rows.set(movement.id, row);
    return row;
  }
}
