'use strict';

/** The columns of a recorded movement that differ from row to row, in the order of the rows that are handed over. */
const COLUMNS = {
  document_id: 'text',
  movement_id: 'text',
  product: 'text',
  product_id: 'integer',
  product_document_id: 'text',
  amount: 'integer',
  type: 'text',
  verdict: 'text',
  stock_before: 'integer',
  stock_after: 'integer',
  source: 'text',
};
const FIELDS = Object.keys(COLUMNS);

/**
 * What the databases say differently.
 *
 * `rows`: a list of rows as one parameter, so that there is a statement a kind and a batch, however many rows there
 * are, whose text is always the same; both databases take rows apart by the same operator. `among`: a list of values as
 * one parameter, to compare a column with by its index. `locked`: SQLite has no FOR UPDATE, as there the whole database
 * is locked.
 */
const DIALECTS = {
  sqlite: {
    rows: 'json_each(?) AS handed',
    among: () => 'IN (SELECT value FROM json_each(?))',
    moment: '?',
    locked: '',
  },
  postgres: {
    rows: 'json_array_elements(CAST(? AS json)) AS handed(value)',
    among: (type) => `= ANY(ARRAY(SELECT CAST(json_array_elements_text(CAST(? AS json)) AS ${type})))`,
    moment: 'CAST(? AS timestamp)',
    locked: ' FOR UPDATE',
  },
};

const part = (place, type) => `CAST(handed.value ->> ${place} AS ${type})`;

const byClient = (write) =>
  Object.fromEntries(Object.entries(DIALECTS).map(([client, dialect]) => [client, write(dialect)]));

const STOCK = 'CAST(COALESCE(products.stock_available, 0) AS bigint) + change.by';

const STATEMENTS = {
  /** Takes: movement ids. */
  recorded: byClient(
    ({ among }) =>
      'SELECT movement_id, product, product_id, amount, type, verdict, stock_before, stock_after ' +
      `FROM stock_movements WHERE movement_id ${among('text')}`
  ),
  /** Takes: row ids, documentIds, barcodes. */
  products: byClient(
    ({ among, locked }) =>
      'SELECT id, document_id, name, barcode, stock_available FROM products ' +
      `WHERE id ${among('integer')} OR document_id ${among('text')} ` +
      `OR barcode ${among('text')} ORDER BY id${locked}`
  ),
  /** Takes: when, rows of (product id, change), the largest stock. */
  change: byClient(
    ({ rows, moment }) =>
      `UPDATE products SET stock_available = ${STOCK}, updated_at = ${moment} ` +
      `FROM (SELECT ${part(0, 'integer')} AS id, ${part(1, 'bigint')} AS by FROM ${rows}) AS change ` +
      `WHERE products.id = change.id AND ${STOCK} BETWEEN 0 AND ?`
  ),
  /** Takes: when it was created, updated and published, rows of FIELDS. */
  add: byClient(
    ({ rows, moment }) =>
      `INSERT INTO stock_movements (created_at, updated_at, published_at, ${FIELDS.join(', ')}) ` +
      `SELECT ${moment}, ${moment}, ${moment}, ${FIELDS.map((field, place) => part(place, COLUMNS[field])).join(', ')} ` +
      `FROM ${rows}`
  ),
};

const run = (trx, statement, parameters) => {
  const given = parameters.map((parameter) => (Array.isArray(parameter) ? JSON.stringify(parameter) : parameter));
  return trx.raw(statement[trx.client.dialect === 'postgresql' ? 'postgres' : 'sqlite'], given);
};

/**
 * Run one of the statements that write.
 *
 * @param {import('knex').Knex.Transaction} trx Where.
 * @param {Record<string, string>} statement By database.
 * @param {...unknown} parameters What it takes; rows as lists.
 * @returns {Promise<number>} How many rows it wrote.
 */
const write = async (trx, statement, ...parameters) => {
  const done = await run(trx, statement, parameters);
  return done.changes ?? done.rowCount;
};

/**
 * Run one of the statements that read.
 *
 * @param {import('knex').Knex.Transaction} trx Where.
 * @param {Record<string, string>} statement By database.
 * @param {...unknown} parameters What it takes; values as lists.
 * @returns {Promise<object[]>} The rows.
 */
const read = async (trx, statement, ...parameters) => {
  const found = await run(trx, statement, parameters);
  return found.rows ?? found;
};

module.exports = { FIELDS, STATEMENTS, read, write };
