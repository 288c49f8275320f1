'use strict';

const path = require('node:path');

const { ensureAdministrator } = require('./access/administrator');
const { checkRoutes, closeRoutes } = require('./access/routes');
const { removeDefaultTokens, tellStrangers } = require('./access/strangers');
const { ensureIndexes } = require('./database/indexes');
const { keepVersionsAlike } = require('./ledger/alike');
const { serveTls } = require('./tls');
const { RIGHTS } = require('./tokens/rights');
const { ensureToken } = require('./tokens/token');

module.exports = {
  /** Runs at each start, before Strapi makes its routes. */
  register({ strapi }) {
    closeRoutes(strapi);
    keepVersionsAlike(strapi);
  },

  /** Runs at each start, after Strapi has brought the tables up to date and before it listens. */
  async bootstrap({ strapi }) {
    checkRoutes(strapi);
    serveTls(strapi);
    await ensureIndexes(strapi.db.connection);
    await removeDefaultTokens(strapi);
    const password = process.env.OPSCI_ADMIN_PASSWORD_FILE || path.join('.tmp', 'admin.password');
    await ensureAdministrator(strapi, path.resolve(strapi.dirs.app.root, password));
    for (const right of RIGHTS) {
      const file = process.env[right.variable];
      if (file) {
        await ensureToken(strapi, right, file);
      }
    }
    await tellStrangers(strapi, process.env.OPSCI_STRANGERS_FILE);
  },
};
