// What the page knows: apps, events and figures, as the server tells of them.
// Views listen; none of them asks for these by itself.
import { Line } from './socket.js';

const mostEvents = 10000, mostFigures = 3600, dayHours = 24, hour = 3600e3;

/** Everything that is known. It is made anew at sign-in. */
export class Store {
  constructor() {
    this.apps = new Map();     // by id
    this.loaded = false;
    this.events = [];          // oldest first
    this.figures = new Map();  // by app id: {cpu: [], memory: [], times: []}
    this.own = [];             // the daemon's memory
    this.scope = '';
    this.version = '';
    this.link = { state: 'connecting', daemon: 'here' };
    this.skew = '';
    this.listeners = new Set();
    this.line = new Line((news) => this.linked(news));
    this.tell('link');
  }

  open() {
    this.line.follow({ topic: 'state' }, (m) => this.state(m));
    this.line.follow({ topic: 'events', lines: 10000 }, (m) => this.event(m));
    this.line.follow({ topic: 'metrics', interval_ms: 2000 }, (m) => this.metrics(m));
    this.line.open();
  }

  close() { this.line.close(); }

  /** Calls f(what) when something has changed; what is returned ends that. */
  listen(f) {
    this.listeners.add(f);
    return () => this.listeners.delete(f);
  }

  tell(what) { for (const f of [...this.listeners]) f(what); }

  linked(news) {
    this.link = { ...this.link, ...news };
    if (news.hello) {
      if (news.hello.protocol !== 'velos.v1') this.skew = 'protocol';
      else if (this.version && this.version !== news.hello.version) this.skew = 'page';
      this.version ||= news.hello.version;
      this.scope = news.hello.scope;
      this.tell('scope');
    }
    this.tell('link');
  }

  state(m) {
    if (m.type === 'snapshot') this.apps.clear();
    if (m.type !== 'snapshot' && m.type !== 'state') return;
    for (const a of m.apps) this.apps.set(a.id, { ...a, seenAt: Date.now() });
    for (const id of m.gone || []) this.apps.delete(id);
    this.loaded = true;
    this.tell('apps');
  }

  event(m) {
    if (m.type !== 'event') return;
    for (const e of m.events) this.events.push(e);
    if (this.events.length > mostEvents) this.events.splice(0, this.events.length - mostEvents);
    this.days = null;
    this.tell('events');
  }

  metrics(m) {
    if (m.type !== 'metrics') return;
    if (m.daemon) this.own.push(m.daemon.rss_bytes);
    if (this.own.length > mostFigures) this.own.shift();
    const seen = new Set();
    for (const a of m.apps) {
      seen.add(a.id);
      let f = this.figures.get(a.id);
      if (!f) this.figures.set(a.id, f = { cpu: [], memory: [], times: [] });
      f.cpu.push(a.usage.cpu_percent);
      f.memory.push(a.usage.memory_bytes);
      f.times.push(m.ts);
      if (f.cpu.length > mostFigures) f.cpu.shift(), f.memory.shift(), f.times.shift();
    }
    for (const id of this.figures.keys()) if (!seen.has(id)) this.figures.delete(id);
    this.tell('metrics');
  }

  get control() { return this.scope === 'control'; }

  named(name) {
    for (const a of this.apps.values()) if (a.name === name) return a;
    return null;
  }

  /** What has happened to an app in each of the last 24 hours. */
  day(id) {
    const now = Date.now(), slot = Math.floor(now / hour);
    if (!this.days || this.daySlot !== slot) this.count(slot);
    return this.days.get(id) || empty;
  }

  count(slot) {
    this.days = new Map();
    this.daySlot = slot;
    for (const e of this.events) {
      const at = dayHours - 1 - (slot - Math.floor(e.ts / hour));
      if (at < 0 || at >= dayHours || !e.id) continue;
      const failed = e.kind === 'exit' && e.exit && !e.exit.asked && (e.exit.code !== 0 || e.exit.signal || e.exit.error);
      const started = e.kind === 'order' && /^(restart|reload)/.test(e.cause || '');
      if (!failed && !started) continue;
      let d = this.days.get(e.id);
      if (!d) this.days.set(e.id, d = Array.from({ length: dayHours }, () => ({ failed: 0, started: 0 })));
      if (failed) d[at].failed++;
      else d[at].started++;
    }
  }

  /** Who has last ordered that an app runs. */
  starter(id) {
    if (!this.starters || this.startersOf !== this.events.length + ':' + this.events.at(-1)?.seq) {
      this.starters = new Map();
      this.startersOf = this.events.length + ':' + this.events.at(-1)?.seq;
      for (const e of this.events) {
        if (e.id && e.actor?.kind === 'user' && (e.kind === 'order' || e.kind === 'config') && !/^(stop|delete|signal|flush|reset)/.test(e.cause || '')) this.starters.set(e.id, e.actor);
      }
    }
    return this.starters.get(id);
  }
}

const empty = Array.from({ length: dayHours }, () => ({ failed: 0, started: 0 }));

/** An actor in words. */
export function actorName(a) {
  if (!a || a.kind !== 'user') return '';
  return (a.user || 'uid ' + a.uid) + (a.agent ? ' · ' + a.agent : a.exe ? ' · ' + a.exe : '');
}
