// The products and the ledger's verdicts, asked of the server that the page came from.

const PATIENCE = 8000;
// How many movements the server takes in one question.
const AT_ONCE = 50;
const WHOLE_EVERY = 30000;
// How many times as long as it takes to read all products it is not done again: among many it is work for Strapi.
const REST = 20;

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
  #wholeDue = 0;
  #notBefore = 0;
  #isWhole = false;

  /** The products by id, in the order of their ids. */
  products = new Map();
  /** `asking` until the first answer, then `fresh`, or `away` since a time. */
  state = 'asking';
  since = null;
  /** Whether Strapi keeps the ledger, by which what is sent twice counts once; null while that is not known. */
  hasLedger = null;

  /** Read what may have changed: the latest changes, and all where their number is not ours, and now and then. */
  async refresh() {
    try {
      const due = this.#isWhole ? this.#wholeDue : this.#notBefore;
      if (performance.now() >= due) await this.#readWhole();
      else await this.#readLatest();
      this.state = 'fresh';
      this.since = null;
    } catch {
      this.state = 'away';
      this.since ??= new Date();
      this.#isWhole = false;
      this.#notBefore = 0;
    }
  }

  /** What the ledger has of some movements: verdict, stock before and after, place in Kafka, by movement-id. */
  async verdicts(ids) {
    if (ids.length === 0) return new Map();
    const rows = [];
    for (let start = 0; start < ids.length; start += AT_ONCE) {
      const { data, ledger } = await ask(`verdicts?ids=${ids.slice(start, start + AT_ONCE).join(',')}`);
      this.hasLedger = ledger ?? true;
      rows.push(...data);
    }
    return new Map(
      rows.map((row) => [
        row.movement_id,
        { verdict: row.verdict, before: row.stock_before, after: row.stock_after, source: row.source },
      ]),
    );
  }

  async #readWhole() {
    const began = performance.now();
    const found = new Map();
    // Each page begins behind the last one: by a page's number Strapi walks past all products before it.
    for (let after = 0, isFull = true; isFull; ) {
      const { data, meta } = await ask(`products?after=${after}`);
      for (const row of data) found.set(row.id, product(row));
      after = data.at(-1)?.id;
      isFull = data.length > 0 && data.length >= meta.pagination.pageSize;
    }
    this.products = found;
    this.#isWhole = true;
    const ended = performance.now();
    this.#notBefore = ended + (ended - began) * REST;
    this.#wholeDue = Math.max(this.#notBefore, ended + WHOLE_EVERY);
  }

  async #readLatest() {
    const { data, meta } = await ask('products?order=latest');
    // A new one goes to the end, where its id belongs; a known one keeps its place.
    for (const row of data.sort((one, other) => one.id - other.id)) this.products.set(row.id, product(row));
    this.#isWhole = this.products.size === meta.pagination.total;
  }
}
