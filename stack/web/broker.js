// The connection to the broker. One call of publish() is one PUBLISH packet: a lost connection is replaced by a new client with a
// clean session and an empty store, as MQTT.js would send what is in its store again by itself.

import mqtt from './mqtt.js';

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 15000;
// MQTT 5, section 3.4.2.1: the broker took it, and has no one to hand it to.
const NO_MATCHING_SUBSCRIBERS = 16;

/** The broker said no, with its reason code (MQTT 5, section 3.4.2.1). */
export class Refused extends Error {}

/** The connection ended before the broker's word came, or there is none. */
export class Lost extends Error {}

export class Broker {
  #url;
  #user;
  #changed;
  #client = null;
  #pause = FIRST_PAUSE;
  #timer = 0;
  #waiting = new Set();
  #unheard = new Set();

  /** `connecting`, `connected` or `away`. */
  state = 'connecting';
  /** When the connection was lost, or the first try failed. */
  since = null;
  /** When a connection that there was broke last, and when there was one again; 0 for never. */
  lostAt = 0;
  backAt = 0;

  /**
   * @param {string} url ws:// or wss://
   * @param {{username?: string, password?: string}} user Who we are, where the broker asks.
   * @param {() => void} changed Called when the state has changed.
   */
  constructor(url, user, changed) {
    this.#url = url;
    this.#user = user;
    this.#changed = changed;
    this.#open();
  }

  /** Do not wait for the pause to end: the network is back, or a person looks. */
  tryNow() {
    if (this.state === 'away') {
      this.#pause = FIRST_PAUSE;
      this.#open();
    }
  }

  /**
   * Publish at QoS 1, once.
   * @returns {Promise<boolean>} Once the broker has it: whether someone had subscribed to it.
   * @throws {Refused | Lost}
   */
  publish(topic, payload, movementId) {
    if (this.state !== 'connected') return Promise.reject(new Lost());
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      const properties = { userProperties: { 'movement-id': movementId } };
      this.#client.publish(topic, payload, { qos: 1, properties }, (error, packet) => {
        this.#waiting.delete(reject);
        if (error) reject(error.code ? new Refused(`${error.message} (${error.code})`) : new Lost());
        else resolve(!this.#unheard.delete(packet.messageId));
      });
    });
  }

  #open() {
    clearTimeout(this.#timer);
    const client = mqtt.connect(this.#url, {
      clientId: `opsci-web-${Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16)).join('')}`,
      username: this.#user.username,
      password: this.#user.password,
      protocolVersion: 5,
      clean: true,
      keepalive: 20,
      connectTimeout: 5000,
      reconnectPeriod: 0,
      // Its timers in a worker would need a script that the page's policy forbids.
      timerVariant: 'native',
    });
    this.#client = client;
    // Only the state changes here: what is published on connecting goes out again at each reconnection.
    client.on('connect', () => {
      this.#pause = FIRST_PAUSE;
      this.since = null;
      this.backAt = Date.now();
      this.#become('connected');
    });
    // publish() tells this reason from success by nothing; the acknowledgement passes here before that is called.
    client.on('packetreceive', ({ cmd, messageId, reasonCode }) => {
      if (cmd === 'puback' && reasonCode === NO_MATCHING_SUBSCRIBERS) this.#unheard.add(messageId);
    });
    client.on('error', () => client.end(true));
    client.on('close', () => this.#lost(client));
  }

  #lost(client) {
    if (client !== this.#client || this.state === 'away') return;
    client.end(true);
    if (this.state === 'connected') this.lostAt = Date.now();
    for (const reject of this.#waiting) reject(new Lost());
    this.#waiting.clear();
    this.#unheard.clear();
    this.since ??= new Date();
    this.#timer = setTimeout(() => this.#open(), this.#pause);
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
    this.#become('away');
  }

  #become(state) {
    this.state = state;
    this.#changed();
  }
}
