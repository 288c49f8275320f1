'use strict';

const { randomBytes } = require('node:crypto');

const { keyIn } = require('../tokens/keyfile');

const USER = 'admin::user';
const VARIABLE = 'OPSCI_ADMIN_PASSWORD_FILE';

/** The administrator's name. No mail can reach it (RFC 2606), so neither can a link that sets another password. */
const EMAIL = 'admin@opsci.invalid';

// 32 characters: Strapi's hash takes 72 bytes at most.
const randomPassword = () => randomBytes(24).toString('base64url');

/**
 * Have an administrator exist whose password is the one in a file, before anyone can reach the application: until Strapi
 * has one, whoever comes first becomes it. The file is written first and counts: after a crash in between, or where the
 * file was deleted or replaced, the next start brings the two together.
 *
 * @param {import('@strapi/strapi').Core.Strapi} strapi The application, before it listens.
 * @param {string} file Where the password is kept.
 */
const ensureAdministrator = async (strapi, file) => {
  const password = await keyIn(VARIABLE, file, randomPassword);
  const users = strapi.service(USER);
  const role = await strapi.service('admin::role').getSuperAdmin();
  const found = await users.findOneByEmail(EMAIL, ['roles']);
  if (!found) {
    const names = { firstname: 'opsci', lastname: 'administrator' };
    await users.create({ ...names, email: EMAIL, password, registrationToken: null, isActive: true, roles: [role.id] });
    strapi.log.info(`Strapi's administrator is ${EMAIL}, with the password in ${file}`);
    return;
  }
  const changes = {
    ...(found.isActive && !found.blocked ? {} : { isActive: true, blocked: false }),
    ...(found.roles.some(({ id }) => id === role.id) ? {} : { roles: [role.id] }),
    ...((await strapi.service('admin::auth').validatePassword(password, found.password ?? '')) ? {} : { password }),
  };
  if (Object.keys(changes).length > 0) {
    await users.updateById(found.id, { ...changes, registrationToken: null });
    strapi.log.info(`Strapi's administrator ${EMAIL} has its rights, and the password in ${file}, again`);
  }
};

module.exports = { EMAIL, ensureAdministrator };
