'use strict';

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

const parsed = (origin) => {
  try {
    const url = new URL(origin);
    return ['http:', 'https:'].includes(url.protocol) && url.origin === origin ? url : null;
  } catch {
    return null;
  }
};

/**
 * Decide which pages may read our answers: those of this machine on any port, as the course's web client is, and those
 * that the operator names. The origin `null`, of files and of framed pages, is none of them.
 *
 * @param {string[]} names Origins, as CORS_ORIGIN has them; empty ones are passed over.
 * @returns {(ctx: import('koa').Context) => string[]} What `strapi::cors` takes: the origins that a request may be of.
 * @throws {Error} One is no origin. `*` is none: it would let every page that a person visits read along.
 */
const allowedOrigins = (names) => {
  const named = new Set(names.map((name) => name.trim()).filter((name) => name !== ''));
  for (const origin of named) {
    if (!parsed(origin)) {
      throw new Error(
        `CORS_ORIGIN names "${origin}", which is no origin: write each as https://shop.example or ` +
          'http://10.0.0.7:8000, in lower case and without a path, with commas between them'
      );
    }
  }
  return (ctx) => {
    const origin = ctx.get('Origin');
    return named.has(origin) || LOOPBACK.has(parsed(origin)?.hostname) ? [origin] : [];
  };
};

module.exports = { allowedOrigins };
