'use strict';

const { allowedOrigins } = require('../src/access/origins');

module.exports = ({ env }) => [
  'strapi::logger',
  'global::no-wildcard',
  'strapi::errors',
  'strapi::security',
  {
    name: 'strapi::cors',
    config: {
      origin: allowedOrigins(env.array('CORS_ORIGIN', [])),
      // Web clients of other origins send the read token in a header. The panel's cookies are for its own origin.
      credentials: false,
      // A day at the longest is what browsers keep; after ten minutes an origin that is no longer named is out.
      maxAge: 600,
      headers: ['Content-Type', 'Authorization', 'Origin', 'Accept'],
      methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'],
    },
  },
  'strapi::poweredBy',
  'strapi::query',
  // A full batch of 1000 movements with long ids and sources passes the default of 1 MB.
  { name: 'strapi::body', config: { jsonLimit: '4mb' } },
  'strapi::session',
  'strapi::favicon',
  'strapi::public',
];
