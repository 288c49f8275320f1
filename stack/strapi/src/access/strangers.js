'use strict';

const { rename, writeFile } = require('node:fs/promises');

const { RIGHTS } = require('../tokens/rights');
const { EMAIL } = require('./administrator');

const TOKEN = 'admin::api-token';

// What Strapi makes by itself where it finds neither users nor tokens.
const DEFAULTS = [
  { name: 'Read Only', type: 'read-only', description: /^A default API token with read-only permissions/ },
  { name: 'Full Access', type: 'full-access', description: /^A default API token with full access permissions/ },
];

const isDefault = (token) =>
  DEFAULTS.some(
    ({ name, type, description }) => token.name === name && token.type === type && description.test(token.description ?? '')
  );

const otherAdministrators = async (strapi) => {
  const users = await strapi.db.query('admin::user').findMany({ orderBy: 'id' });
  const others = users.filter(({ email }) => email?.toLowerCase() !== EMAIL);
  return others.map(({ email, createdAt }) => ({ name: email, since: createdAt }));
};

/**
 * Remove the API tokens that Strapi makes by itself, unless one was ever used: then someone took its key from the panel and
 * may need it. On an installation that someone took over, one that waits to be used would be a way back in.
 *
 * @param {import('@strapi/strapi').Core.Strapi} strapi The application, before it listens.
 */
const removeDefaultTokens = async (strapi) => {
  for (const token of await strapi.db.query(TOKEN).findMany()) {
    if (isDefault(token) && !token.lastUsedAt) {
      await strapi.service(TOKEN).revoke(token.id);
    }
  }
};

const otherTokens = async (strapi) => {
  const ours = RIGHTS.map(({ name }) => name);
  const tokens = await strapi.db.query(TOKEN).findMany({ where: { name: { $notIn: ours } }, orderBy: 'id' });
  return tokens.map(({ name, createdAt }) => ({ name, since: createdAt }));
};

/**
 * Tell whom else this installation lets in: administrators and API tokens that this application did not make. They may be
 * the operator's own, or of someone who became administrator while Strapi still let whoever came first.
 *
 * @param {import('@strapi/strapi').Core.Strapi} strapi The application, before it listens.
 * @param {string | undefined} file Where to write it as JSON, for `python3 -m stack status`; nowhere by default.
 */
const tellStrangers = async (strapi, file) => {
  const strangers = { administrators: await otherAdministrators(strapi), tokens: await otherTokens(strapi) };
  for (const [kind, found] of Object.entries(strangers)) {
    if (found.length > 0) {
      // As JSON, because whoever made them chose their names.
      strapi.log.warn(`Strapi has ${kind} that this application did not make: ${JSON.stringify(found)}`);
    }
  }
  if (file) {
    const draft = `${file}.${process.pid}`;
    await writeFile(draft, `${JSON.stringify(strangers)}\n`, { mode: 0o600 });
    await rename(draft, file);
  }
};

module.exports = { removeDefaultTokens, tellStrangers };
