'use strict';

const { isIPv4 } = require('node:net');

// Any of 16 million addresses is this machine's own, and a program may speak from each.
const sender = ({ ip = '' }) => {
  const plain = ip.replace(/^::ffff:/, '');
  return plain === '' || plain === '::1' || (isIPv4(plain) && plain.startsWith('127.')) ? 'this machine' : ip;
};

module.exports = ({ env }) => ({
  auth: { secret: env('ADMIN_JWT_SECRET') },
  // Five attempts in five minutes for each sender, at each of the doors that Strapi puts this before: the login above all.
  rateLimit: {
    enabled: true,
    interval: { min: 5 },
    max: 5,
    keyGenerator: ({ request }) => `${request.path.toLowerCase().replace(/\/+$/, '')}|${sender(request)}`,
  },
  // The stored hashes of the API tokens depend on this salt; src/tokens mends them when it changes.
  apiToken: { salt: env('API_TOKEN_SALT') },
  transfer: { token: { salt: env('TRANSFER_TOKEN_SALT') } },
  secrets: { encryptionKey: env('ENCRYPTION_KEY') },
  // The panel is a build of its own (`strapi build`); without it, src/access takes away all that it stands on as well.
  serveAdminPanel: env.bool('OPSCI_SERVE_ADMIN', false),
  flags: { nps: false, promoteEE: false },
});
