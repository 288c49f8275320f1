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
      'SELECT movement_id, product, product_id, product_document_id, amount, type, verdict, stock_before, stock_after ' +
      `FROM stock_movements WHERE movement_id ${among('text')}`
  ),
  /** Takes: row ids, documentIds, barcodes. */
  products: byClient(
    ({ among, locked }) =>
      'SELECT id, document_id, name, barcode, stock_available FROM products ' +
      `WHERE id ${among('integer')} OR document_id ${among('text')} ` +
      `OR barcode ${among('text')} ORDER BY id${locked}`
  ),
  /** The same, not locked: which products are meant, where each may have several rows. */
  look: byClient(
    ({ among }) =>
      'SELECT id, document_id, barcode FROM products ' +
      `WHERE id ${among('integer')} OR document_id ${among('text')} OR barcode ${among('text')} ORDER BY id`
  ),
  /** Takes: documentIds. */
  versions: byClient(
    ({ among, locked }) =>
      'SELECT id, document_id, name, barcode, stock_available, locale, published_at, updated_at FROM products ' +
      `WHERE document_id ${among('text')} ORDER BY id${locked}`
  ),
  /** Takes: numeric ids. */
  formerIds: byClient(
    ({ among }) => `SELECT product_id, product_document_id FROM former_product_ids WHERE product_id ${among('integer')}`
  ),
  /** Takes: when it was created, updated and published, rows of (documentId, numeric id). */
  addFormerIds: byClient(
    ({ rows, moment }) =>
      'INSERT INTO former_product_ids (created_at, updated_at, published_at, product_document_id, product_id) ' +
      `SELECT ${moment}, ${moment}, ${moment}, ${part(0, 'text')}, ${part(1, 'integer')} FROM ${rows} ` +
      'WHERE true ON CONFLICT (product_id) DO NOTHING'
  ),
  /** Takes: the first documentId that a movement of that time can have, a product's documentId, when. */
  movedSince: byClient(
    ({ moment }) =>
      "SELECT COALESCE(SUM(CASE type WHEN 'IN' THEN amount ELSE -amount END), 0) AS moved FROM stock_movements " +
      `WHERE document_id >= ? AND product_document_id = ? AND created_at >= ${moment} AND verdict = 'applied'`
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
  /** Takes: rows of (topic, partition). */
  positions: byClient(
    ({ rows, locked }) =>
      'SELECT id, topic, topic_partition, first_offset, next_offset FROM stock_positions ' +
      `WHERE (topic, topic_partition) IN (SELECT ${part(0, 'text')}, ${part(1, 'integer')} FROM ${rows}) ` +
      `ORDER BY topic, topic_partition, first_offset${locked}`
  ),
  /** Takes: when, rows of (row id, next offset). */
  movePositions: byClient(
    ({ rows, moment }) =>
      `UPDATE stock_positions SET next_offset = change.next, updated_at = ${moment} ` +
      `FROM (SELECT ${part(0, 'integer')} AS id, ${part(1, 'bigint')} AS next FROM ${rows}) AS change ` +
      'WHERE stock_positions.id = change.id'
  ),
  /** Takes: row ids. */
  dropPositions: byClient(({ among }) => `DELETE FROM stock_positions WHERE id ${among('integer')}`),
  /** Takes: when it was created, updated and published, rows of (topic, partition, first offset, next offset). */
  addPositions: byClient(
    ({ rows, moment }) =>
      'INSERT INTO stock_positions ' +
      '(created_at, updated_at, published_at, topic, topic_partition, first_offset, next_offset) ' +
      `SELECT ${moment}, ${moment}, ${moment}, ${part(0, 'text')}, ${part(1, 'integer')}, ` +
      `${part(2, 'bigint')}, ${part(3, 'bigint')} FROM ${rows}`
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
