'use strict';

const { decide } = require('./decide');
const { lockDatabase } = require('./locks');
const { recordPositions } = require('./positions');
const { untilThrough } = require('./retry');
const {
  addMovements,
  changeStocks,
  hasNoMovement,
  lockedProducts,
  lockedVersions,
  recordedMovements,
} = require('./rows');
const { hasVersions } = require('./versions');

const A_MOMENT_MS = 1;

const productsOf = (strapi, trx, references, entries) => {
  const known = (field) => entries.map((entry) => entry[field]).filter((value) => value !== null);
  return hasVersions(strapi)
    ? lockedVersions(trx, references, known('product_document_id'))
    : lockedProducts(trx, references, known('product_id'));
};

const applyMovements = async (strapi, trx, movements) => {
  const readable = movements.filter((movement) => movement.refused === undefined);
  const recorded = await recordedMovements(trx, new Set(readable.map((movement) => movement.movement_id)));
  const references = new Set(readable.map((movement) => movement.product));
  const products = await productsOf(strapi, trx, references, [...recorded.values()]);
  // Once nobody else can change them: of two batches with one product the later one has the later time.
  const at = new Date();
  const { verdicts, entries, changes } = decide(movements, recorded, products);
  const { now, later } = products.rowChanges(changes);
  await changeStocks(trx, now, at);
  await changeStocks(trx, later, new Date(at.getTime() + A_MOMENT_MS));
  // Last, as it may have to wait for another batch with the same movements, or find that it came first.
  await addMovements(trx, entries, at);
  return verdicts;
};

const inTransaction = async (strapi, trx, movements, ranges) => {
  await lockDatabase(trx);
  const isEmpty = ranges.some(({ begin }) => typeof begin === 'number') && (await hasNoMovement(trx));
  const verdicts = movements.length === 0 ? [] : await applyMovements(strapi, trx, movements);
  return { verdicts, gaps: await recordPositions(trx, ranges, isEmpty, new Date()), alike: true };
};

/**
 * Record and apply a batch of movements, all in one database transaction, each movement id once.
 *
 * @param {import('@strapi/strapi').Core.Strapi} strapi The application.
 * @param {object[]} movements What `readBatch` returned.
 * @param {object[]} ranges What `readRanges` returned.
 * @returns {Promise<{verdicts: object[], gaps: number, alike: true}>} A verdict for each, in the order sent; in how many
 *   of the ranges' partitions there are records that the ledger has not seen; and that all rows of a product, its draft
 *   and its locales, keep one stock.
 */
const applyBatch = async (strapi, movements, ranges) =>
  movements.length === 0 && ranges.length === 0
    ? { verdicts: [], gaps: 0, alike: true }
    : untilThrough(() => strapi.db.transaction(({ trx }) => inTransaction(strapi, trx, movements, ranges)));

module.exports = { applyBatch };
