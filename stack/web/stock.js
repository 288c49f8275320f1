// The products and the ledger's verdicts, asked of the server that the page came from.

const PATIENCE = 8000;
const WHOLE_EVERY = 30000;

async function ask(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE), headers: { Accept: 'application/json' } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

const product = (row) => ({
  id: row.id,
  name: row.name ?? '',
  barcode: row.barcode ?? '',
  stock: row.stock_available ?? 0,
});

export class Stock {
  #wholeAt = -Infinity;

  /** The products by id, in the order of their ids. */
  products = new Map();
  /** `asking` until the first answer, then `fresh`, or `away` since a time. */
  state = 'asking';
  since = null;

  /** Read what may have changed: the page of latest changes, and now and then all pages. */
  async refresh() {
    try {
      if (performance.now() - this.#wholeAt >= WHOLE_EVERY) await this.#readWhole();
      else await this.#readLatest();
      this.state = 'fresh';
      this.since = null;
    } catch {
      this.state = 'away';
      this.since ??= new Date();
    }
  }

  /** What the ledger has of some movements: a verdict with the stock before and after, by movement-id. */
  async verdicts(ids) {
    if (ids.length === 0) return new Map();
    const rows = (await ask(`verdicts?ids=${ids.join(',')}`)).data;
    return new Map(
      rows.map((row) => [row.movement_id, { verdict: row.verdict, before: row.stock_before, after: row.stock_after }]),
    );
  }

  async #readWhole() {
    const found = new Map();
    for (let page = 1, pages = 1; page <= pages; page += 1) {
      const { data, meta } = await ask(`products?page=${page}`);
      for (const row of data) found.set(row.id, product(row));
      pages = meta.pagination.pageCount;
    }
    this.products = found;
    this.#wholeAt = performance.now();
  }

  async #readLatest() {
    const { data } = await ask('products?order=latest');
    // A new one goes to the end, where its id belongs; a known one keeps its place.
    for (const row of data.sort((one, other) => one.id - other.id)) this.products.set(row.id, product(row));
  }
}
