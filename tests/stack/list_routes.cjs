// Prints every route of the Strapi application in the current folder, as JSON: [["GET", "/admin/init"], ...].
'use strict';

const { createRequire } = require('node:module');
const path = require('node:path');

const { createStrapi } = createRequire(path.join(process.cwd(), 'package.json'))('@strapi/strapi');

(async () => {
  const app = await createStrapi({ appDir: process.cwd(), distDir: process.cwd() }).load();
  const layers = app.server.mount().listRoutes();
  const routes = layers.flatMap((layer) => layer.methods.map((method) => [method, layer.path]));
  process.stdout.write(`${JSON.stringify(routes)}\n`, () => process.exit(0));
})();
