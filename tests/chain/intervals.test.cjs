'use strict';

const assert = require('node:assert/strict');
const { test } = require('node:test');

const { withRange } = require('../../stack/strapi/src/ledger/intervals.js');

const offsetsOf = (intervals) => {
  const offsets = new Set();
  for (const { first, next } of intervals) for (let at = first; at < next; at += 1) offsets.add(at);
  return offsets;
};

test('ranges in any order make up the intervals of their offsets, from the first that was known on', () => {
  // A linear congruential generator: the same numbers at every run.
  let seed = 7;
  const below = (limit) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * limit);
  };
  for (let round = 0; round < 500; round += 1) {
    let known = [];
    const seen = new Set();
    for (let step = 0; step < 12; step += 1) {
      const first = below(60);
      const range = { first, next: first + below(12) };
      const isLeftOut = known.length > 0 && (range.next < known[0].first || range.first === range.next);
      known = withRange(known, range, false);
      if (!isLeftOut) for (const at of offsetsOf([range])) seen.add(at);
      assert.deepEqual(offsetsOf(known), seen);
      known.forEach((interval, place) => assert.ok(place === 0 || known[place - 1].next < interval.first));
    }
  }
});

test('an empty ledger lacks what lies between the beginning and the position', () => {
  const at = { first: 50, next: 50, begin: 10 };
  assert.deepEqual(withRange([], at, true), [{ first: 10, next: 10 }]);
  assert.deepEqual(withRange([], { ...at, next: 60 }, true), [{ first: 10, next: 10 }, { first: 50, next: 60 }]);
  assert.deepEqual(withRange([], { ...at, next: 60 }, false), [{ first: 50, next: 60 }]);
  assert.deepEqual(withRange([{ first: 10, next: 10 }], { first: 10, next: 60 }, false), [{ first: 10, next: 60 }]);
});

test('a topic that was made again begins anew', () => {
  assert.deepEqual(withRange([{ first: 0, next: 500 }], { first: 0, next: 3, anew: true }, false), [{ first: 0, next: 3 }]);
});
