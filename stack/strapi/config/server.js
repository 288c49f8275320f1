'use strict';

module.exports = ({ env }) => ({
  // Loopback unless told otherwise: the API answers whoever holds a token, and a token travels in clear.
  host: env('HOST', '127.0.0.1'),
  port: env.int('PORT', 1337),
  // With a certificate, HTTPS is on that port (src/tls.js), and plain HTTP on a socket that its folder keeps to us.
  ...(env('TLS_CERTIFICATE_FILE') ? { socket: env('HTTP_SOCKET', './http.sock') } : {}),
  ...(env('PUBLIC_URL') ? { url: env('PUBLIC_URL') } : {}),
  app: { keys: env.array('APP_KEYS') },
  // Another Strapi could push its whole database into this one, which the chain has no use for.
  transfer: { remote: { enabled: false } },
  // The start-up table is drawn with colours, whatever the log's format.
  logger: { startup: { enabled: false }, updates: { enabled: false } },
});
