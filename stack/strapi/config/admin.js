'use strict';

module.exports = ({ env }) => ({
  auth: { secret: env('ADMIN_JWT_SECRET') },
  // The stored hashes of the API tokens depend on this salt; src/tokens mends them when it changes.
  apiToken: { salt: env('API_TOKEN_SALT') },
  transfer: { token: { salt: env('TRANSFER_TOKEN_SALT') } },
  secrets: { encryptionKey: env('ENCRYPTION_KEY') },
  // The panel is a build of its own (`strapi build`); the API runs without it.
  serveAdminPanel: env.bool('OPSCI_SERVE_ADMIN', false),
  flags: { nps: false, promoteEE: false },
});
