// The page: its parts put together, and shown anew whenever one of them has changed.

import { Broker } from './broker.js';
import { Form } from './form.js';
import { ProductList } from './product_list.js';
import { Sender } from './sender.js';
import { Sent } from './sent.js';
import { SentList } from './sent_list.js';
import { Stock } from './stock.js';
import { choose } from './texts.js';
import { drawWay, stations } from './timeline.js';
import { clock, outcome, signed } from './words.js';

const EVERY = 2000;
// The ledger has most movements within these milliseconds after the broker's word.
const SOON = [150, 400, 900];

const texts = choose(navigator.languages);
const elements = Object.fromEntries([...document.querySelectorAll('[id]')].map((element) => [element.id, element]));
// What is typed belongs to this tab; what was sent has to come into the stock, whichever tab looks after it.
const storage = window.sessionStorage;

function translate() {
  document.documentElement.lang = texts.language;
  document.title = texts.title;
  for (const element of document.querySelectorAll('[data-text]')) element.textContent = texts[element.dataset.text];
  for (const element of document.querySelectorAll('[data-label]')) {
    element.setAttribute('aria-label', texts[element.dataset.label]);
  }
  for (const element of document.querySelectorAll('[data-hint]')) element.placeholder = texts[element.dataset.hint];
}

/** Write only what differs: a live region is read out at each writing. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function showServer(element, words, { state, since }) {
  element.dataset.state = state;
  const said = words[state];
  write(element.querySelector('.words'), typeof said === 'function' ? said(clock(since, texts)) : said);
}

translate();
const config = await (await fetch('config.json')).json();
const stock = new Stock();
const sent = new Sent(window.localStorage);
const broker = new Broker(config.mqtt, config, show);
const sender = new Sender(broker, config.topic, sent, noticed);
const products = new ProductList(elements.rows, elements.row, texts);
const sentList = new SentList(elements.sent, elements, texts, (movement) => sender.sendAgain(movement));
const form = new Form(elements, texts, storage, {
  topic: config.topic,
  changed: show,
  isOnline: () => broker.state === 'connected',
  isFull: () => sent.isFull,
  pending: (product, delta) => sent.pending(product, delta),
  send: (product, delta, isTyped) => sender.send(product, delta, isTyped),
  sendAgain: (movement) => sender.sendAgain(movement),
});

function show() {
  showServer(elements.brokerState, texts.broker, broker);
  showServer(elements.stockState, texts.stock, stock);
  const count = products.show(stock.products, elements.search.value, form.chosen);
  const all = stock.products.size;
  write(elements.found, stock.state === 'asking' ? '' : count ? texts.found(count, all) : texts.noneFound);
  form.show(stock.products);
  sentList.show(sent.all, stock.hasLedger);
  elements.noMovements.hidden = sent.all.length > 0;
  const [latest] = sent.all;
  elements.way.hidden = !latest;
  if (latest) {
    const { tone, text } = outcome(latest, texts, Date.now(), stock.hasLedger);
    elements.latest.dataset.tone = tone;
    write(elements.latest, texts.latest(`${latest.name} ${signed(latest.delta)}`, text));
    drawWay(elements.way, elements.station, stations(latest, texts, stock.hasLedger));
  }
}

/** The state of a sent movement has changed. */
function noticed(movement) {
  if (movement.state === 'taken') {
    form.clear(movement);
    for (const pause of SOON) setTimeout(decide, pause);
  }
  show();
}

/**
 * Ask the ledger for what it has not said yet; with news, the stock is read again at once. What it has just said that it
 * does not know is sent again when its time has come: the ledger counts it once, and without a ledger nothing is.
 */
async function decide() {
  const asked = sent.undecided;
  try {
    const verdicts = await stock.verdicts(asked);
    for (const [id, verdict] of verdicts) {
      const movement = sent.all.find((one) => one.id === id);
      // The broker's word cleared the form already, and what stands there is another one.
      if (movement && movement.state !== 'taken') form.clear(movement);
      sent.note(id, verdict);
    }
    if (stock.hasLedger && broker.state === 'connected') {
      const unknown = asked.filter((id) => !verdicts.has(id));
      for (const movement of sent.due(unknown, Date.now(), broker)) sender.sendAgain(movement);
    }
    if (verdicts.size > 0) await stock.refresh();
  } catch {
    // The line of the stock says that Strapi is away: both come the same way.
  }
  show();
}

async function look() {
  if (!document.hidden) {
    await stock.refresh();
    show();
  }
  // Hidden or not: what was sent has to come into the stock.
  if (!document.hidden || sent.undecided.length > 0) await decide();
  setTimeout(look, EVERY);
}

elements.rows.addEventListener('change', (event) => form.choose(Number(event.target.value)));
window.addEventListener('online', () => broker.tryNow());
document.addEventListener('visibilitychange', () => document.hidden || broker.tryNow());
show();
look();
