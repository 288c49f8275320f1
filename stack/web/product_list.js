// The products as a list of radio buttons: arrow keys, screen readers and thumbs know those already.

import { matches } from './movement.js';

const MOST_SHOWN = 300;

export class ProductList {
  #box;
  #template;
  #texts;
  #rows = new Map();

  /**
   * @param {HTMLElement} box Where the rows go.
   * @param {HTMLTemplateElement} template One row.
   * @param {object} texts
   */
  constructor(box, template, texts) {
    this.#box = box;
    this.#template = template;
    this.#texts = texts;
  }

  /**
   * Show the products that were searched for; rows that stay keep the focus and the place that they have.
   * @param {Map<number, object>} products
   * @param {string} search
   * @param {number | null} chosen The id of the chosen one.
   * @returns {number} How many match.
   */
  show(products, search, chosen) {
    const found = [...products.values()].filter((product) => matches(product, search));
    const shown = found.slice(0, MOST_SHOWN);
    const ids = new Set(shown.map((product) => product.id));
    for (const [id, row] of this.#rows) {
      if (!ids.has(id)) {
        row.remove();
        this.#rows.delete(id);
      }
    }
    shown.forEach((product, place) => {
      const row = this.#rows.get(product.id) ?? this.#make(product.id);
      this.#write(row, product, product.id === chosen);
      const there = this.#box.children[place];
      if (there !== row) this.#box.insertBefore(row, there ?? null);
    });
    return found.length;
  }

  #make(id) {
    const row = this.#template.content.firstElementChild.cloneNode(true);
    row.querySelector('input').value = id;
    row.querySelector('.unit').textContent = this.#texts.inStock;
    this.#rows.set(id, row);
    return row;
  }

  #write(row, product, isChosen) {
    const stock = String(product.stock);
    const number = row.querySelector('.number');
    if (number.textContent !== '' && number.textContent !== stock) {
      row.classList.remove('changed');
      // Read, so that the browser starts the animation anew.
      void row.offsetWidth;
      row.classList.add('changed');
    }
    number.textContent = stock;
    row.classList.toggle('empty', product.stock === 0);
    row.querySelector('.name').textContent = product.name;
    row.querySelector('.code').textContent = [`#${product.id}`, product.barcode].filter(Boolean).join(' · ');
    row.querySelector('input').checked = isChosen;
  }
}
