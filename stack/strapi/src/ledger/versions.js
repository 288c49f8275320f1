'use strict';

const { lockNames } = require('./locks');
const { STATEMENTS, read, write } = require('./statements');

const PRODUCT = 'api::product.product';

const numbersIn = (rows) => new Map(rows.map((row) => [row.id, row.document_id]));

const timeOf = (moment) => new Date(moment).getTime();

const isPublished = (row) => row.published_at !== null;

/** What stands for a product: a published row before a draft, then the older. */
const inFront = (one, other) => isPublished(other) - isPublished(one) || one.id - other.id;

/**
 * Whether a product may have several rows: a draft beside its published one, or those of its locales.
 *
 * @param {import('@strapi/strapi').Core.Strapi} strapi The application.
 */
const hasVersions = (strapi) => {
  const { options, pluginOptions } = strapi.contentType(PRODUCT);
  return options?.draftAndPublish === true || pluginOptions?.i18n?.localized === true;
};

/**
 * A product of which there may be several rows, as one. Its id is that of its draft: a published row gets another one
 * each time that it is published.
 *
 * @param {object[]} rows All of its rows, one or more.
 */
const asOne = (rows) => {
  const ordered = [...rows].sort(inFront);
  const [front] = ordered;
  const lasting = ordered.find((row) => !isPublished(row)) ?? front;
  return { ...front, id: lasting.id, rows: ordered };
};

/**
 * Lock products with all their rows until the transaction ends.
 *
 * @param {import('knex').Knex.Transaction} trx Where.
 * @param {Set<string>} documents Their documentIds.
 * @returns {Promise<object[]>} The rows, by rising id.
 */
const lockedRows = async (trx, documents) => {
  if (documents.size === 0) {
    return [];
  }
  await lockNames(
    trx,
    [...documents].map((document) => `product/${document}`)
  );
  return read(trx, STATEMENTS.versions, [...documents]);
};

/** The documentIds of products by numeric ids that rows of them had. */
const formerIds = async (trx, numbers) => {
  const rows = numbers.length === 0 ? [] : await read(trx, STATEMENTS.formerIds, numbers);
  return new Map(rows.map((row) => [row.product_id, row.product_document_id]));
};

/** Keep numeric ids of rows that are gone, so that they name their product still. */
const keepFormerIds = async (trx, rows, at) => {
  if (rows.length > 0) {
    const former = rows.map((row) => [row.document_id, row.id]);
    await write(trx, STATEMENTS.addFormerIds, at, at, at, former);
  }
};

/**
 * What each row of products changes by, so that all rows of a product have the stock of the one in front afterwards.
 *
 * @param {Map<number, number>} changes What each product's stock changes by, by its id.
 * @param {(id: number) => {rows: object[]}} productOf The product of an id.
 * @returns {{now: Map<number, number>, later: Map<number, number>}} By the rows' ids. Those in `later` must count as
 *   changed after the others: Strapi's panel takes a draft for edited where it changed after the published row.
 */
const spread = (changes, productOf) => {
  const now = new Map();
  const later = new Map();
  for (const [id, by] of changes) {
    const { rows } = productOf(id);
    const after = (rows[0].stock_available ?? 0) + by;
    const edited = new Set(
      rows
        .filter((row) => !isPublished(row))
        .filter(({ locale, updated_at: editedAt }) =>
          rows.some((row) => isPublished(row) && row.locale === locale && timeOf(row.updated_at) < timeOf(editedAt))
        )
    );
    for (const row of rows) {
      (edited.has(row) ? later : now).set(row.id, after - (row.stock_available ?? 0));
    }
  }
  return { now, later };
};

module.exports = { PRODUCT, asOne, formerIds, hasVersions, keepFormerIds, lockedRows, numbersIn, spread };
