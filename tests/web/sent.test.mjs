import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Sent } from '../../stack/web/sent.js';
import { TEXTS, choose } from '../../stack/web/texts.js';
import { duration, outcome, signed } from '../../stack/web/words.js';

class Storage {
  #kept = new Map();
  getItem(name) {
    return this.#kept.get(name) ?? null;
  }
  setItem(name, text) {
    this.#kept.set(name, text);
  }
}

const movement = (id, more) => ({ id, product: 12, name: 'Lamp', delta: 5, isTyped: true, state: 'sending', ...more });

test('a reload keeps what was sent, and does not know whether the broker has what was under way', () => {
  const storage = new Storage();
  const before = new Sent(storage);
  before.add(movement('a'));
  before.add(movement('b'));
  before.note('a', { state: 'taken', took: 12 });
  const after = new Sent(storage);
  assert.deepEqual(after.all.map(({ id, state }) => [id, state]), [['b', 'broken'], ['a', 'taken']]);
});

test('the broker’s word stands, whatever becomes of a second sending', () => {
  const sent = new Sent(new Storage());
  sent.add(movement('a'));
  sent.note('a', { state: 'silent' });
  sent.note('a', { state: 'sending' });
  sent.note('a', { state: 'taken' });
  sent.note('a', { state: 'broken' });
  assert.equal(sent.all[0].state, 'taken');
});

test('what is open is sent again, and what the ledger has is not', () => {
  const sent = new Sent(new Storage());
  sent.add(movement('a', { state: 'silent' }));
  assert.equal(sent.pending(12, 5).id, 'a');
  assert.equal(sent.pending(12, -5), undefined);
  assert.equal(sent.pending(13, 5), undefined);
  sent.note('a', { verdict: 'applied', before: 41, after: 46 });
  assert.equal(sent.pending(12, 5), undefined);
  assert.deepEqual(sent.undecided, []);
});

test('a quick button’s movement is not the form’s', () => {
  const sent = new Sent(new Storage());
  sent.add(movement('a', { isTyped: false, state: 'silent' }));
  assert.equal(sent.pending(12, 5), undefined);
});

test('only the latest are kept', () => {
  const sent = new Sent(new Storage());
  for (let count = 0; count < 100; count += 1) sent.add(movement(`${count}`));
  assert.equal(sent.all.length, 20);
  assert.equal(sent.all[0].id, '99');
});

test('both languages say everything', () => {
  const keys = (texts) =>
    Object.entries(texts).flatMap(([key, text]) => (typeof text === 'object' ? keys(text).map((one) => `${key}.${one}`) : [key]));
  assert.deepEqual(keys(TEXTS.fr), keys(TEXTS.en));
});

test('the first preferred language that is spoken is chosen, else English', () => {
  assert.equal(choose(['de-DE', 'fr-CA', 'en']), TEXTS.fr);
  assert.equal(choose(['de']), TEXTS.en);
});

test('every state and verdict has its words', () => {
  for (const texts of Object.values(TEXTS)) {
    for (const state of ['sending', 'taken', 'unheard', 'silent', 'broken', 'refused']) {
      const { text } = outcome({ state, took: 12, takenAt: 0, why: 'Not authorized (135)' }, texts, 1000);
      assert.doesNotMatch(text, /undefined|=>/);
    }
    for (const verdict of Object.keys(texts.verdicts)) {
      assert.doesNotMatch(outcome({ verdict, before: 41, after: 46 }, texts, 0).text, /undefined|=>/);
    }
  }
  assert.match(outcome({ state: 'taken', took: 12, takenAt: 0 }, TEXTS.en, 6000).text, /not changed yet/);
});

test('amounts and durations in words', () => {
  assert.deepEqual([signed(5), signed(-5)], ['+5', '\u22125']);
  assert.deepEqual([duration(12.4, TEXTS.en), duration(1400, TEXTS.fr)], ['12 ms', '1,4 s']);
});
