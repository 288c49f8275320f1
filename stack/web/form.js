// The form: what is typed stays until the broker has it, through reloads and lost connections.

import { forecast, payloadOf, readAmount, turnSign } from './movement.js';

export class Form {
  #elements;
  #texts;
  #storage;
  #act;
  #product = null;
  #problem = '';

  /** The id of the chosen product, which may not be read yet, or null. */
  chosen = null;

  /**
   * @param {Record<string, HTMLElement>} elements The form's parts by their id.
   * @param {object} texts
   * @param {Storage} storage Where what is typed outlives a reload.
   * @param {object} act What the form asks and does: topic, isOnline, isFull, pending, send, sendAgain, changed.
   */
  constructor(elements, texts, storage, act) {
    this.#elements = elements;
    this.#texts = texts;
    this.#storage = storage;
    this.#act = act;
    const { form, amount, search, turn } = elements;
    const typed = JSON.parse(storage.getItem('opsci.typed') ?? '{}');
    this.chosen = typed.chosen ?? null;
    amount.value = typed.amount ?? '';
    search.value = typed.search ?? '';
    elements.topic.textContent = act.topic;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#submit();
    });
    amount.addEventListener('input', () => this.#typed());
    search.addEventListener('input', () => this.#typed());
    turn.addEventListener('click', () => {
      amount.value = turnSign(amount.value);
      amount.focus();
      this.#typed();
    });
    for (const [button, delta] of [[elements.take, -1], [elements.put, 1]]) {
      button.addEventListener('click', () => this.#quick(delta));
    }
  }

  /** Choose a product by its id. */
  choose(id) {
    this.chosen = id;
    this.#typed();
  }

  /** Forget the amount, now that it is known to have arrived; another that was typed since stays. */
  clear(movement) {
    const read = readAmount(this.#elements.amount.value);
    if (movement.isTyped && movement.product === this.chosen && movement.delta === read.delta) {
      this.#elements.amount.value = '';
      this.#typed();
    }
  }

  /** Show the form for the chosen product as Strapi has it. */
  show(products) {
    const { title, now, number, send, forecast: said, payload, problem, take, put, turn } = this.#elements;
    this.#product = products.get(this.chosen) ?? this.#product;
    if (this.#product?.id !== this.chosen) this.#product = null;
    const product = this.#product;
    const name = product?.name ?? '';
    title.textContent = product ? name : this.#texts.choose;
    now.hidden = !product;
    number.textContent = product?.stock ?? '';
    for (const button of [take, put]) button.disabled = !product;
    take.setAttribute('aria-label', this.#texts.takeOne(name));
    put.setAttribute('aria-label', this.#texts.putOne(name));
    turn.setAttribute('aria-label', this.#texts.turn);
    const { delta } = readAmount(this.#elements.amount.value);
    const pending = product && delta && this.#act.pending(product.id, delta);
    const isUnderWay = pending?.state === 'sending';
    send.textContent = isUnderWay ? this.#texts.sending : pending ? this.#texts.sendAgain : this.#texts.send;
    // Not `disabled`, which would take the focus from whoever just pressed it.
    send.setAttribute('aria-disabled', String(isUnderWay));
    said.textContent = !product ? this.#texts.chooseWhy : delta && !pending ? this.#foretell(product, delta) : '';
    said.dataset.tone = product && delta && forecast(product.stock, delta).refused ? 'bad' : 'plain';
    payload.textContent = product && delta ? payloadOf(product.id, delta) : '–';
    if (problem.textContent !== this.#problem) problem.textContent = this.#problem;
  }

  #foretell(product, delta) {
    const { after, refused } = forecast(product.stock, delta);
    return this.#texts.forecasts[refused ?? 'fine'](product.stock, after);
  }

  #submit() {
    const read = readAmount(this.#elements.amount.value);
    const pending = this.#product && read.delta && this.#act.pending(this.#product.id, read.delta);
    if (pending?.state === 'sending') return;
    if (!this.#product) this.#complain('no-product');
    else if (read.problem) this.#complain(read.problem);
    else if (!this.#act.isOnline()) this.#complain('offline');
    else if (pending) this.#go(() => this.#act.sendAgain(pending));
    else if (this.#act.isFull()) this.#complain('full');
    else this.#go(() => this.#act.send(this.#product, read.delta, true));
  }

  #quick(delta) {
    if (!this.#act.isOnline()) this.#complain('offline');
    else if (this.#act.isFull()) this.#complain('full');
    else this.#go(() => this.#act.send(this.#product, delta, false));
  }

  #go(act) {
    this.#problem = '';
    act();
  }

  #complain(problem) {
    this.#problem = this.#texts.problems[problem];
    if (problem !== 'offline' && problem !== 'full') (problem === 'no-product' ? this.#elements.search : this.#elements.amount).focus();
    this.#act.changed();
  }

  #typed() {
    this.#problem = '';
    const { amount, search } = this.#elements;
    const typed = { chosen: this.chosen, amount: amount.value, search: search.value };
    this.#storage.setItem('opsci.typed', JSON.stringify(typed));
    this.#act.changed();
  }
}
