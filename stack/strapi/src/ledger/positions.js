'use strict';

const { withRange } = require('./intervals');
const { lockNames } = require('./locks');
const { STATEMENTS, read, write } = require('./statements');

const keyOf = (topic, partition) => `${partition}/${topic}`;

const byPartition = (rows) => {
  const partitions = new Map();
  for (const row of rows) {
    const key = keyOf(row.topic, row.topic_partition);
    const known = partitions.get(key) ?? [];
    // PostgreSQL's driver gives a bigint as text.
    known.push({ id: row.id, first: Number(row.first_offset), next: Number(row.next_offset) });
    partitions.set(key, known);
  }
  return partitions;
};

/**
 * Note which records of Kafka's partitions were settled with a batch, in its transaction: their movements are in the
 * ledger, and the others in the errors topic.
 *
 * @param {import('knex').Knex.Transaction} trx Where.
 * @param {object[]} ranges What `readRanges` returned.
 * @param {boolean} isEmpty Whether the ledger had no movement before the batch.
 * @param {Date} at When.
 * @returns {Promise<number>} In how many of these partitions there are records that the ledger has not seen.
 */
const recordPositions = async (trx, ranges, isEmpty, at) => {
  if (ranges.length === 0) {
    return 0;
  }
  await lockNames(
    trx,
    ranges.map(({ topic, partition }) => keyOf(topic, partition))
  );
  const places = ranges.map(({ topic, partition }) => [topic, partition]);
  const partitions = byPartition(await read(trx, STATEMENTS.positions, places));
  const changed = [];
  const gone = [];
  const added = [];
  let gaps = 0;
  for (const range of ranges) {
    const known = partitions.get(keyOf(range.topic, range.partition)) ?? [];
    const intervals = withRange(known, range, isEmpty);
    gaps += intervals.length > 1 ? 1 : 0;
    const rows = new Map(known.map((row) => [row.first, row]));
    for (const { first, next } of intervals) {
      const row = rows.get(first);
      rows.delete(first);
      if (row === undefined) {
        added.push([range.topic, range.partition, first, next]);
      } else if (row.next !== next) {
        changed.push([row.id, next]);
      }
    }
    gone.push(...[...rows.values()].map((row) => row.id));
  }
  if (changed.length > 0) {
    await write(trx, STATEMENTS.movePositions, at, changed);
  }
  if (gone.length > 0) {
    await write(trx, STATEMENTS.dropPositions, gone);
  }
  if (added.length > 0) {
    await write(trx, STATEMENTS.addPositions, at, at, at, added);
  }
  return gaps;
};

/**
 * Which records of Kafka's partitions the ledger has seen.
 *
 * @param {import('@strapi/strapi').Core.Strapi} strapi The application.
 * @returns {Promise<object[]>} The intervals, a partition's by rising `first`.
 */
const readPositions = async (strapi) => {
  const knex = strapi.db.connection;
  const rows = await knex('stock_positions')
    .select('topic', 'topic_partition', 'first_offset', 'next_offset', 'created_at', 'updated_at')
    .orderBy(['topic', 'topic_partition', 'first_offset']);
  const now = Date.now();
  return rows.map((row) => ({
    topic: row.topic,
    partition: row.topic_partition,
    first: Number(row.first_offset),
    next: Number(row.next_offset),
    updated_at: new Date(row.updated_at).getTime(),
    age: now - new Date(row.created_at).getTime(),
  }));
};

module.exports = { readPositions, recordPositions };
