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
 * A list of rows as one parameter: a statement a kind and a batch, however many rows there are, whose text is always
 * the same. Both databases take rows apart by the same operator.
 */
const ROWS = {
  sqlite: 'json_each(?) AS handed',
  postgres: 'json_array_elements(CAST(? AS json)) AS handed(value)',
};
const MOMENT = { sqlite: '?', postgres: 'CAST(? AS timestamp)' };

const part = (place, type) => `CAST(handed.value ->> ${place} AS ${type})`;

const byClient = (write) =>
  Object.fromEntries(Object.keys(ROWS).map((client) => [client, write(ROWS[client], MOMENT[client])]));

const STOCK = 'CAST(COALESCE(products.stock_available, 0) AS bigint) + change.by';

const STATEMENTS = {
  /** Takes: when, rows of (product id, change), the largest stock. */
  change: byClient(
    (rows, moment) =>
      `UPDATE products SET stock_available = ${STOCK}, updated_at = ${moment} ` +
      `FROM (SELECT ${part(0, 'integer')} AS id, ${part(1, 'bigint')} AS by FROM ${rows}) AS change ` +
      `WHERE products.id = change.id AND ${STOCK} BETWEEN 0 AND ?`
  ),
  /** Takes: when it was created, updated and published, rows of FIELDS. */
  add: byClient(
    (rows, moment) =>
      `INSERT INTO stock_movements (created_at, updated_at, published_at, ${FIELDS.join(', ')}) ` +
      `SELECT ${moment}, ${moment}, ${moment}, ${FIELDS.map((field, place) => part(place, COLUMNS[field])).join(', ')} ` +
      `FROM ${rows}`
  ),
};

/**
 * Run one of the statements.
 *
 * @param {import('knex').Knex.Transaction} trx Where.
 * @param {Record<string, string>} statement By database.
 * @param {...unknown} parameters What it takes; rows as lists.
 * @returns {Promise<number>} How many rows it wrote.
 */
const runOn = async (trx, statement, ...parameters) => {
  const given = parameters.map((parameter) => (Array.isArray(parameter) ? JSON.stringify(parameter) : parameter));
  const done = await trx.raw(statement[trx.client.dialect === 'postgresql' ? 'postgres' : 'sqlite'], given);
  return done.changes ?? done.rowCount;
};

module.exports = { FIELDS, STATEMENTS, runOn };
