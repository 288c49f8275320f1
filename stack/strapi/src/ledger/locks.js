'use strict';

/**
 * Let one transaction at a time go on that has these names, until it ends. A lock on rows is not enough: PostgreSQL shows
 * a statement that waited for one no rows that were added meanwhile, as publishing does. In SQLite the whole database is
 * locked already.
 *
 * @param {import('knex').Knex.Transaction} trx Where.
 * @param {Iterable<string>} names What nobody else may have.
 */
const lockNames = async (trx, names) => {
  if (trx.client.dialect === 'postgresql') {
    await trx.raw(
      'SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) ' +
        'FROM (SELECT json_array_elements_text(CAST(? AS json)) AS name) AS names',
      // In one order, so that two transactions never wait for each other.
      [JSON.stringify([...names].sort())]
    );
  }
};

/**
 * Take SQLite's write lock. Knex begins with a plain BEGIN, under which what is read first may be written over by
 * another process before we write; a statement that could write, and touches no row, takes the lock at once.
 *
 * @param {import('knex').Knex.Transaction} trx Where; nothing is done on another database.
 */
const lockDatabase = async (trx) => {
  if (trx.client.dialect !== 'postgresql') {
    await trx('products').whereRaw('0 = 1').update({ stock_available: null });
  }
};

module.exports = { lockDatabase, lockNames };
