'use strict';

/**
 * The indexes that the application rests on. `unique: true` in a content type is only looked up before a write, so two
 * writers at once pass it; the database's own index is what makes a movement, an event or a reading count once.
 */
const INDEXES = [
  { name: 'stock_movements_movement_id_unique', table: 'stock_movements', columns: ['movement_id'], unique: true },
  { name: 'events_source_unique', table: 'events', columns: ['source'], unique: true },
  { name: 'readings_source_unique', table: 'readings', columns: ['source'], unique: true },
  {
    name: 'stock_positions_unique',
    table: 'stock_positions',
    columns: ['topic', 'topic_partition', 'first_offset'],
    unique: true,
  },
  { name: 'former_product_ids_unique', table: 'former_product_ids', columns: ['product_id'], unique: true },
  { name: 'products_barcode_index', table: 'products', columns: ['barcode'], unique: false },
  { name: 'products_updated_at_index', table: 'products', columns: ['updated_at'], unique: false },
  { name: 'events_created_at_index', table: 'events', columns: ['created_at'], unique: false },
];

/**
 * Make the indexes that are missing, where their tables exist. Harmless to repeat. Several NULLs pass a unique index
 * in SQLite and in PostgreSQL, so entries without a source do not collide.
 *
 * It is called twice: by the migration, which reaches a database that an earlier version made, and at bootstrap,
 * because Strapi runs migrations before it makes the tables of a fresh database and then holds them for done.
 *
 * @param {import('knex').Knex} knex A connection or a transaction.
 */
const ensureIndexes = async (knex) => {
  for (const { name, table, columns, unique } of INDEXES) {
    if (await knex.schema.hasColumn(table, columns[0])) {
      await knex.raw(`CREATE ${unique ? 'UNIQUE ' : ''}INDEX IF NOT EXISTS ?? ON ?? (${columns.map(() => '??')})`, [
        name,
        table,
        ...columns,
      ]);
    }
  }
};

module.exports = { INDEXES, ensureIndexes };
