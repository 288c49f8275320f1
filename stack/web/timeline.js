// A sent movement's way: sent, at the broker, in Kafka, in Strapi; as far as the broker's word and the ledger tell it.
// The stations are pure, so that Node.js tests them as they are.

import { clock, duration } from './words.js';

/** How the ledger writes where a movement was in Kafka: `stock/3@128`, topic, partition and offset. */
const PLACE = /\/(\d+)@(\d+)$/;

/** What the broker's station is, and says, of a movement that the broker has not, or has not any more. */
const AT_BROKER = {
  sending: ['now', 'waits'],
  silent: ['now', 'silent'],
  broken: ['now', 'silent'],
  unknown: ['bad', 'silent'],
  unheard: ['bad', 'unheard'],
  refused: ['bad', 'refused'],
};

/**
 * The stations of a movement.
 * @param {object} movement As in sent.js.
 * @param {object} texts
 * @param {boolean | null} hasLedger Whether Strapi keeps the ledger, which alone tells of Kafka and of the stock.
 * @returns {{hop: 'sent' | 'mqtt' | 'kafka' | 'strapi', state: 'done' | 'now' | 'later' | 'bad', name: string,
 *   detail: string}[]} Four; `now` is where it is waited for, `later` comes after that.
 */
export function stations(movement, texts, hasLedger) {
  const { state, verdict, before, after, took, source } = movement;
  const { reached, ahead, details } = texts.way;
  const station = (hop, at, detail) => ({ hop, state: at, name: (at === 'done' ? reached : ahead)[hop], detail });
  const sent = station('sent', 'done', clock(movement.sentAt, texts));
  if (verdict) {
    const [, partition, offset] = PLACE.exec(source ?? '') ?? [];
    const isApplied = verdict === 'applied';
    return [
      sent,
      station('mqtt', 'done', took === undefined ? '' : duration(took, texts)),
      station('kafka', 'done', partition === undefined ? '' : `p${partition}@${offset}`),
      isApplied
        ? station('strapi', 'done', texts.stockChange(before, after))
        : { ...station('strapi', 'bad', texts.reasons[verdict](before)), name: texts.way.refused },
    ];
  }
  const later = hasLedger === false ? details.untold : details.later;
  if (state === 'taken' || (state === 'unknown' && took !== undefined)) {
    const [next, words] = state === 'unknown' ? ['bad', details.unknown] : ['now', details.waits];
    return [
      sent,
      station('mqtt', 'done', duration(took, texts)),
      hasLedger === false ? station('kafka', 'later', later) : station('kafka', next, words),
      station('strapi', 'later', later),
    ];
  }
  const [at, words] = AT_BROKER[state];
  return [
    sent,
    station('mqtt', at, details[words]),
    station('kafka', 'later', details.later),
    station('strapi', 'later', details.later),
  ];
}

/**
 * Draw stations into a list, writing only what differs: a change of state is what moves there.
 * @param {HTMLElement} box The list.
 * @param {HTMLTemplateElement} template One station.
 * @param {ReturnType<typeof stations>} way
 */
export function drawWay(box, template, way) {
  way.forEach(({ hop, state, name, detail }, place) => {
    const item = box.children[place] ?? box.appendChild(template.content.firstElementChild.cloneNode(true));
    item.dataset.hop = hop;
    item.dataset.state = state;
    const texts = { '.station': name, '.detail': detail };
    for (const [part, text] of Object.entries(texts)) {
      const element = item.querySelector(part);
      if (element && element.textContent !== text) element.textContent = text;
    }
  });
}
