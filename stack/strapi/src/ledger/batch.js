'use strict';

const { ValidationError } = require('@strapi/utils').errors;

const { LONGEST_SOURCE, LONGEST_TEXT, isStorable } = require('./texts');

const MOST_MOVEMENTS = 1000;
const LARGEST_STOCK = 2_147_483_647;

const named = (value) =>
  value !== '' && isStorable(value) ? null : `a text of 1 to ${LONGEST_TEXT} characters, without NUL and well-formed`;

/** What each field of a movement has to be; a rule answers null, or says what it wants. */
const RULES = {
  movement_id: named,
  product: named,
  amount: (value) =>
    Number.isInteger(value) && value >= 1 && value <= LARGEST_STOCK ? null : `a whole number from 1 to ${LARGEST_STOCK}`,
  type: (value) => (value === 'IN' || value === 'OUT' ? null : 'IN or OUT'),
  source: (value) =>
    value === undefined || value === null || isStorable(value, LONGEST_SOURCE)
      ? null
      : `a text of at most ${LONGEST_SOURCE} characters, without NUL and well-formed, or left out`,
};

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

const refusal = (path, message) =>
  new ValidationError(message, { errors: [{ path, message, name: 'ValidationError' }] });

function* faultsOf(movement) {
  if (!isObject(movement)) {
    yield 'a movement must be an object';
    return;
  }
  for (const [field, rule] of Object.entries(RULES)) {
    const wanted = rule(movement[field]);
    if (wanted !== null) {
      yield `${field} must be ${wanted}`;
    }
  }
  for (const field of Object.keys(movement)) {
    if (!Object.hasOwn(RULES, field)) {
      yield `there is no field ${JSON.stringify(field.slice(0, 40))}`;
    }
  }
}

const judged = (movement) => {
  const faults = [...faultsOf(movement)];
  return faults.length === 0 ? movement : { movement_id: movement?.movement_id ?? null, refused: faults.join('; ') };
};

/**
 * Judge a request's body.
 *
 * @param {unknown} body What the client sent, decoded.
 * @returns {object[]} Its movements, 0 to 1000 of them, as they came. In place of a malformed one, which must not keep
 *   the others back, stands an object with its `movement_id`, whatever that is, and what is wrong under `refused`.
 * @throws {ValidationError} There is no list of movements, or a longer one. Strapi answers 400, in the shape of its own
 *   validation errors.
 */
const readBatch = (body) => {
  const movements = isObject(body) ? body.movements : undefined;
  if (!Array.isArray(movements)) {
    throw refusal(['movements'], 'movements must be a list');
  }
  if (movements.length > MOST_MOVEMENTS) {
    throw refusal(['movements'], `movements must be at most ${MOST_MOVEMENTS}, and there are ${movements.length}`);
  }
  return movements.map(judged);
};

const isOffset = (value) => Number.isSafeInteger(value) && value >= 0;

const isRange = (range) =>
  isObject(range) &&
  named(range.topic) === null &&
  isOffset(range.partition) &&
  range.partition <= LARGEST_STOCK &&
  isOffset(range.first) &&
  isOffset(range.next) &&
  range.first <= range.next &&
  (range.begin === undefined || range.begin === null || isOffset(range.begin)) &&
  (range.anew === undefined || typeof range.anew === 'boolean');

/**
 * Read which records of Kafka a request settles.
 *
 * @param {unknown} body What the client sent, decoded; `positions` may be left out.
 * @returns {object[]} A range for each partition, 0 to 1000 of them.
 * @throws {ValidationError} They are malformed.
 */
const readRanges = (body) => {
  const ranges = (isObject(body) ? body.positions : undefined) ?? [];
  const isList = Array.isArray(ranges) && ranges.length <= MOST_MOVEMENTS && ranges.every(isRange);
  const places = isList ? new Set(ranges.map(({ topic, partition }) => `${partition}/${topic}`)) : new Set();
  if (!isList || places.size < ranges.length) {
    const message =
      `positions must be a list of at most ${MOST_MOVEMENTS}, one for each partition, of topic, partition, and first ` +
      'and next offset';
    throw refusal(['positions'], message);
  }
  return ranges;
};

module.exports = { LARGEST_STOCK, readBatch, readRanges };
