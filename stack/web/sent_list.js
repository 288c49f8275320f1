// What was sent from this page and what became of it, the latest first; each opens to its way.

import { Sent } from './sent.js';
import { drawWay, stations } from './timeline.js';
import { clock, outcome, signed } from './words.js';

export class SentList {
  #box;
  #templates;
  #texts;
  #sendAgain;
  #rows = new Map();

  /**
   * @param {HTMLElement} box Where the rows go.
   * @param {{sentRow: HTMLTemplateElement, station: HTMLTemplateElement, dot: HTMLTemplateElement}} templates
   * @param {object} texts
   * @param {(movement: object) => void} sendAgain Called with a movement that a person wants sent once more.
   */
  constructor(box, templates, texts, sendAgain) {
    this.#box = box;
    this.#templates = templates;
    this.#texts = texts;
    this.#sendAgain = sendAgain;
  }

  /**
   * @param {object[]} movements As in sent.js, the latest first.
   * @param {boolean | null} hasLedger Whether what is sent twice counts once; null while that is not known.
   */
  show(movements, hasLedger) {
    for (const [id, row] of this.#rows) {
      if (!movements.some((movement) => movement.id === id)) {
        row.remove();
        this.#rows.delete(id);
      }
    }
    movements.forEach((movement, place) => {
      const row = this.#rows.get(movement.id) ?? this.#make(movement);
      const { tone, text } = outcome(movement, this.#texts, Date.now(), hasLedger);
      row.dataset.tone = tone;
      row.querySelector('.outcome').textContent = text;
      row.querySelector('button').hidden = !Sent.isOpen(movement);
      const way = stations(movement, this.#texts, hasLedger);
      drawWay(row.querySelector('.way'), this.#templates.station, way);
      drawWay(row.querySelector('.dots'), this.#templates.dot, way.slice(1));
      const there = this.#box.children[place];
      if (there !== row) this.#box.insertBefore(row, there ?? null);
    });
  }

  #make(movement) {
    const row = this.#templates.sentRow.content.firstElementChild.cloneNode(true);
    row.dataset.movement = movement.id;
    row.querySelector('.amount').textContent = signed(movement.delta);
    row.querySelector('.name').textContent = movement.name;
    row.querySelector('time').textContent = clock(movement.sentAt, this.#texts);
    row.querySelector('.way').setAttribute('aria-label', this.#texts.wayOf);
    const again = row.querySelector('button');
    again.textContent = this.#texts.sendAgain;
    again.addEventListener('click', () => this.#sendAgain(movement));
    this.#rows.set(movement.id, row);
    return row;
  }
}
