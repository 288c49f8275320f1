'use strict';

// The same rule as in bridge/storable.py of the engine, and a test compares the two over all of Unicode: characters are
// units of UTF-16, as Strapi counts those of its `string` attributes. PostgreSQL counts code points, never more.
const LONGEST_TEXT = 255;
const LONGEST_SOURCE = 2000;

// PostgreSQL stores neither NUL nor half a surrogate pair: it would refuse the first and change the second, and an id
// that is stored as another text is never found again.
const canBeStored = (text) => text.isWellFormed() && !text.includes('\0');

/**
 * Whether a value is a text that can be stored, and has at most so many characters.
 *
 * @param {unknown} value
 * @param {number} most
 * @returns {boolean}
 */
const isStorable = (value, most = LONGEST_TEXT) =>
  typeof value === 'string' && value.length <= most && canBeStored(value);

module.exports = { LONGEST_SOURCE, LONGEST_TEXT, isStorable };
