'use strict';

// node ledger_plans.cjs APPLICATION DATABASE: how a database would run each statement that the ledger makes of a batch.
// The statements are heard as the ledger's own functions make them; the transaction is rolled back. Prints JSON.

const { createRequire } = require('node:module');
const path = require('node:path');

const [application, database] = process.argv.slice(2);
const positions = require(path.join(application, 'src', 'ledger', 'positions.js'));
const rows = require(path.join(application, 'src', 'ledger', 'rows.js'));
const knex = createRequire(path.join(application, 'package.json'))('knex')(JSON.parse(database));
const isPostgres = knex.client.config.client === 'postgres';

const ENTRIES = ['a', 'b'].map((movement_id) => ({ movement_id, product: '1', amount: 1, type: 'IN', verdict: 'applied' }));

const planOf = async (trx, { sql, bindings }) => {
  const found = await trx.client.query(await trx.client.acquireConnection(), {
    sql: `EXPLAIN ${isPostgres ? '' : 'QUERY PLAN '}${sql}`,
    bindings,
    method: 'raw',
  });
  const lines = isPostgres ? found.response.rows : found.response;
  return lines.map((line) => line.detail ?? line['QUERY PLAN']);
};

const main = async () => {
  const heard = [];
  const trx = await knex.transaction();
  trx.on('query', (query) => heard.push(query));
  if (isPostgres) {
    // Small tables are read whole whatever indexes they have; what is asked is whether an index would do.
    await trx.raw('SET LOCAL enable_seqscan = off');
  }
  // A number that is no product's id is looked for once more, as a barcode.
  await trx('products').insert({ id: 1, document_id: 'plans' }).onConflict('id').ignore();
  const settled = (first, next, partition = 0) => ({ topic: 'plans', partition, first, next });
  await positions.recordPositions(trx, [settled(0, 5)], false, new Date());
  await positions.recordPositions(trx, [settled(10, 15)], false, new Date());
  heard.length = 0;
  await rows.recordedMovements(trx, new Set(['a', 'b']));
  await rows.lockedProducts(trx, new Set(['1', '0002', 'abc']), [1]);
  await rows.changeStocks(trx, new Map(), new Date());
  await rows.addMovements(trx, ENTRIES, new Date());
  // No product with that id: it writes nothing, and says so.
  await rows.changeStocks(trx, new Map([[-1, 1], [-2, 1]]), new Date()).catch(() => {});
  // One fills a gap and joins two intervals to one, the other is of a partition that the ledger has not heard of.
  await positions.recordPositions(trx, [settled(5, 10), settled(0, 1, 1)], false, new Date());
  // Where a product may have several rows: by an id of now, an id of before or a barcode, and by other names.
  await rows.lockedVersions(trx, new Set(['1', '2000000001', '0002', 'abc']), ['plans']);
  const plans = [];
  for (const query of [...heard]) {
    plans.push({ sql: query.sql, plan: await planOf(trx, query) });
  }
  await trx.rollback();
  await knex.destroy();
  console.log(JSON.stringify(plans));
};

main();
