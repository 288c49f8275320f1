'use strict';

const { LARGEST_STOCK } = require('./batch');

const identityOf = (product) =>
  product === null ? null : { id: product.id, documentId: product.document_id, name: product.name };

// A redelivery names its product as it did the first time. Another client may name the same product differently.
const sameMovement = (entry, movement, product) =>
  entry.amount === movement.amount &&
  entry.type === movement.type &&
  (entry.product === movement.product ||
    (product !== null && (entry.product_id === product.id || entry.product_document_id === product.document_id)));

const repeated = (entry, movement, products) => {
  const product = products.named(movement.product);
  if (!sameMovement(entry, movement, product)) {
    return {
      movement_id: movement.movement_id,
      verdict: 'conflict',
      product: identityOf(product),
      stock_before: null,
      stock_after: null,
    };
  }
  return {
    movement_id: movement.movement_id,
    verdict: 'duplicate',
    product: identityOf(products.ofEntry(entry)),
    stock_before: entry.stock_before,
    stock_after: entry.stock_after,
    first_verdict: entry.verdict,
  };
};

const refusalOf = (movement) => ({
  movement_id: movement.movement_id,
  verdict: 'refused',
  product: null,
  stock_before: null,
  stock_after: null,
  reason: movement.refused,
});

const judge = (stock, movement) => {
  const after = movement.type === 'IN' ? stock + movement.amount : stock - movement.amount;
  if (after < 0) {
    return { verdict: 'insufficient-stock', after: stock };
  }
  return after > LARGEST_STOCK ? { verdict: 'over-limit', after: stock } : { verdict: 'applied', after };
};

/**
 * Decide a batch, in the order sent, from what the database holds. Changes none of its arguments.
 *
 * @param {object[]} movements What `readBatch` returned.
 * @param {Map<string, object>} recorded The ledger's rows of these movement ids.
 * @param {import('./products').Products} products Every product that the movements or those rows name, with its stock.
 * @returns {{verdicts: object[], entries: object[], changes: Map<number, number>}} One verdict for each movement; the
 *   rows to add to the ledger; for each product with an applied movement, what its stock changes by, which may be 0.
 */
const decide = (movements, recorded, products) => {
  const ledger = new Map(recorded);
  const stocks = new Map();
  const verdicts = [];
  const entries = [];
  const changes = new Map();
  for (const movement of movements) {
    if (movement.refused !== undefined) {
      verdicts.push(refusalOf(movement));
      continue;
    }
    const known = ledger.get(movement.movement_id);
    if (known !== undefined) {
      verdicts.push(repeated(known, movement, products));
      continue;
    }
    const product = products.named(movement.product);
    const before = product === null ? null : (stocks.get(product.id) ?? product.stock_available ?? 0);
    const { verdict, after } =
      product === null ? { verdict: 'unknown-product', after: null } : judge(before, movement);
    if (verdict === 'applied') {
      stocks.set(product.id, after);
      changes.set(product.id, (changes.get(product.id) ?? 0) + after - before);
    }
    const entry = {
      movement_id: movement.movement_id,
      product: movement.product,
      product_id: product?.id ?? null,
      product_document_id: product?.document_id ?? null,
      amount: movement.amount,
      type: movement.type,
      verdict,
      stock_before: before,
      stock_after: after,
      source: movement.source ?? null,
    };
    ledger.set(movement.movement_id, entry);
    entries.push(entry);
    verdicts.push({
      movement_id: movement.movement_id,
      verdict,
      product: identityOf(product),
      stock_before: before,
      stock_after: after,
    });
  }
  return { verdicts, entries, changes };
};

module.exports = { decide };
