'use strict';

const { LARGEST_STOCK } = require('./batch');
const { lockDatabase } = require('./locks');
const { documentIdAt } = require('./rows');
const { STATEMENTS, read } = require('./statements');
const { PRODUCT, asOne, keepFormerIds, lockedRows } = require('./versions');

const CHANGES = new Set(['update', 'publish', 'unpublish', 'discardDraft', 'delete']);
const STOCK = 'stock_available';

/** When the form was opened that the panel saves, in milliseconds; null where it is no form that says so. */
const openedAt = (strapi, documentId) => {
  const request = strapi.requestContext.get()?.request;
  const isForm = request?.path?.startsWith('/content-manager/') && request.path.includes(documentId);
  const at = isForm ? Date.parse(request.body?.updatedAt) : Number.NaN;
  return Number.isNaN(at) ? null : at;
};

/** What movements changed a product's stock by since a moment. */
const movedSince = async (trx, documentId, at) => {
  const since = new Date(at + 1);
  const [row] = await read(trx, STATEMENTS.movedSince, documentIdAt(since), documentId, since);
  return Number(row.moved);
};

/**
 * The stock that a change asks for, undefined where it asks for none.
 *
 * The panel sends a form whole, with the stock as it was when the form was opened. Movements since then are added, or each
 * save would undo them. A locale that is new has the stock that the product has, and not the default of an empty form.
 */
const askedStock = async (strapi, trx, { action, params }, rows) => {
  const asked = action === 'update' ? params.data?.[STOCK] : undefined;
  if (asked === undefined) {
    return undefined;
  }
  const isLocalized = rows.some(({ locale }) => locale !== null);
  if (isLocalized && params.locale && !rows.some(({ locale }) => locale === params.locale)) {
    return undefined;
  }
  const at = openedAt(strapi, params.documentId);
  if (at === null || !Number.isInteger(asked)) {
    return asked;
  }
  return Math.min(Math.max(asked + (await movedSince(trx, params.documentId, at)), 0), LARGEST_STOCK);
};

const told = (result, rows) => {
  const stocks = new Map(rows.map((row) => [row.id, row[STOCK]]));
  for (const entry of [result, ...(result?.entries ?? [])]) {
    if (entry && STOCK in entry && stocks.has(entry.id)) {
      entry[STOCK] = stocks.get(entry.id);
    }
  }
  return result;
};

const changed = async (strapi, trx, context, next) => {
  const { documentId } = context.params;
  await lockDatabase(trx);
  const document = new Set([documentId]);
  const before = await lockedRows(trx, document);
  if (before.length === 0) {
    return next();
  }
  const asked = await askedStock(strapi, trx, context, before);
  if (asked !== undefined) {
    context.params.data = { ...context.params.data, [STOCK]: asked };
  }
  const result = await next();
  const after = await lockedRows(trx, document);
  if (after.length === 0) {
    return result;
  }
  const left = new Set(after.map(({ id }) => id));
  await keepFormerIds(
    trx,
    before.filter(({ id }) => !left.has(id)),
    new Date()
  );
  // As text, number or nothing: as Strapi stored what was asked for.
  const written = asked === undefined ? undefined : after.find(({ id }) => id === result?.id)?.[STOCK];
  const stock = written === undefined ? asOne(before)[STOCK] : written;
  const apart = after.filter((row) => row[STOCK] !== stock);
  if (apart.length > 0) {
    const ids = apart.map(({ id }) => id);
    await trx('products').whereIn('id', ids).update({ [STOCK]: stock });
    for (const row of apart) {
      row[STOCK] = stock;
    }
  }
  return told(result, after);
};

/**
 * Have all rows of a product keep one stock, whoever changes, publishes or discards one of them: its draft, its published
 * one and those of its locales. What is in stock is no matter of a draft, so a stock that is saved counts at once.
 *
 * @param {import('@strapi/strapi').Core.Strapi} strapi The application, before it makes its routes.
 */
const keepVersionsAlike = (strapi) => {
  strapi.documents.use((context, next) =>
    context.uid === PRODUCT && CHANGES.has(context.action) && context.params?.documentId
      ? strapi.db.transaction(({ trx }) => changed(strapi, trx, context, next))
      : next()
  );
};

module.exports = { keepVersionsAlike };
