import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Stock } from '../../stack/web/stock.js';

const PAGE = 3;

let there = new Map();
let asked = [];
let isAway = false;
let now = 0;
let takes = 0;

/** What the page's own server answers, from the products that are there. */
globalThis.fetch = async (path) => {
  asked.push(path);
  now += takes;
  if (isAway) throw new TypeError('away');
  const query = new URL(path, 'http://page').searchParams;
  const rows = [...there.values()];
  const isLatest = query.get('order') === 'latest';
  if (isLatest) rows.sort((one, other) => other.at - one.at);
  const data = rows.filter((row) => isLatest || row.id > Number(query.get('after'))).slice(0, PAGE);
  const pagination = isLatest ? { pageSize: PAGE, total: there.size } : { pageSize: PAGE };
  return { ok: true, json: async () => ({ data, meta: { pagination } }) };
};
performance.now = () => now;

const ids = (stock) => [...stock.products.keys()];

beforeEach(() => {
  there = new Map([2, 3, 5, 8, 13, 21, 34].map((id) => [id, { id, name: `Lamp ${id}`, stock_available: 1, at: id }]));
  asked = [];
  isAway = false;
  now = 1000;
  takes = 0;
});

test('more products than one answer has are read behind the last one of each', async () => {
  const stock = new Stock();
  await stock.refresh();
  assert.deepEqual(ids(stock), [2, 3, 5, 8, 13, 21, 34]);
  assert.deepEqual(asked, ['products?after=0', 'products?after=5', 'products?after=21']);
  there.clear();
  await new Stock().refresh();
  assert.equal(asked.length, 4);
});

test('only the latest changes are asked for while the number of products is ours', async () => {
  const stock = new Stock();
  await stock.refresh();
  there.set(55, { id: 55, name: 'New', stock_available: 7, at: 99 });
  there.get(3).stock_available = 0;
  there.get(3).at = 98;
  asked = [];
  await stock.refresh();
  await stock.refresh();
  assert.deepEqual(asked, ['products?order=latest', 'products?order=latest']);
  assert.deepEqual([stock.products.get(3).stock, stock.products.get(55).stock, ids(stock).at(-1)], [0, 7, 55]);
});

test('a deleted product has all of them read at the next look', async () => {
  const stock = new Stock();
  await stock.refresh();
  there.delete(8);
  await stock.refresh();
  assert.ok(stock.products.has(8));
  await stock.refresh();
  assert.deepEqual(ids(stock), [2, 3, 5, 13, 21, 34]);
});

test('what takes long to read is read seldom, and half a minute is soon enough for the rest', async () => {
  const stock = new Stock();
  takes = 1000;
  await stock.refresh();
  there.delete(8);
  takes = 0;
  asked = [];
  const began = now;
  await stock.refresh();
  now = began + 59_999;
  await stock.refresh();
  assert.equal(asked.length, 2);
  now = began + 60_000;
  await stock.refresh();
  assert.ok(!stock.products.has(8));
  // The admin panel may change a row so that it is not among the latest.
  there.get(2).name = 'Renamed';
  now += 29_999;
  await stock.refresh();
  assert.equal(stock.products.get(2).name, 'Lamp 2');
  now += 1;
  await stock.refresh();
  assert.equal(stock.products.get(2).name, 'Renamed');
});

test('a Strapi that was away is read anew, as another one may stand there', async () => {
  const stock = new Stock();
  takes = 1000;
  await stock.refresh();
  isAway = true;
  await stock.refresh();
  assert.equal(stock.state, 'away');
  isAway = false;
  there = new Map([[1, { id: 1, name: 'Other', stock_available: 4, at: 1 }]]);
  await stock.refresh();
  assert.deepEqual([stock.state, ids(stock)], ['fresh', [1]]);
});
