'use strict';

module.exports = {
  auth: { secret: 'for tests' },
  apiToken: { salt: 'for tests' },
  transfer: { token: { salt: 'for tests' } },
  serveAdminPanel: false,
};
