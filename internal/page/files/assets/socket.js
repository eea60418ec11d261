// One WebSocket for all that the page follows: it comes back by itself, and
// subscriptions go on where they were.
import { ask } from './door.js';

const pauses = [1000, 2000, 4000, 8000, 15000];
// A connection on which nothing comes is asked whether it lives, and given up.
const lookEvery = 10000, askAfter = 12000, deadAfter = 35000;

/** A Line is the connection and those who listen. */
export class Line {
  constructor(told) {
    this.told = told; // told({state, daemon, retryAt, hello})
    this.subs = new Map();
    this.next = 1;
    this.failures = 0;
    this.closed = false;
    this.state = 'connecting';
    this.watch = setInterval(() => this.look(), lookEvery);
  }

  async open() {
    clearTimeout(this.timer);
    if (this.closed) return;
    this.change('connecting');
    let ticket;
    try {
      ticket = (await ask('POST', '/v1/tickets', {})).ticket;
    } catch (e) {
      if (e.status !== 401) this.later();
      return;
    }
    if (this.closed) return;
    const ws = new WebSocket(location.origin.replace(/^http/, 'ws') + '/v1/stream', ['velos.v1', 'ticket.' + ticket]);
    this.ws = ws;
    this.heardAt = Date.now();
    ws.onmessage = (m) => {
      this.heardAt = Date.now();
      if (this.ws === ws) this.heard(JSON.parse(m.data));
    };
    ws.onclose = () => {
      if (this.ws !== ws) return; // given up, see look
      this.ws = null;
      this.later();
    };
  }

  /** Notices that the other side has gone without a word, such as while this machine slept. */
  look() {
    const ws = this.ws, quiet = Date.now() - this.heardAt;
    if (!ws || quiet < askAfter) return;
    if (quiet < deadAfter) {
      if (ws.readyState === WebSocket.OPEN) ws.send('{"op":"ping"}');
      return;
    }
    this.ws = null;
    ws.close();
    this.later();
  }

  /** Tries again after a pause, which grows. */
  later() {
    if (this.closed) return;
    const pause = pauses[Math.min(this.failures++, pauses.length - 1)];
    this.change('waiting', { retryAt: Date.now() + pause });
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), pause);
  }

  change(state, more = {}) {
    this.state = state;
    this.told({ state, ...more });
  }

  heard(m) {
    switch (m.type) {
      case 'hello':
        this.failures = 0;
        this.change('open', { hello: m, daemon: m.daemon });
        for (const [id, sub] of this.subs) this.begin(id, sub);
        return;
      case 'daemon':
        this.told({ state: 'open', daemon: m.daemon === 'gone' ? 'gone' : 'here' });
        return;
      case 'pong':
        return;
    }
    const sub = this.subs.get(m.id);
    if (!sub) return;
    if (m.cursor && (m.type === 'entry' || m.type === 'event')) sub.cursor = m.cursor;
    if (m.type === 'end' || m.type === 'error') this.subs.delete(m.id);
    sub.heard(m);
  }

  begin(id, sub) {
    const op = { op: 'subscribe', id, ...sub.what };
    if (sub.cursor) {
      op.cursor = sub.cursor;
      delete op.lines;
    }
    this.ws.send(JSON.stringify(op));
  }

  /**
   * Follows a topic; what is returned ends that.
   * @param {Object} what topic, apps, lines, …
   * @param {(message: any) => void} heard
   */
  follow(what, heard) {
    const id = String(this.next++), sub = { what, heard, cursor: what.cursor };
    this.subs.set(id, sub);
    if (this.state === 'open' && this.ws?.readyState === WebSocket.OPEN) this.begin(id, sub);
    return () => {
      if (this.subs.delete(id) && this.ws?.readyState === WebSocket.OPEN) this.ws.send(JSON.stringify({ op: 'unsubscribe', id }));
    };
  }

  close() {
    this.closed = true;
    clearInterval(this.watch);
    clearTimeout(this.timer);
    this.ws?.close();
  }
}
