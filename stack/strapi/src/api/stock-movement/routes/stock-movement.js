'use strict';

const { createCoreRouter } = require('@strapi/strapi').factories;

// A ledger is read, and written by the batch route alone: no create, update or delete.
module.exports = createCoreRouter('api::stock-movement.stock-movement', { only: ['find', 'findOne'] });
