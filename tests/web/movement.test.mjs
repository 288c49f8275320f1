import assert from 'node:assert/strict';
import { test } from 'node:test';

import { LARGEST, forecast, matches, movementId, payloadOf, readAmount, turnSign } from '../../stack/web/movement.js';

test('amounts as people type them', () => {
  const cases = { 5: 5, '+5': 5, '-5': -5, '\u22125': -5, ' + 1 200 ': 1200, '007': 7, [`-${LARGEST}`]: -LARGEST };
  for (const [typed, delta] of Object.entries(cases)) assert.deepEqual(readAmount(typed), { delta });
});

test('what is no amount says why', () => {
  const cases = { '': 'empty', '  ': 'empty', '+': 'not-whole', '1.5': 'not-whole', '1e3': 'not-whole', five: 'not-whole' };
  Object.assign(cases, { 0: 'zero', '-0': 'zero', 2147483648: 'too-large' });
  for (const [typed, problem] of Object.entries(cases)) assert.deepEqual(readAmount(typed), { problem }, typed);
  assert.deepEqual(readAmount('9'.repeat(40)), { problem: 'too-large' });
});

test('the sign is turned', () => {
  for (const [typed, turned] of [['5', '-5'], ['-5', '5'], ['\u22125', '5'], ['+5', '-5'], ['', '-'], ['-', '']]) {
    assert.equal(turnSign(typed), turned);
  }
});

test('the payload is the course’s', () => {
  assert.equal(payloadOf(12, 5), '{"id":12,"amount":5,"type":"IN"}');
  assert.equal(payloadOf(12, -5), '{"id":12,"amount":5,"type":"OUT"}');
});

test('what the ledger will refuse is known before', () => {
  assert.deepEqual(forecast(3, -3), { after: 0, refused: null });
  assert.deepEqual(forecast(3, -5), { after: -2, refused: 'insufficient-stock' });
  assert.equal(forecast(LARGEST, 1).refused, 'over-limit');
});

test('a movement-id is a UUIDv7: its time, its version, its variant, and random for the rest', () => {
  const id = movementId(0x0192_aabb_ccdd, new Uint8Array(10).fill(0xff));
  assert.equal(id, '0192aabb-ccdd-7fff-bfff-ffffffffffff');
  const made = Array.from({ length: 1000 }, () => movementId());
  assert.equal(new Set(made).size, 1000);
  for (const one of made) assert.match(one, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.ok(Math.abs(parseInt(made[0].replace('-', '').slice(0, 12), 16) - Date.now()) < 60_000);
});

test('products are found by words, accents aside, by number and by barcode', () => {
  const lamp = { id: 12, name: 'Détecteur de présence', barcode: '2000207253290' };
  for (const found of ['', 'presence det', 'DÉTEC', '12', '#12', '7253']) assert.ok(matches(lamp, found), found);
  for (const other of ['lamp', '#1', '13', 'presence 12']) assert.ok(!matches(lamp, other), other);
});
