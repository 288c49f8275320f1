'use strict';

const { setTimeout: pause } = require('node:timers/promises');

const { StockMovedError } = require('./rows');

const MOST_TRIES = 10;
const LONGEST_PAUSE_MS = 200;

// PostgreSQL's codes (appendix A of its manual): serialization failure, deadlock, lock not available, unique violation.
// The last one means that another batch recorded one of our movements first: on the next try it is a duplicate.
const POSTGRES = new Set(['40001', '40P01', '55P03', '23505']);

/** Whether the same transaction, run again, may succeed. */
const isPassing = (error) =>
  error instanceof StockMovedError ||
  POSTGRES.has(error.code) ||
  error.code === 'SQLITE_CONSTRAINT_UNIQUE' ||
  (typeof error.code === 'string' && error.code.startsWith('SQLITE_BUSY'));

/**
 * Run a transaction until it is through, with growing, jittered pauses.
 *
 * @param {() => Promise<T>} transaction What is rolled back whole when it throws.
 * @returns {Promise<T>}
 * @throws What the last try threw, or at once what another try would not mend.
 * @template T
 */
const untilThrough = async (transaction) => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transaction();
    } catch (error) {
      if (attempt === MOST_TRIES || !isPassing(error)) {
        throw error;
      }
      await pause(Math.random() * Math.min(LONGEST_PAUSE_MS, 5 * 2 ** attempt));
    }
  }
};

module.exports = { untilThrough };
