'use strict';

const { createCoreController } = require('@strapi/strapi').factories;

const { applyBatch } = require('../../../ledger/apply');
const { readBatch } = require('../../../ledger/batch');

module.exports = createCoreController('api::stock-movement.stock-movement', ({ strapi }) => ({
  /** POST /api/stock-movements/batch: the contract is in README.md. */
  async batch(ctx) {
    const movements = readBatch(ctx.request.body);
    ctx.body = { verdicts: await applyBatch(strapi, movements) };
  },
}));
