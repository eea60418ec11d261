// One WebSocket for all that the page follows: it comes back by itself, and
// subscriptions go on where they were.
import { ask } from './door.js';

const pauses = [1000, 2000, 4000, 8000, 15000];

/** A Line is the connection and those who listen. */
export class Line {
  constructor(told) {
    this.told = told; // told({state, daemon, retryAt, hello})
    this.subs = new Map();
    this.next = 1;
    this.failures = 0;
    this.closed = false;
    this.state = 'connecting';
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
    ws.onmessage = (m) => this.heard(JSON.parse(m.data));
    ws.onclose = () => {
      if (this.ws !== ws) return;
      this.ws = null;
      this.later();
    };
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
    clearTimeout(this.timer);
    this.ws?.close();
  }
}
