'use strict';

// The strategy by which Strapi knows an API token. The other one of the content API is of users-permissions: it lets in
// whoever may do what the role "Public" may, and the users who registered themselves.
const BY_TOKEN = 'content-api-token';

const routersOf = (routers) => (Array.isArray(routers) ? [] : Object.values(routers));

/** The routers of a plugin that are the panel's: all but those of the content API, below /api. */
const panelRouters = (routers) =>
  Array.isArray(routers)
    ? routers
    : Object.fromEntries(
        Object.entries(routers).filter(([key, router]) => key !== 'content-api' && router.type !== 'content-api')
      );

/**
 * Take away every route that the chain does not need, before Strapi mounts them: what is not there answers 404 to any
 * method and to any way of writing its path.
 *
 * Of the content API the application's own types stay, and an API token alone opens them. The plugins' part of it goes:
 * registration, passwords by mail, providers, users, uploads. All that the panel stands on (/admin, /content-manager,
 * /upload ...) goes where the panel is not served.
 *
 * @param {import('@strapi/strapi').Core.Strapi} strapi The application, before it makes its routes.
 */
const closeRoutes = (strapi) => {
  const served = strapi.config.get('admin.serveAdminPanel');
  for (const plugin of Object.values(strapi.plugins)) {
    plugin.routes = served ? panelRouters(plugin.routes) : {};
  }
  if (!served) {
    strapi.admin.routes = {};
    // It sends `/` on to the panel and looks for a file at any other path, so that a POST to none is answered 405.
    strapi.get('middlewares').extend('strapi::public', () => () => undefined);
  }
  for (const api of Object.values(strapi.apis)) {
    for (const route of routersOf(api.routes).flatMap((router) => router.routes)) {
      route.config = { ...route.config, auth: { ...route.config?.auth, strategies: [BY_TOKEN] } };
    }
  }
};

const pathsOf = (api) => api.listRoutes().flatMap(({ methods, path }) => methods.map((method) => `${method} ${path}`));

/**
 * See that Strapi made no route but those that closeRoutes left, whatever a version of it or a plugin adds.
 *
 * @param {import('@strapi/strapi').Core.Strapi} strapi The application, when its routes are made and before it listens.
 * @throws {Error} There is one: the application must not listen.
 */
const checkRoutes = (strapi) => {
  const own = Object.values(strapi.apis)
    .flatMap((api) => routersOf(api.routes))
    .flatMap((router) => router.routes);
  const prefix = strapi.config.get('api.rest.prefix');
  const known = new Set(own.map(({ path }) => `${prefix}${path}`));
  const strange = strapi.server
    .api('content-api')
    .listRoutes()
    .filter(({ path, methods }) => methods.length > 0 && !known.has(path));
  const panel = strapi.config.get('admin.serveAdminPanel') ? [] : pathsOf(strapi.server.api('admin'));
  const open = own.filter(({ config }) => config.auth?.strategies?.join() !== BY_TOKEN);
  const wrong = [...strange, ...open].map(({ path }) => path).concat(panel);
  if (wrong.length > 0) {
    throw new Error(`Strapi would serve routes that must stay closed, so it does not start: ${wrong.join(', ')}`);
  }
};

module.exports = { checkRoutes, closeRoutes };
