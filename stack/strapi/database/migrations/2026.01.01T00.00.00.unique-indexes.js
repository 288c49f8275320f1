'use strict';

const { ensureIndexes } = require('../../src/database/indexes');

module.exports = {
  /** Make the unique indexes; on a fresh database there is nothing yet to index, and bootstrap does it. */
  up: ensureIndexes,
};
