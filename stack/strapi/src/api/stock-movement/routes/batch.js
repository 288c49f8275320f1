'use strict';

// This file's name comes before that of the core routes, which would take `positions` for a documentId.
module.exports = {
  routes: [
    { method: 'POST', path: '/stock-movements/batch', handler: 'stock-movement.batch' },
    { method: 'GET', path: '/stock-movements/positions', handler: 'stock-movement.positions' },
  ],
};
