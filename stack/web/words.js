// A sent movement, an amount and a time, in words.

const SLOW = 5000;

/** `+5` or `−5`, with a real minus sign. */
export const signed = (delta) => (delta > 0 ? `+${delta}` : `\u2212${-delta}`);

/** A time of day, as the language writes it. */
export const clock = (time, texts) => new Date(time).toLocaleTimeString(texts.language);

/** A duration from 0 ms on: `12 ms`, `1.4 s`. */
export function duration(milliseconds, texts) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toLocaleString(texts.language, { maximumFractionDigits: 1 })} s`;
}

/**
 * Say what became of a movement.
 * @param {object} movement As in sent.js.
 * @param {number} now Milliseconds since the epoch.
 * @param {boolean | null} hasLedger Whether what is sent twice counts once; null while that is not known.
 * @returns {{tone: 'wait' | 'good' | 'bad', text: string}}
 */
export function outcome(movement, texts, now, hasLedger) {
  const { state, verdict, before, after, tries } = movement;
  if (verdict === 'applied') return { tone: 'good', text: texts.stockChange(before, after) };
  if (verdict) return { tone: 'bad', text: texts.refused(texts.reasons[verdict](before)) };
  switch (state) {
    case 'sending':
      return { tone: 'wait', text: texts.states.sending };
    case 'taken': {
      if (tries > 0) return { tone: 'wait', text: texts.states.again(tries + 1) };
      const words = now - movement.takenAt > SLOW ? texts.states.waiting : texts.states.taken;
      return { tone: 'wait', text: words(duration(movement.took, texts)) };
    }
    case 'refused':
      return { tone: 'bad', text: texts.states.refused(movement.why) };
    case 'unknown':
      return { tone: 'bad', text: texts.states.unknown };
    default: {
      const counts = hasLedger === null ? '' : hasLedger ? texts.counts.once : texts.counts.twice;
      return { tone: 'bad', text: `${texts.states[state]}${counts && ` ${counts}`}` };
    }
  }
}
