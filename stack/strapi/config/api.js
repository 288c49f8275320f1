'use strict';

module.exports = {
  rest: {
    defaultLimit: 25,
    // A larger pagination[pageSize] is clamped to this, silently.
    maxLimit: 100,
    withCount: true,
  },
};
