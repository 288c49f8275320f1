import assert from 'node:assert/strict';
import { test } from 'node:test';

import { TEXTS } from '../../stack/web/texts.js';
import { stations } from '../../stack/web/timeline.js';

const sentAt = Date.UTC(2024, 0, 1, 12);
const way = (movement, hasLedger = true, texts = TEXTS.en) =>
  stations({ sentAt, tries: 0, ...movement }, texts, hasLedger).slice(1).map(({ state, name, detail }) => [state, name, detail]);

test('a movement advances from the broker to the stock, and Kafka’s place is the ledger’s', () => {
  const later = [['later', 'Kafka', 'not yet'], ['later', 'Strapi', 'not yet']];
  assert.deepEqual(way({ state: 'sending' }), [['now', 'broker', 'waits…'], ...later]);
  const taken = ['done', 'at the broker', '4 ms'];
  assert.deepEqual(way({ state: 'taken', took: 3.8 }), [taken, ['now', 'Kafka', 'waits…'], later[1]]);
  const verdict = { state: 'taken', took: 3.8, verdict: 'applied', before: 28, after: 33, source: 'stock/2@3' };
  assert.deepEqual(way(verdict), [taken, ['done', 'in Kafka', 'p2@3'], ['done', 'in Strapi', '28 → 33']]);
});

test('a refused movement ends in Strapi, in Kafka it was', () => {
  const verdict = { state: 'taken', took: 5, verdict: 'insufficient-stock', before: 3, source: 'a/b/12@34567' };
  assert.deepEqual(way(verdict).slice(1), [['done', 'in Kafka', 'p12@34567'], ['bad', 'refused', 'only 3 in stock']]);
});

test('what the broker did not take ends there', () => {
  const ends = ['unheard', 'refused', 'silent', 'broken', 'unknown'].map((state) => way({ state })[0]);
  assert.deepEqual(ends, [
    ['bad', 'broker', 'no one listens'],
    ['bad', 'broker', 'refused'],
    ['now', 'broker', 'no word'],
    ['now', 'broker', 'no word'],
    ['bad', 'broker', 'no word'],
  ]);
  assert.deepEqual(way({ state: 'unknown', took: 4 })[1], ['bad', 'Kafka', 'not known']);
});

test('the ledger’s word stands where the broker’s never came, and without a place nothing is made up', () => {
  const verdict = { state: 'silent', verdict: 'applied', before: 1, after: 2 };
  assert.deepEqual(way(verdict), [['done', 'at the broker', ''], ['done', 'in Kafka', ''], ['done', 'in Strapi', '1 → 2']]);
});

test('without a ledger no one tells of Kafka and the stock, and the page does not say that it waits', () => {
  const [, kafka, strapi] = way({ state: 'taken', took: 4 }, false);
  assert.deepEqual([kafka, strapi], [['later', 'Kafka', 'no ledger tells'], ['later', 'Strapi', 'no ledger tells']]);
});

test('every state and verdict has its stations in both languages', () => {
  for (const texts of Object.values(TEXTS)) {
    for (const state of ['sending', 'taken', 'unheard', 'silent', 'broken', 'refused', 'unknown']) {
      for (const verdict of [undefined, 'applied', ...Object.keys(texts.reasons)]) {
        for (const hasLedger of [null, true, false]) {
          const found = stations({ sentAt, state, verdict, took: 3, before: 1, after: 2 }, texts, hasLedger);
          assert.deepEqual(found.map(({ hop }) => hop), ['sent', 'mqtt', 'kafka', 'strapi']);
          assert.doesNotMatch(JSON.stringify(found), /undefined|null|=>/);
          assert.ok(found.every(({ name, detail }) => name && typeof detail === 'string'));
        }
      }
    }
  }
});
