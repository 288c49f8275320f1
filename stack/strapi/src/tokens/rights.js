'use strict';

const actions = (type, ...names) => names.map((name) => `api::${type}.${type}.${name}`);

/** The two API tokens: the variable that names a token's file, and all that the token may do. */
const RIGHTS = [
  {
    variable: 'OPSCI_BRIDGE_TOKEN_FILE',
    name: 'opsci bridge',
    description: 'Writes what Kafka brings. Its rights are set again at each start.',
    permissions: [
      ...actions('product', 'find', 'findOne', 'create', 'update'),
      ...actions('event', 'find', 'create'),
      ...actions('reading', 'find', 'create'),
      ...actions('stock-movement', 'find', 'findOne', 'batch', 'positions'),
    ],
  },
  {
    variable: 'OPSCI_READ_TOKEN_FILE',
    name: 'opsci frontends',
    description: 'Reads. Its rights are set again at each start.',
    permissions: [
      ...actions('product', 'find', 'findOne'),
      ...actions('event', 'find', 'findOne'),
      ...actions('reading', 'find', 'findOne'),
      ...actions('stock-movement', 'find', 'findOne'),
    ],
  },
];

module.exports = { RIGHTS };
