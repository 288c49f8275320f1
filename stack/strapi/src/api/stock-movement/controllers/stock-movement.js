'use strict';

const { createCoreController } = require('@strapi/strapi').factories;

const { applyBatch } = require('../../../ledger/apply');
const { readBatch, readRanges } = require('../../../ledger/batch');
const { readPositions } = require('../../../ledger/positions');

module.exports = createCoreController('api::stock-movement.stock-movement', ({ strapi }) => ({
  /** POST /api/stock-movements/batch: the contract is in README.md. */
  async batch(ctx) {
    const movements = readBatch(ctx.request.body);
    ctx.body = await applyBatch(strapi, movements, readRanges(ctx.request.body));
  },

  /** GET /api/stock-movements/positions: the contract is in README.md. */
  async positions(ctx) {
    ctx.body = { positions: await readPositions(strapi) };
  },
}));
