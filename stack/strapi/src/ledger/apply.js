'use strict';

const { decide } = require('./decide');
const { untilThrough } = require('./retry');
const { addMovements, changeStocks, lockForWriting, lockedProducts, recordedMovements } = require('./rows');

const inTransaction = async (strapi, trx, movements) => {
  if (strapi.db.dialect.client === 'sqlite') {
    await lockForWriting(trx);
  }
  const recorded = await recordedMovements(trx, new Set(movements.map((movement) => movement.movement_id)));
  const references = new Set(movements.map((movement) => movement.product));
  const rowIds = [...recorded.values()].map((row) => row.product_id).filter((id) => id !== null);
  const products = await lockedProducts(trx, references, rowIds);
  const { verdicts, entries, changes } = decide(movements, recorded, products);
  const at = new Date();
  await changeStocks(trx, changes, at);
  // Last, as it may have to wait for another batch with the same movements, or find that it came first.
  await addMovements(trx, entries, at);
  return verdicts;
};

/**
 * Record and apply a batch of movements, all in one database transaction, each movement id once.
 *
 * @param {import('@strapi/strapi').Core.Strapi} strapi The application.
 * @param {object[]} movements What `readBatch` returned.
 * @returns {Promise<object[]>} A verdict for each, in the order sent.
 */
const applyBatch = async (strapi, movements) =>
  movements.length === 0
    ? []
    : untilThrough(() => strapi.db.transaction(({ trx }) => inTransaction(strapi, trx, movements)));

module.exports = { applyBatch };
