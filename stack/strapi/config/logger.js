'use strict';

const { formats, winston } = require('@strapi/logger');

// Plain lines on standard output: whoever starts the application keeps them in a file, where colours are noise.
// At the level `http` and below, Strapi writes a line for each request.
module.exports = ({ env }) => ({
  level: env('LOG_LEVEL', 'info'),
  format: formats.prettyPrint({ colors: false }),
  transports: [new winston.transports.Console()],
});
