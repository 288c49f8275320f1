// The page for a whole class: what passes on the chain, as the broker sends it and as the ledger has it. It publishes
// nothing and asks no engine.

import mqtt from './mqtt.js';
import { LiveMovements } from './live_movements.js';
import { Stock } from './stock.js';
import { choose } from './texts.js';
import { clock, duration, signed } from './words.js';

const EVERY = 1000;
const SHOWN = 40;
const PATIENCE = 8000;

const texts = choose(navigator.languages);
const elements = Object.fromEntries([...document.querySelectorAll('[id]')].map((element) => [element.id, element]));
const stock = new Stock();
const movements = new LiveMovements();
const lines = new Map();
const broker = { state: 'connecting', since: null };
/** The id of the ledger's last row that was read, 0 where the ledger was empty; null before its first answer. */
let lastRow = null;
let isDue = true;

document.documentElement.lang = texts.language;
document.title = texts.live.title;
elements.heading.textContent = texts.live.title;
elements.none.textContent = texts.live.none;

const config = await (await fetch('config.json')).json();

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function showServer(element, words, { state, since }) {
  element.dataset.state = state;
  const said = words[state];
  write(element.querySelector('.words'), typeof said === 'function' ? said(clock(since, texts)) : said);
}

/** The name of a movement's product, as far as it is known. */
function named({ product, productId }) {
  const found = stock.products.get(productId ?? Number(product));
  return found ? found.name : `#${product}`;
}

function fill(line, movement) {
  const { receivedAt, decidedAt, place, verdict, before, after, product, delta, text } = movement;
  const part = (selector) => line.querySelector(selector);
  write(part('.when'), receivedAt === undefined ? '' : clock(receivedAt, texts));
  write(part('.what'), product === undefined ? text : `${named(movement)} ${signed(delta)}`);
  if (product === undefined) {
    line.dataset.tone = 'bad';
    write(part('.end'), texts.live.noMovement);
    return;
  }
  line.dataset.tone = verdict === undefined ? 'wait' : verdict === 'applied' ? 'good' : 'bad';
  write(part('.place'), place ?? (verdict === undefined ? texts.live.onItsWay : ''));
  const took = receivedAt === undefined || decidedAt === undefined ? '' : duration(Math.max(0, decidedAt - receivedAt), texts);
  write(part('.strapi .took'), took);
  const end = verdict === 'applied' ? texts.stockChange(before, after) : verdict && texts.reasons[verdict](before);
  write(part('.end'), end ?? '');
}

function show() {
  isDue = false;
  showServer(elements.brokerState, texts.broker, broker);
  showServer(elements.stockState, texts.stock, stock);
  const { received, applied, refused, waiting } = movements;
  write(elements.counts, texts.live.counts(received, applied, refused, waiting));
  elements.none.hidden = movements.all.length > 0;
  const shown = movements.all.slice(0, SHOWN);
  const keys = new Set(shown.map(({ key }) => key));
  for (const [key, line] of lines) {
    if (keys.has(key)) continue;
    line.remove();
    lines.delete(key);
  }
  for (const movement of shown.toReversed()) {
    let line = lines.get(movement.key);
    if (!line) {
      line = elements.movement.content.firstElementChild.cloneNode(true);
      lines.set(movement.key, line);
      elements.movements.prepend(line);
    }
    fill(line, movement);
  }
}

/** Paint soon, and once for all that comes meanwhile. */
function changed() {
  if (isDue) return;
  isDue = true;
  setTimeout(() => requestAnimationFrame(show), 100);
}

const client = mqtt.connect(config.mqtt, {
  clientId: `opsci-live-${Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16)).join('')}`,
  username: config.username,
  password: config.password,
  protocolVersion: 5,
  clean: true,
  keepalive: 20,
  connectTimeout: 5000,
  reconnectPeriod: 2000,
  // Its timers in a worker would need a script that the page's policy forbids.
  timerVariant: 'native',
});
client.on('connect', () => {
  Object.assign(broker, { state: 'connected', since: null });
  changed();
});
client.on('close', () => {
  Object.assign(broker, { state: 'away', since: broker.since ?? new Date() });
  changed();
});
client.on('error', () => {});
client.on('message', (_topic, payload, packet) => {
  const id = packet.properties?.userProperties?.['movement-id'];
  movements.message(new TextDecoder().decode(payload), Array.isArray(id) ? id[0] : id, Date.now());
  changed();
});
// A kept copy is no news. Where the broker lets the page's user not read, the ledger's word is shown alone.
client.subscribe(config.topic, { qos: 0, rh: 2 }, () => {});

async function readLedger() {
  for (let isFull = true; isFull; ) {
    const behind = lastRow === null ? '' : `?after=${lastRow}`;
    const answer = await fetch(`movements${behind}`, { signal: AbortSignal.timeout(PATIENCE) });
    if (!answer.ok) throw new Error(`${answer.status}`);
    const { data } = await answer.json();
    const rows = data.sort((one, other) => one.id - other.id);
    // The first answer is of before the page was opened.
    for (const row of rows) movements.row(row, lastRow !== null);
    isFull = lastRow !== null && rows.length >= 100;
    lastRow = rows.at(-1)?.id ?? lastRow ?? 0;
  }
}

async function look() {
  if (!document.hidden) {
    await stock.refresh();
    try {
      await readLedger();
    } catch {
      // The line of the stock says that Strapi is away: both come the same way.
    }
    show();
  }
  setTimeout(look, EVERY);
}

show();
look();
