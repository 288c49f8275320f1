'use strict';

const { ensureIndexes } = require('./database/indexes');
const { serveTls } = require('./tls');
const { RIGHTS } = require('./tokens/rights');
const { ensureToken } = require('./tokens/token');

module.exports = {
  /** Runs at each start, after Strapi has brought the tables up to date and before it listens. */
  async bootstrap({ strapi }) {
    serveTls(strapi);
    await ensureIndexes(strapi.db.connection);
    for (const right of RIGHTS) {
      const file = process.env[right.variable];
      if (file) {
        await ensureToken(strapi, right, file);
      }
    }
  },
};
