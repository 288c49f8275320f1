import assert from 'node:assert/strict';
import { test } from 'node:test';

import { LiveMovements, readPayload } from '../../stack/web/live_movements.js';

const row = (changes) => ({
  movement_id: 'm1',
  product: '3',
  product_id: 3,
  amount: 5,
  type: 'IN',
  verdict: 'applied',
  stock_before: 28,
  stock_after: 33,
  source: 'stock/3@128',
  createdAt: '2026-11-27T12:00:01.000Z',
  ...changes,
});

test('a payload of the course is a movement, and nothing else is', () => {
  assert.deepEqual(readPayload('{"id":3,"amount":5,"type":"OUT"}'), { product: '3', delta: -5 });
  for (const text of ['Hello', '{"id":3}', '{"id":3,"amount":1.5,"type":"IN"}', '[]', 'null']) {
    assert.equal(readPayload(text), null);
  }
});

test('a message and its row of the ledger are one line, by identity', () => {
  const live = new LiveMovements();
  live.message('{"id":3,"amount":5,"type":"IN"}', 'm1', 1000);
  assert.equal(live.waiting, 1);
  live.row(row(), true);
  assert.equal(live.all.length, 1);
  const [{ place, verdict, before, after }] = live.all;
  assert.deepEqual([place, verdict, before, after], ['p3@128', 'applied', 28, 33]);
  assert.deepEqual([live.received, live.applied, live.refused, live.waiting], [1, 1, 0, 0]);
});

test('a message without identity is told by what it says, the oldest first', () => {
  const live = new LiveMovements();
  live.message('{"id":3,"amount":5,"type":"IN"}', undefined, 1000);
  live.message('{"id":3,"amount":5,"type":"IN"}', undefined, 2000);
  live.row(row(), true);
  assert.deepEqual(live.all.map((one) => one.verdict), [undefined, 'applied']);
  live.row(row({ movement_id: 'm2', verdict: 'insufficient-stock' }), true);
  assert.deepEqual(live.all.map((one) => one.verdict), ['insufficient-stock', 'applied']);
  assert.equal(live.refused, 1);
});

test('what was there before the page counts nowhere, and is kept within bounds', () => {
  const live = new LiveMovements(3);
  live.row(row(), false);
  assert.equal(live.applied, 0);
  for (let number = 0; number < 5; number += 1) live.message('Hello', `h${number}`, number);
  assert.equal(live.all.length, 3);
  assert.equal(live.waiting, 0);
});
