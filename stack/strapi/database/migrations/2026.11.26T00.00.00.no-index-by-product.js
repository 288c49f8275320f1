'use strict';

module.exports = {
  /** Drop an index that no one reads by, and that each movement wrote another page of. */
  up: (knex) => knex.raw('DROP INDEX IF EXISTS stock_movements_product_id_index'),
};
