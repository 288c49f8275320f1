'use strict';

const { ValidationError } = require('@strapi/utils').errors;

const MOST_MOVEMENTS = 1000;
const LARGEST_STOCK = 2_147_483_647;
const LONGEST_NAME = 255;
const LONGEST_SOURCE = 2000;

// PostgreSQL stores neither NUL nor half a surrogate pair: it would refuse the first and change the second, and an id
// that is stored as another text is never found again.
const storable = (value) => typeof value === 'string' && value.isWellFormed() && !value.includes('\0');

const named = (value) =>
  storable(value) && value !== '' && value.length <= LONGEST_NAME ? null : `a text of 1 to ${LONGEST_NAME} characters`;

/** What each field of a movement has to be; a rule answers null, or says what it wants. */
const RULES = {
  movement_id: named,
  product: named,
  amount: (value) =>
    Number.isInteger(value) && value >= 1 && value <= LARGEST_STOCK ? null : `a whole number from 1 to ${LARGEST_STOCK}`,
  type: (value) => (value === 'IN' || value === 'OUT' ? null : 'IN or OUT'),
  source: (value) =>
    value === undefined || value === null || (storable(value) && value.length <= LONGEST_SOURCE)
      ? null
      : `a text of at most ${LONGEST_SOURCE} characters, or left out`,
};

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

const refusal = (path, message) => ({ path, message, name: 'ValidationError' });

function* refusalsOf(movement, index) {
  if (!isObject(movement)) {
    yield refusal(['movements', index], `movements[${index}] must be an object`);
    return;
  }
  for (const [field, rule] of Object.entries(RULES)) {
    const wanted = rule(movement[field]);
    if (wanted !== null) {
      yield refusal(['movements', index, field], `movements[${index}].${field} must be ${wanted}`);
    }
  }
  for (const field of Object.keys(movement)) {
    if (!Object.hasOwn(RULES, field)) {
      yield refusal(['movements', index, field], `Invalid key movements[${index}].${field}`);
    }
  }
}

/**
 * Judge a request's body.
 *
 * @param {unknown} body What the client sent, decoded.
 * @returns {object[]} Its movements, 0 to 1000 of them, as they came.
 * @throws {ValidationError} The body is malformed. Strapi answers 400, in the shape of its own validation errors:
 *   `details.errors` has one entry for each fault, with the path to it.
 */
const readBatch = (body) => {
  const movements = isObject(body) ? body.movements : undefined;
  if (!Array.isArray(movements)) {
    const message = 'movements must be a list';
    throw new ValidationError(message, { errors: [refusal(['movements'], message)] });
  }
  if (movements.length > MOST_MOVEMENTS) {
    const message = `movements must be at most ${MOST_MOVEMENTS}, and there are ${movements.length}`;
    throw new ValidationError(message, { errors: [refusal(['movements'], message)] });
  }
  const errors = movements.flatMap((movement, index) => [...refusalsOf(movement, index)]);
  if (errors.length > 0) {
    throw new ValidationError(errors.length === 1 ? errors[0].message : `${errors.length} errors occurred`, { errors });
  }
  return movements;
};

module.exports = { LARGEST_STOCK, readBatch };
