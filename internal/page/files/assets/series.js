// Figures over time: what was recorded, gone on with by what is measured while
// the page is open. A step in which nobody looked has no value.

/** The lengths that can be chosen, and in how many points each is asked for. */
export const spans = { '1h': [3600e3, 60], '6h': [6 * 3600e3, 180], '24h': [24 * 3600e3, 144], '7d': [7 * 24 * 3600e3, 168] };

/** A Series is one app's figures in steps of one length. */
export class Series {
  constructor(step, length) {
    this.step = step;
    this.slots = Math.ceil(length / step);
    this.recorded = new Map(); // by number of the step: {cpu, memory, restarts}
    this.live = new Map();     // by number of the step: {n, cpu, memory}
    this.upto = -Infinity;     // the step in which was asked: its mean was not whole
  }

  /** One look, of now. */
  look(ts, cpu, memory) {
    const at = Math.floor(ts / this.step), x = this.live.get(at);
    if (x) x.n++, x.cpu += cpu, x.memory += memory;
    else {
      this.live.set(at, { n: 1, cpu, memory });
      for (const old of this.live.keys()) if (old <= at - this.slots) this.live.delete(old);
    }
  }

  /** What was recorded until a moment, instead of what was known of that. */
  record(until, points) {
    this.recorded.clear();
    for (const p of points) this.recorded.set(Math.floor(p.ts / this.step), p);
    this.upto = Math.floor((until - 1) / this.step);
  }

  /** The steps until now, oldest first: {ts, cpu, memory, restarts}, or null. */
  window(now) {
    const last = Math.floor(now / this.step), list = [];
    for (let at = last - this.slots + 1; at <= last; at++) {
      const r = this.recorded.get(at), l = this.live.get(at);
      // Who records looks at the whole step; of the one that was not over yet the page has seen more.
      if (r && !(at >= this.upto && l)) list.push({ ts: at * this.step, cpu: r.cpu, memory: r.memory, restarts: r.restarts || 0 });
      else if (l) list.push({ ts: at * this.step, cpu: l.cpu / l.n, memory: l.memory / l.n, restarts: r?.restarts || 0 });
      else list.push(null);
    }
    return list;
  }
}

/** The points of an answer about one app. */
export const pointsOf = (answer) => answer.points.map((p) => ({ ts: p.ts, cpu: p.cpu_percent, memory: p.memory_bytes, restarts: p.restarts }));

/** The points of one app in an answer about all. */
export function rowOf(answer, row) {
  const list = [];
  row.cpu_percent.forEach((cpu, i) => { if (cpu !== null) list.push({ ts: answer.since + i * answer.step_ms, cpu, memory: row.memory_bytes[i], restarts: row.restarts[i] }); });
  return list;
}
