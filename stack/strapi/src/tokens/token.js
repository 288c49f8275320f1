'use strict';

const { keyIn } = require('./keyfile');

const TOKEN = 'admin::api-token';

const created = (service, { name, description, permissions }) =>
  service.create({ name, description, kind: 'content-api', type: 'custom', lifespan: null, permissions });

const sameRights = (token, permissions) =>
  token.type === 'custom' && [...token.permissions].sort().join() === [...permissions].sort().join();

/**
 * Have an API token exist whose key is the one in a file and whose rights are those asked for. Changes nothing where
 * that is so already.
 *
 * @param {import('@strapi/strapi').Core.Strapi} strapi The application.
 * @param {(typeof import('./rights').RIGHTS)[number]} right The token's name and rights.
 * @param {string} file Where its key is kept.
 */
const ensureToken = async (strapi, right, file) => {
  const key = await keyIn(right.variable, file);
  const service = strapi.service(TOKEN);
  const token = (await service.getByName(right.name)) ?? (await created(service, right));
  if (!sameRights(token, right.permissions)) {
    await service.update(token.id, { type: 'custom', permissions: right.permissions });
  }
  // Strapi makes up the keys of its tokens. What it stores is their hash, salted by admin.apiToken.salt: it differs
  // for a token made just now, for a file that someone replaced, and after a change of the salt.
  const accessKey = service.hash(key);
  const { accessKey: stored } = await strapi.db.query(TOKEN).findOne({ select: ['accessKey'], where: { id: token.id } });
  if (stored !== accessKey) {
    // The panel shows a token's key from this second copy.
    const encryptedKey = strapi.service('admin::encryption').encrypt(key);
    await strapi.db.query(TOKEN).update({ where: { id: token.id }, data: { accessKey, encryptedKey } });
    strapi.log.info(`The API token "${right.name}" has the key in ${file}`);
  }
};

module.exports = { ensureToken };
