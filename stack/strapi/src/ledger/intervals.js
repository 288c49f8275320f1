'use strict';

/**
 * Add a range of offsets to those of one partition that the ledger has seen.
 *
 * Between two intervals lie records that the ledger has not seen: Strapi was restored from a backup, or somebody moved
 * the consumer group's position. A range that ends before the first interval begins is left out, as nobody kept account
 * of what lies between them.
 *
 * @param {{first: number, next: number}[]} known By rising `first`, apart from each other; `next` is not in them.
 * @param {{first: number, next: number, anew?: boolean, begin?: number}} range `anew`: the topic was made again, so what
 *   is known is of other records. `begin`: from where on records were to be applied; where nothing is known, and the
 *   ledger is empty, those up to `first` have not been seen.
 * @param {boolean} isEmpty Whether the ledger had no movement before.
 * @returns {{first: number, next: number}[]} By rising `first`, apart from each other.
 */
const withRange = (known, { first, next, anew, begin }, isEmpty) => {
  if (anew || known.length === 0) {
    const isBehind = !anew && isEmpty && typeof begin === 'number' && begin < first;
    return isBehind ? [{ first: begin, next: begin }, ...(first < next ? [{ first, next }] : [])] : [{ first, next }];
  }
  if (next < known[0].first || first === next) {
    return known;
  }
  const apart = known.filter((interval) => interval.next < first || interval.first > next);
  const touched = known.filter((interval) => interval.next >= first && interval.first <= next);
  const merged = {
    first: Math.min(first, ...touched.map((interval) => interval.first)),
    next: Math.max(next, ...touched.map((interval) => interval.next)),
  };
  return [...apart, merged].sort((one, other) => one.first - other.first);
};

module.exports = { withRange };
