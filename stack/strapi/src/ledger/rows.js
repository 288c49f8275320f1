'use strict';

const { randomInt } = require('node:crypto');

const { LARGEST_STOCK } = require('./batch');
const { Products, numericId } = require('./products');

const PRODUCTS = 'products';
const LEDGER = 'stock_movements';

const DOCUMENT_ID_ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';

/** A product changed between its reading and its writing. The batch is worth another try. */
class StockMovedError extends Error {}

// 24 letters and digits, the first a letter, as Strapi's own; its cuid2 hashes for each and would be half of a batch.
const documentId = () => {
  let text = DOCUMENT_ID_ALPHABET[randomInt(10, 36)];
  while (text.length < 24) {
    text += DOCUMENT_ID_ALPHABET[randomInt(36)];
  }
  return text;
};

/**
 * Take SQLite's write lock. Knex begins with a plain BEGIN, under which what is read first may be written over by
 * another process before we write; a statement that could write, and touches no row, takes the lock at once.
 */
const lockForWriting = (trx) => trx(PRODUCTS).whereRaw('0 = 1').update({ stock_available: null });

/** The ledger's rows of some movement ids, by movement id. */
const recordedMovements = async (trx, movementIds) => {
  const rows = await trx(LEDGER)
    .select('movement_id', 'product', 'product_id', 'amount', 'type', 'verdict', 'stock_before', 'stock_after')
    .whereIn('movement_id', [...movementIds]);
  return new Map(rows.map((row) => [row.movement_id, row]));
};

/**
 * The products that some references may mean, and those of some row ids, locked until the transaction ends. They are
 * locked in the order of their ids, so that two batches over the same products wait for each other instead of both
 * failing. SQLite leaves FOR UPDATE out: there the whole database is locked.
 */
const lockedProducts = async (trx, references, rowIds) => {
  const ids = [...references].map(numericId).filter((id) => id !== null);
  const rows = await trx(PRODUCTS)
    .select('id', 'document_id', 'name', 'barcode', 'stock_available')
    .where((which) =>
      which
        .whereIn('id', [...new Set([...ids, ...rowIds])])
        .orWhereIn('document_id', [...references])
        .orWhereIn('barcode', [...references])
    )
    .orderBy('id')
    .forUpdate();
  return new Products(rows);
};

/**
 * Change the stock of one product by an increment that can't leave 0..2147483647, whoever wrote it meanwhile.
 *
 * @throws {StockMovedError} It would have, so what was decided no longer holds.
 */
const changeStock = async (trx, id, change, at) => {
  const stock = 'CAST(COALESCE(stock_available, 0) AS BIGINT) + ?';
  const written = await trx(PRODUCTS)
    .where({ id })
    .whereRaw(`${stock} BETWEEN 0 AND ?`, [change, LARGEST_STOCK])
    .update({ stock_available: trx.raw(stock, [change]), updated_at: at });
  if (written !== 1) {
    throw new StockMovedError(`the stock of product ${id} can't change by ${change} any more`);
  }
};

/** Add rows to the ledger, in order, as Strapi would have: it reads them by its own routes. */
const addMovements = async (trx, entries, at, mostAtOnce) => {
  const rows = entries.map((entry) => ({
    ...entry,
    document_id: documentId(),
    created_at: at,
    updated_at: at,
    published_at: at,
  }));
  for (let from = 0; from < rows.length; from += mostAtOnce) {
    await trx(LEDGER).insert(rows.slice(from, from + mostAtOnce));
  }
};

module.exports = { StockMovedError, addMovements, changeStock, lockForWriting, lockedProducts, recordedMovements };
