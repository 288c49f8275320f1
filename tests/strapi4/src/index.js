'use strict';

const { writeFile } = require('node:fs/promises');

module.exports = {
  /** Make the one API token, and write its key where the test says. */
  async bootstrap({ strapi }) {
    const { accessKey } = await strapi.service('admin::api-token').create({
      name: 'test',
      description: 'for the test',
      type: 'full-access',
      lifespan: null,
    });
    await writeFile(process.env.TOKEN_FILE, accessKey, { mode: 0o600 });
  },
};
