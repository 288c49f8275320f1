import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Sent } from '../../stack/web/sent.js';
import { TEXTS, choose } from '../../stack/web/texts.js';
import { duration, outcome, signed } from '../../stack/web/words.js';

class Storage {
  #kept = new Map();
  get length() {
    return this.#kept.size;
  }
  key(place) {
    return [...this.#kept.keys()][place];
  }
  removeItem(name) {
    this.#kept.delete(name);
  }
  getItem(name) {
    return this.#kept.get(name) ?? null;
  }
  setItem(name, text) {
    this.#kept.set(name, text);
  }
}

const NOW = 1_700_000_000_000;
const NEVER = { lostAt: 0, backAt: 0 };
let clock = NOW;
const movement = (id, more) => ({
  ...{ id, product: 12, name: 'Lamp', delta: 5, isTyped: true, state: 'sending', sentAt: (clock += 1) },
  ...more,
});
const ids = (movements) => movements.map(({ id }) => id);

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

test('of what is settled only the latest are kept, and of what is not everything', () => {
  const storage = new Storage();
  const sent = new Sent(storage);
  sent.add(movement('waits'));
  for (let count = 0; count < 100; count += 1) sent.add(movement(`${count}`, { verdict: 'applied' }));
  sent.add(movement('refused', { state: 'refused' }));
  assert.equal(sent.all.length, 21);
  assert.deepEqual([sent.all[0].id, sent.all[1].id, sent.all[20].id], ['refused', '99', 'waits']);
  assert.deepEqual(ids(new Sent(storage).all), ids(sent.all));
  assert.deepEqual(sent.undecided, ['waits']);
  for (let count = 0; count < 199; count += 1) sent.add(movement(`more${count}`));
  assert.ok(sent.isFull);
});

test('what the stock does not show is sent again, ever more rarely, and a day long', () => {
  const sent = new Sent(new Storage());
  sent.add(movement('a', { state: 'taken', sentAt: NOW }));
  const at = (time) => ids(sent.due(['a'], time, NEVER));
  assert.deepEqual(at(NOW + 14999), []);
  assert.deepEqual(at(NOW + 15000), ['a']);
  assert.deepEqual(ids(sent.due([], NOW + 15000, NEVER)), []);
  let last = NOW;
  const pauses = [];
  for (let round = 0; round < 7; round += 1) {
    let now = last;
    while (at(now).length === 0) now += 1000;
    pauses.push((now - last) / 1000);
    sent.noteSending('a', now);
    sent.note('a', { state: 'taken' });
    last = now;
  }
  assert.deepEqual(pauses, [15, 30, 60, 120, 300, 600, 600]);
  assert.equal(sent.all[0].tries, 7);
  assert.deepEqual(at(NOW + 86400001), []);
  assert.equal(sent.all[0].state, 'unknown');
  assert.deepEqual(sent.undecided, []);
});

test('a connection that broke and came back makes it soon, and not before it is back', () => {
  const sent = new Sent(new Storage());
  sent.add(movement('a', { state: 'taken', sentAt: NOW }));
  const at = (time, connection) => ids(sent.due(['a'], NOW + time, connection));
  assert.deepEqual(at(9000, { lostAt: NOW + 1000, backAt: NOW - 5 }), []);
  const back = { lostAt: NOW + 1000, backAt: NOW + 4000 };
  assert.deepEqual([at(6999, back), at(7000, back)], [[], ['a']]);
  sent.noteSending('a', NOW + 7000);
  sent.note('a', { state: 'taken' });
  assert.deepEqual(at(12000, back), []);
});

test('what is under way, refused or decided is not sent again', () => {
  const sent = new Sent(new Storage());
  for (const state of ['sending', 'refused', 'silent', 'broken', 'unheard']) sent.add(movement(state, { state }));
  sent.add(movement('decided', { state: 'taken', verdict: 'applied' }));
  assert.deepEqual(ids(sent.due(ids(sent.all), NOW + 60000, NEVER)), ['unheard', 'broken', 'silent']);
});

test('two tabs send it once', () => {
  const storage = new Storage();
  const one = new Sent(storage);
  one.add(movement('a', { state: 'taken', sentAt: NOW }));
  const other = new Sent(storage);
  assert.deepEqual(ids(other.due(['a'], NOW + 15000, NEVER)), ['a']);
  one.noteSending('a', NOW + 14000);
  assert.deepEqual(ids(other.due(['a'], NOW + 15000, NEVER)), []);
});

test('a text of another program under our name is passed over', () => {
  const storage = new Storage();
  storage.setItem('opsci.sent.x', '{');
  storage.setItem('other', '1');
  assert.deepEqual(new Sent(storage).all, []);
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
    for (const state of ['sending', 'taken', 'unheard', 'silent', 'broken', 'refused', 'unknown']) {
      for (const hasLedger of [null, true, false]) {
        for (const tries of [0, 1]) {
          const one = { state, took: 12, takenAt: 0, why: 'Not authorized (135)', tries };
          assert.doesNotMatch(outcome(one, texts, 1000, hasLedger).text, /undefined|null|=>/);
        }
      }
    }
    for (const verdict of ['applied', ...Object.keys(texts.reasons)]) {
      assert.doesNotMatch(outcome({ verdict, before: 41, after: 46 }, texts, 0).text, /undefined|=>/);
    }
  }
  assert.match(outcome({ state: 'taken', took: 12, takenAt: 0 }, TEXTS.en, 6000).text, /not changed yet/);
  const lost = { state: 'broken' };
  assert.match(outcome(lost, TEXTS.en, 0, true).text, /sent again by itself, and counts once/);
  assert.match(outcome(lost, TEXTS.en, 0, false).text, /only by a press, and may then count twice/);
  assert.match(outcome({ state: 'taken', tries: 1 }, TEXTS.en, 0, true).text, /sent again, 2 times in all/);
});

test('amounts and durations in words', () => {
  assert.deepEqual([signed(5), signed(-5)], ['+5', '\u22125']);
  assert.deepEqual([duration(12.4, TEXTS.en), duration(1400, TEXTS.fr)], ['12 ms', '1,4 s']);
});
