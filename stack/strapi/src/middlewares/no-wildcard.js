'use strict';

/** Take back the `*` with which `strapi::cors` answers a request that names no origin: no page needs it. */
module.exports = () => async (ctx, next) => {
  await next();
  if (ctx.response.get('Access-Control-Allow-Origin') === '*') {
    ctx.remove('Access-Control-Allow-Origin');
  }
};
