'use strict';

const { randomInt } = require('node:crypto');

const { LARGEST_STOCK } = require('./batch');
const { Products, Versions, numericId } = require('./products');
const { FIELDS, STATEMENTS, read, write } = require('./statements');
const { formerIds, lockedRows, numbersIn } = require('./versions');

const DOCUMENT_ID_ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';

/** A product changed between its reading and its writing. The batch is worth another try. */
class StockMovedError extends Error {}

// 24 letters and digits, the first a letter, as Strapi's own; its cuid2 hashes for each and would be half of a batch.
// In the order of time, so that their index grows at its end: where it grows everywhere, a batch of 500 writes as many
// pages of it, the more the longer the ledger is.
const documentIdAt = (at) => `m${at.getTime().toString(36).padStart(9, '0')}`;

const documentId = (at) => {
  let text = documentIdAt(at);
  while (text.length < 24) {
    text += DOCUMENT_ID_ALPHABET[randomInt(36)];
  }
  return text;
};

/** Whether the ledger has no movement at all. */
const hasNoMovement = async (trx) => (await trx('stock_movements').select('id').limit(1)).length === 0;

/** The ledger's rows of some movement ids, by movement id. */
const recordedMovements = async (trx, movementIds) => {
  const rows = await read(trx, STATEMENTS.recorded, [...movementIds]);
  return new Map(rows.map((row) => [row.movement_id, row]));
};

/**
 * The products that some references may mean, and those of some row ids, locked until the transaction ends. They are
 * locked in the order of their ids, so that two batches over the same products wait for each other instead of both
 * failing.
 *
 * A number that is a product's id is not looked for as a documentId and a barcode too: it would mean the same product,
 * and among very many products each search takes its time. What the other numbers mean is locked after the rest, so of
 * two batches with such numbers PostgreSQL may let one fail, which is tried again (`retry.js`).
 */
const lockedProducts = async (trx, references, rowIds) => {
  const numbers = new Set([...references].filter((reference) => numericId(reference) !== null));
  const words = [...references].filter((reference) => !numbers.has(reference));
  const ids = new Set([...numbers].map(Number).concat(rowIds));
  const rows = await read(trx, STATEMENTS.products, [...ids], words, words);
  for (const { id } of rows) {
    numbers.delete(String(id));
  }
  if (numbers.size > 0) {
    rows.push(...(await read(trx, STATEMENTS.products, [], [...numbers], [...numbers])));
  }
  return new Products(rows.sort((one, other) => one.id - other.id));
};

/**
 * The same where a product may have several rows: its draft, its locales. First it is found out which products are meant,
 * then each is locked with all its rows, of which publishing may have replaced some meanwhile.
 *
 * @param {string[]} documents The documentIds of products that are wanted as well.
 */
const lockedVersions = async (trx, references, documents) => {
  const numbers = new Set([...references].filter((reference) => numericId(reference) !== null));
  const words = [...references].filter((reference) => !numbers.has(reference));
  const rows = await read(trx, STATEMENTS.look, [...numbers].map(Number), words, words);
  const ids = numbersIn(rows);
  const before = await formerIds(
    trx,
    [...numbers].map(Number).filter((number) => !ids.has(number))
  );
  const others = [...numbers].filter((number) => !ids.has(Number(number)) && !before.has(Number(number)));
  if (others.length > 0) {
    rows.push(...(await read(trx, STATEMENTS.look, [], others, others)));
  }
  const meant = new Set([...rows.map((row) => row.document_id), ...before.values(), ...documents]);
  return new Versions(await lockedRows(trx, meant), new Map([...before, ...ids]));
};

/**
 * Change the stock of products by increments that can't leave 0..2147483647, whoever wrote them meanwhile.
 *
 * @param {Map<number, number>} changes What each product's stock changes by.
 * @throws {StockMovedError} One would have, so what was decided no longer holds.
 */
const changeStocks = async (trx, changes, at) => {
  if (changes.size === 0) {
    return;
  }
  // In the order of their rows, so that each page of a large table is come by once.
  const ordered = [...changes].sort(([one], [other]) => one - other);
  const written = await write(trx, STATEMENTS.change, at, ordered, LARGEST_STOCK);
  if (written !== changes.size) {
    throw new StockMovedError(`${changes.size - written} of ${changes.size} stocks can't change as decided any more`);
  }
};

/** Add rows to the ledger, in order, as Strapi would have: it reads them by its own routes. */
const addMovements = async (trx, entries, at) => {
  if (entries.length > 0) {
    const rows = entries.map((entry) => FIELDS.map((field) => (field === 'document_id' ? documentId(at) : entry[field])));
    await write(trx, STATEMENTS.add, at, at, at, rows);
  }
};

module.exports = {
  StockMovedError,
  addMovements,
  changeStocks,
  documentIdAt,
  hasNoMovement,
  lockedProducts,
  lockedVersions,
  recordedMovements,
};
