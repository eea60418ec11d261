// What the page knows: apps, events and figures, as the server tells of them.
// Views listen; none of them asks for these by itself.
import { Line } from './socket.js';
import { get, query } from './door.js';
import { Series, rowOf } from './series.js';

const mostEvents = 10000, mostFigures = 3600, dayHours = 24, minute = 60e3, fewest = 5, hour = 3600e3;

/** Everything that is known. It is made anew at sign-in. */
export class Store {
  constructor() {
    this.apps = new Map();     // by id
    this.loaded = false;
    this.events = [];          // oldest first
    this.figures = new Map();  // by app id: {cpu: [], memory: [], times: []}, as long as the page is open
    this.hours = new Map();    // by app id: the last hour as a Series
    this.history = 'unknown';  // 'here': the server has recorded figures; 'off': it does not tell; 'none': nobody has recorded
    this.told = 0;             // messages of events
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

  close() {
    this.line.close();
    clearTimeout(this.asking);
  }

  /** Asks for the last hour of all apps, and now and then again: others may record what this page has missed. */
  async past() {
    clearTimeout(this.asking);
    if (this.history === 'off') return;
    const turn = this.turn = (this.turn || 0) + 1;
    let again = 5 * minute;
    try {
      const a = await get('/v1/history/figures' + query({ span: '1h', points: 60 }));
      if (turn !== this.turn) return;
      const ids = new Map([...this.apps.values()].map((x) => [x.name, x.id]));
      for (const row of a.apps) if (ids.has(row.name)) this.hour(ids.get(row.name)).record(a.until, rowOf(a, row));
      this.history = 'here';
    } catch (e) {
      if (turn !== this.turn) return;
      if (e.status === 404) this.history = 'none';
      again = 10e3;
    }
    this.asking = setTimeout(() => this.past(), again);
    this.tell('metrics');
  }

  hour(id) {
    let s = this.hours.get(id);
    if (!s) this.hours.set(id, s = new Series(minute, hour));
    return s;
  }

  /** The figures of an app that a small drawing shows: an hour where that was recorded, else (or where that is a dot yet) since the page was opened. */
  recent(id, now = Date.now()) {
    if (this.history === 'here') {
      const w = this.hour(id).window(now);
      if (w.filter(Boolean).length >= fewest) return { cpu: w.map((x) => x && x.cpu), memory: w.map((x) => x && x.memory), hour: true };
    }
    return this.figures.get(id) || { cpu: [], memory: [] };
  }

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
      this.history = !news.hello.history ? 'off' : this.history === 'off' ? 'unknown' : this.history;
      this.tell('scope');
    }
    this.tell('link');
  }

  state(m) {
    if (m.type === 'snapshot') this.apps.clear();
    if (m.type !== 'snapshot' && m.type !== 'state') return;
    for (const a of m.apps) this.apps.set(a.id, { ...a, seenAt: Date.now() });
    for (const id of m.gone || []) this.apps.delete(id);
    if (m.type === 'snapshot') this.past(); // after every time away, too
    this.loaded = true;
    this.tell('apps');
  }

  event(m) {
    if (m.type !== 'event') return;
    for (const e of m.events) this.events.push(e);
    if (this.events.length > mostEvents) this.events.splice(0, this.events.length - mostEvents);
    this.days = null;
    this.told++;
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
      this.hour(a.id).look(m.ts, a.usage.cpu_percent, a.usage.memory_bytes);
      if (f.cpu.length > mostFigures) f.cpu.shift(), f.memory.shift(), f.times.shift();
    }
    for (const id of this.figures.keys()) if (!seen.has(id)) this.figures.delete(id), this.hours.delete(id);
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
    return this.days.get(id) || this.calm;
  }

  count(slot) {
    this.days = new Map();
    this.daySlot = slot;
    // The record of events is bounded: of what was before its oldest one nothing is known.
    const oldest = this.events[0], blind = oldest && oldest.seq > 1 ? dayHours - 1 - (slot - Math.floor(oldest.ts / hour)) : 0;
    const day = () => Array.from({ length: dayHours }, (_, i) => ({ failed: 0, started: 0, unknown: i < blind }));
    const ended = new Set(); // instances that have ended by themselves and well: a restart if they begin again
    this.calm = day();
    for (const e of this.events) {
      const at = dayHours - 1 - (slot - Math.floor(e.ts / hour));
      if (at < 0 || at >= dayHours || !e.id) continue;
      const what = told(e, ended);
      if (!what) continue;
      if (!this.days.has(e.id)) this.days.set(e.id, day());
      this.days.get(e.id)[at][what]++;
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

/** Whether an end is one that nobody wanted. */
export const failed = (x) => !!x && !x.asked && (x.code !== 0 || !!x.signal || !!x.error);

/** What an event counts as in the bar of a day, if it does. */
function told(e, ended) {
  const inst = e.id + ':' + e.instance, x = e.exit;
  if (e.kind === 'order') return /^(restart|reload)/.test(e.cause || '') ? 'started' : '';
  if (e.kind === 'exit' && x && !x.asked) {
    if (failed(x)) return 'failed';
    ended.add(inst);
  }
  if (e.kind !== 'state' || !ended.has(inst)) return '';
  if (e.to !== 'stopping') ended.delete(inst);
  return e.to === 'waiting_restart' || e.to === 'starting' ? 'started' : '';
}

/** An actor in words. */
export function actorName(a) {
  if (!a || a.kind !== 'user') return '';
  return (a.user || 'uid ' + a.uid) + (a.agent ? ' · ' + a.agent : a.channel === 'api' ? ' · velos api' : a.exe ? ' · ' + a.exe : '');
}
