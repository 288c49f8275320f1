'use strict';

const { readFileSync } = require('node:fs');
const path = require('node:path');

const sqlite = (env) => ({
  client: 'sqlite',
  connection: { filename: path.resolve(env('DATABASE_FILENAME', path.join(__dirname, '..', '.tmp', 'data.db'))) },
  useNullAsDefault: true,
  pool: {
    afterCreate: (connection, done) => {
      // WAL lets other programs read the file while Strapi writes. `synchronous = FULL` stays: the bridge commits its
      // Kafka position after our answer, so an answered batch has to survive a power cut too.
      connection.pragma('journal_mode = WAL');
      connection.pragma('synchronous = FULL');
      connection.pragma('busy_timeout = 2000');
      // KiB of pages in memory. With the 2,000 that SQLite takes by itself, a ledger of a million rows reads its indexes
      // from the file again and again.
      connection.pragma('cache_size = -32000');
      // Pages of the log before it is written back, 32 MiB. With the 1,000 that SQLite takes by itself, batches among very
      // many products write each page of theirs twice, one batch after the other.
      connection.pragma('wal_autocheckpoint = 8000');
      // What undoes a statement half done, for a batch more than SQLite keeps in memory by itself.
      connection.pragma('temp_store = MEMORY');
      done(null, connection);
    },
  },
});

const password = (env) => {
  const file = env('DATABASE_PASSWORD_FILE');
  return file ? readFileSync(file, 'utf8').trim() : env('DATABASE_PASSWORD');
};

const tls = (env) => {
  if (!env.bool('DATABASE_SSL', false)) {
    return false;
  }
  const authority = env('DATABASE_SSL_CA_FILE');
  return {
    rejectUnauthorized: env.bool('DATABASE_SSL_REJECT_UNAUTHORIZED', true),
    ...(authority ? { ca: readFileSync(authority, 'utf8') } : {}),
  };
};

const postgres = (env) => ({
  client: 'postgres',
  connection: {
    host: env('DATABASE_HOST', '127.0.0.1'),
    port: env.int('DATABASE_PORT', 5432),
    database: env('DATABASE_NAME', 'strapi'),
    user: env('DATABASE_USERNAME', 'strapi'),
    password: password(env),
    ssl: tls(env),
  },
  pool: { min: env.int('DATABASE_POOL_MIN', 2), max: env.int('DATABASE_POOL_MAX', 10) },
});

const clients = { sqlite, postgres };

module.exports = ({ env }) => {
  const client = env('DATABASE_CLIENT', 'sqlite');
  if (!Object.hasOwn(clients, client)) {
    throw new Error(`DATABASE_CLIENT is "${client}": set it to ${Object.keys(clients).join(' or ')}`);
  }
  return { connection: { ...clients[client](env), acquireConnectionTimeout: 60_000 } };
};
