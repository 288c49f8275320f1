// What passes on the chain, put together of what the broker sends and of what the ledger has. Pure, so that Node.js
// tests it as it is.

/** How the ledger writes where a movement was in Kafka: `stock/3@128`, topic, partition and offset. */
const PLACE = /\/(\d+)@(\d+)$/;

/** Read a payload as the course has it; null where it is no movement. */
export function readPayload(text) {
  try {
    const { id, amount, type } = JSON.parse(text);
    const kind = String(type).toUpperCase();
    if (id === undefined || !Number.isInteger(Number(amount)) || (kind !== 'IN' && kind !== 'OUT')) return null;
    return { product: String(id), delta: kind === 'IN' ? Number(amount) : -Number(amount) };
  } catch {
    return null;
  }
}

export class LiveMovements {
  #most;
  #byId = new Map();
  #next = 0;

  /** The latest first: key, product, delta, text, receivedAt, decidedAt, place, verdict, before, after. */
  all = [];
  received = 0;
  applied = 0;
  refused = 0;

  /** @param {number} most How many are kept. */
  constructor(most = 200) {
    this.#most = most;
  }

  /** The newest of those that the ledger has not said anything of, which should be in it: what waits. */
  get waiting() {
    return this.all.filter((one) => one.receivedAt !== undefined && one.verdict === undefined && one.product).length;
  }

  /** A message came from the broker. */
  message(text, movementId, now) {
    this.received += 1;
    const movement = readPayload(text);
    // The ledger may have been asked before the broker's copy came.
    const known = movementId === undefined ? undefined : this.#byId.get(movementId);
    if (known && known.receivedAt === undefined) {
      known.receivedAt = Math.min(now, known.decidedAt ?? now);
      return known;
    }
    return this.#add({ id: movementId, text: text.slice(0, 100), ...movement, receivedAt: now });
  }

  /** A row of the ledger came, of a movement decided since the page was opened or just before. */
  row(row, isNews) {
    const delta = row.type === 'IN' ? row.amount : -row.amount;
    const end = {
      verdict: row.verdict,
      before: row.stock_before,
      after: row.stock_after,
      productId: row.product_id,
      decidedAt: Date.parse(row.createdAt),
    };
    const [, partition, offset] = PLACE.exec(row.source ?? '') ?? [];
    if (partition !== undefined) end.place = `p${partition}@${offset}`;
    if (isNews) {
      if (row.verdict === 'applied') this.applied += 1;
      else this.refused += 1;
    }
    const movement = this.#byId.get(row.movement_id) ?? this.#alike(row.product, delta);
    if (movement && movement.verdict === undefined) {
      this.#byId.set(row.movement_id, movement);
      return Object.assign(movement, end);
    }
    return movement ?? this.#add({ id: row.movement_id, product: row.product, delta, ...end });
  }

  /** The oldest message without an identity that says the same: the engine gave it one. */
  #alike(product, delta) {
    return this.all.findLast(
      (one) => one.id === undefined && one.verdict === undefined && one.product === product && one.delta === delta,
    );
  }

  #add(movement) {
    movement.key = this.#next++;
    this.all.unshift(movement);
    if (movement.id !== undefined) this.#byId.set(movement.id, movement);
    for (const gone of this.all.splice(this.#most)) if (gone.id !== undefined) this.#byId.delete(gone.id);
    return movement;
  }
}
