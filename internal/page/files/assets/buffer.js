// The lines that a page has of a log: bounded, in order, each once. And the
// same folded: lines that differ in numbers only are one, with a count.

const varying = /0x[0-9a-f]+|[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9a-f]{12,}\b|\d+(?:[.,:]\d+)*/gi;
const mostGroups = 5000;

/** What lines that say the same have in common. */
export const shape = (text) => text.slice(0, 300).replace(varying, '#');

export class Buffer {
  constructor(most = 20000) {
    this.most = most;
    this.lines = [];
    this.clear();
  }

  clear() {
    this.lines.length = 0;
    this.groups = new Map();
    this.missed = 0;  // the server has left out
    this.dropped = 0; // that were here and have gone
    this.last = 0;
  }

  /** Adds lines behind; those that are here already are left out. Returns how many have gone at the front. */
  add(list) {
    for (const l of list) {
      if (l.missed) {
        this.missed += l.missed;
        continue;
      }
      if (l.seq <= this.last) continue;
      this.last = l.seq;
      this.lines.push(l);
      this.fold(l);
    }
    const over = this.lines.length - this.most;
    if (over <= 0) return 0;
    // A tenth at a time: moving the rest is not for every line.
    const taken = over + this.most / 10;
    this.lines.splice(0, taken);
    this.dropped += taken;
    return taken;
  }

  /** Puts lines of the past before those that have come. */
  before(list) {
    const first = this.lines[0]?.seq ?? Infinity, now = this.lines;
    const past = list.filter((l) => !l.missed && l.seq < first);
    this.lines = past.concat(now).slice(-this.most);
    this.groups = new Map();
    for (const l of this.lines) this.fold(l);
    this.last = this.lines.at(-1)?.seq ?? this.last;
  }

  fold(l) {
    const key = l.lvl + l.src + shape(l.msg);
    const g = this.groups.get(key);
    if (g) {
      g.count++;
      g.line = l;
    } else if (this.groups.size < mostGroups) this.groups.set(key, { count: 1, first: l.ts, line: l });
  }

  /** The groups, the most frequent first. */
  folded() { return [...this.groups.values()].sort((a, b) => b.count - a.count || b.line.ts - a.line.ts); }

  /** The index of the next error from there, or -1. It goes around. */
  nextError(from, step = 1) {
    const n = this.lines.length;
    for (let i = 1; i <= n; i++) {
      const at = ((from + step * i) % n + n) % n, l = this.lines[at].lvl;
      if (l === 'error' || l === 'fatal') return at;
    }
    return -1;
  }
}
