'use strict';

const { readFileSync } = require('node:fs');
const { createServer } = require('node:tls');

/**
 * Speak HTTPS on HOST and PORT, where TLS_CERTIFICATE_FILE and TLS_KEY_FILE are set. Strapi itself speaks HTTP only: it
 * then listens on the Unix socket HTTP_SOCKET (see config/server.js), and each connection that came over TLS is handed
 * to its HTTP server as if it had come there.
 *
 * @param {import('@strapi/strapi').Core.Strapi} strapi The application, before it listens.
 */
const serveTls = (strapi) => {
  const { TLS_CERTIFICATE_FILE: certificate, TLS_KEY_FILE: key } = process.env;
  if (!certificate) {
    return;
  }
  const { httpServer } = strapi.server;
  const { host, port } = strapi.config.get('server');
  const options = { cert: readFileSync(certificate), key: readFileSync(key), minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] };
  const front = createServer(options, (socket) => httpServer.emit('connection', socket));
  // A client that does not believe us, or speaks no TLS, is no concern of the log.
  front.on('tlsClientError', () => {});
  front.on('error', (error) => strapi.stopWithError(error));
  httpServer.once('listening', () => front.listen(port, host));
  httpServer.once('close', () => front.close());
};

module.exports = { serveTls };
