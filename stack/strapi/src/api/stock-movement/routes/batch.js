'use strict';

module.exports = {
  routes: [{ method: 'POST', path: '/stock-movements/batch', handler: 'stock-movement.batch' }],
};
