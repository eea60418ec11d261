// The log of an app: live, searched by the server, folded, paused, linked to.
import { h, fill, paced, say } from './dom.js';
import { t, clock, count, moment, clean } from './text.js';
import { get, at, query, some, Trouble } from './door.js';
import { lines } from './lines.js';
import { Buffer } from './buffer.js';
import { copy, note, appLink } from './parts.js';
import { explained } from './wrong.js';

const firstLines = 1000, mostFound = 2000, levels = ['', 'debug', 'info', 'warn', 'error', 'fatal'];

export function logs(store, name, params) {
  const view = new Log(store, name);
  const seq = Number(params.get('seq'));
  view.begin(Number.isSafeInteger(seq) && seq > 0 ? seq : 0); // an address may have been written by hand
  return view.el;
}

/** Text for RE2 that means these very letters. */
const literal = (text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');

class Log {
  constructor(store, name) {
    Object.assign(this, { store, name, buffer: new Buffer(), paused: false, grouped: false, waiting: [], told: 0 });
    this.search = h('input', { type: 'search', id: 'search', placeholder: t('search'), 'aria-label': t('search'), autocomplete: 'off', spellcheck: 'false' });
    this.regex = h('input', { type: 'checkbox', id: 'regex' });
    this.level = h('select', { 'aria-label': t('level') }, levels.map((l) => h('option', { value: l }, l ? t('level.from', { level: t('level.' + l) }) : t('level.all'))));
    this.src = h('select', { 'aria-label': t('source') }, ['', 'stdout', 'stderr'].map((s) => h('option', { value: s }, s || t('source.all'))));
    this.pause = h('button', { id: 'pause', 'aria-pressed': 'false', onclick: () => this.hold(!this.paused) }, t('pause'));
    this.fold = h('button', { id: 'fold', 'aria-pressed': 'false', onclick: () => this.group(!this.grouped) }, t('grouped'));
    this.error = h('button', { id: 'next-error', onclick: () => this.nextError(1) }, t('next_error'));
    const save = h('button', { onclick: () => this.download() }, t('download'));
    this.status = h('p.status.digits', { role: 'status', 'aria-live': 'polite' });
    this.detail = h('div.detail', { hidden: true });
    this.list = lines((row, item) => this.draw(row, item), { label: t('logs.of', { name }), onpick: (i) => this.pick(i), onscroll: (end) => { if (end !== !this.paused && !this.grouped) this.hold(!end, false); } });
    this.list.addEventListener('keydown', (e) => this.key(e));
    this.el = h('section.logs', { 'aria-label': t('logs.of', { name }) },
      h('div.tools', null, this.search, h('label.check', { for: 'regex', title: 'RE2' }, this.regex, t('regex')), this.level, this.src, h('span.grow'), this.pause, this.fold, this.error, save), this.list, this.detail, this.status);
    this.search.addEventListener('input', () => { clearTimeout(this.typing); this.typing = setTimeout(() => this.begin(), 350); });
    for (const x of [this.regex, this.level, this.src]) x.addEventListener('change', () => this.begin());
    this.soon = paced(() => this.take(), 100);
    this.el.leave = () => { this.stop?.(); this.list.leave(); clearTimeout(this.typing); this.gone = true; };
    this.el.keys = { p: () => this.hold(!this.paused), e: () => this.nextError(1), E: () => this.nextError(-1), g: () => this.group(!this.grouped), '/': () => this.search.focus() };
  }

  filter() {
    const text = this.search.value;
    return { level: this.level.value, src: this.src.value, grep: text && (this.regex.checked ? text : '(?i)' + literal(text)) };
  }

  /** Follows from now on, with what there was before; or shows a line and what is around it. */
  async begin(seq) {
    clearTimeout(this.typing);
    this.stop?.();
    this.stop = null;
    this.buffer.clear();
    this.waiting = [];
    const turn = this.turn = (this.turn || 0) + 1, f = this.filter(), some = f.level || f.src || f.grep;
    this.wrong = '';
    this.pick(-1);
    this.held(false);
    const what = { topic: 'logs', apps: [this.name], ...Object.fromEntries(Object.entries(f).filter(([, v]) => v)) };
    if (!some && !seq) what.lines = firstLines;
    if (seq) return this.around(seq, turn);
    this.stop = this.store.line.follow(what, (m) => this.heard(m));
    if (!some) return this.soon();
    this.searching = true;
    this.soon();
    try {
      const past = await get('/v1/logs/search' + query({ q: f.grep || '.*', app: this.name, level: f.level, src: f.src, lines: mostFound }));
      if (turn === this.turn) this.buffer.before(past);
    } catch (e) {
      if (turn === this.turn) this.wrong = e;
    }
    if (turn === this.turn) { this.searching = false; this.soon(); }
  }

  async around(seq, turn) {
    this.hold(true);
    try {
      const list = await some(at(this.name, '/logs') + query({ after: Math.max(0, seq - 200), lines: 0 }), 1000);
      if (turn !== this.turn || this.gone) return;
      this.buffer.add(list);
      const i = this.buffer.lines.findIndex((l) => l.seq === seq);
      this.take(true);
      if (i >= 0) this.pick(i, true);
      else this.wrong = t('line_gone', { seq });
    } catch (e) {
      this.wrong = e;
    }
    this.take(true);
  }

  heard(m) {
    if (m.type === 'error') this.wrong = new Trouble(0, m.error, 'GET', at(this.name, '/logs'));
    if (m.type === 'end' && m.reason === 'deleted') this.wrong = t('deleted');
    if (m.missed) this.buffer.missed += m.missed;
    if (m.lines?.length) {
      // While a search is under way or the view is held, what comes waits, up to what fits.
      this.waiting.push(m.lines);
      this.told += m.lines.length;
      let n = this.waiting.reduce((sum, l) => sum + l.length, 0);
      while (n > this.buffer.most && this.waiting.length > 1) {
        const gone = this.waiting.shift().length;
        n -= gone;
        this.buffer.dropped += gone;
      }
    }
    this.soon();
  }

  /** Shows what has come. */
  take(anyway) {
    if (this.gone) return;
    let taken = 0;
    if (!this.paused && !this.searching || anyway) {
      for (const list of this.waiting) taken += this.buffer.add(list);
      this.waiting = [];
      this.list.show(this.grouped ? this.buffer.folded() : this.buffer.lines, this.grouped ? 0 : taken);
    }
    const b = this.buffer, held = this.waiting.reduce((n, l) => n + l.length, 0);
    if (this.wrong !== this.shown) fill(this.status, explained(this.wrong)), this.shown = this.wrong;
    if (!this.wrong) say(this.status, [this.searching ? t('searching') : t('lines', { n: count(b.lines.length) }), held && t('held', { n: count(held) }),
      b.missed && t('missed', { n: count(b.missed) }), b.dropped && t('dropped', { n: count(b.dropped) }),
      !b.lines.length && !this.searching && t('no_lines')].filter(Boolean).join(' · '));
    this.status.classList.toggle('wrong', !!this.wrong);
  }

  draw(row, item) {
    const l = item.line || item, key = l.seq + ':' + (item.count || '');
    if (row.shown === key) return;
    row.shown = key;
    row.className = 'line ' + (l.lvl || '') + (l.src === 'stderr' ? ' err' : '') + (row.classList.contains('picked') ? ' picked' : '');
    if (!row.parts) fill(row, ...(row.parts = ['count', 'time', 'inst', 'lvl', 'msg'].map((c) => h('span.' + c))));
    const [n, time, inst, lvl, msg] = row.parts;
    n.hidden = !item.count;
    say(n, item.count ? '×' + count(item.count) : '');
    say(time, clock(l.ts, true));
    inst.hidden = !l.instance;
    say(inst, ':' + l.instance);
    say(lvl, (l.lvl || '').slice(0, 5));
    say(msg, clean(l.msg).slice(0, 1000));
  }

  /** Holds what is shown, or goes on; around a line that was linked to nothing came, so it begins anew. */
  hold(on, scroll = true) {
    if (!on && !this.stop) return void this.begin();
    this.held(on, scroll);
  }

  held(on, scroll = true) {
    this.paused = on;
    this.pause.setAttribute('aria-pressed', String(on));
    say(this.pause, on ? t('resume') : t('pause'));
    if (scroll) this.list.follow(!on && !this.grouped);
    this.soon();
  }

  group(on) {
    this.grouped = on;
    this.fold.setAttribute('aria-pressed', String(on));
    this.pick(-1);
    this.list.follow(!on && !this.paused);
    this.list.show(on ? this.buffer.folded() : this.buffer.lines);
    if (on) this.list.scrollTop = 0;
  }

  nextError(step) {
    if (this.grouped) this.group(false);
    const from = this.list.picked() >= 0 ? this.list.picked() : step > 0 ? Math.max(-1, this.list.first() - 1) : this.buffer.lines.length;
    const i = this.buffer.nextError(from, step);
    if (i < 0) return note(t('no_errors'));
    this.pick(i, true);
  }

  /** Shows all of one line. */
  pick(index, scroll = false) {
    const item = index < 0 ? null : (this.grouped ? this.buffer.folded() : this.buffer.lines)[index], l = item?.line || item;
    this.detail.hidden = !l;
    this.list.pick(index, scroll);
    if (!l) return fill(this.detail);
    if (!this.paused) this.hold(true, false), this.list.follow(false);
    const link = location.origin + '/' + appLink(this.name, '/logs?seq=' + l.seq);
    fill(this.detail, h('div.row', null, h('span.digits.dim', null, `${moment(l.ts)} · ${l.lvl || '–'} · ${l.src} · pid ${l.pid} · #${l.seq}`), h('span.grow'),
      h('button.small', { onclick: () => copy(clean(l.msg)) }, t('copy')), h('button.small', { onclick: () => copy(link) }, t('copy_link')),
      h('button.small', { 'aria-label': t('close'), onclick: () => this.pick(-1) }, '×')), h('pre', null, clean(l.msg)));
  }

  key(e) {
    const n = this.list.picked(), all = this.grouped ? this.buffer.groups.size : this.buffer.lines.length;
    const to = { ArrowDown: n + 1, ArrowUp: n < 0 ? all - 1 : n - 1, Home: 0, End: all - 1 }[e.key];
    if (e.key === 'End' && e.ctrlKey) return this.hold(false);
    if (e.key === 'Escape') return this.pick(-1);
    if (to === undefined || to < 0 || to >= all) return;
    e.preventDefault();
    this.pick(to, true);
  }

  async download() {
    try {
      const list = this.search.value ? this.buffer.lines : await get(at(this.name, '/logs') + query({ lines: 10000, level: this.level.value, src: this.src.value }));
      const text = list.map((l) => `${new Date(l.ts).toISOString()} ${l.instance} ${l.src} ${l.lvl || '-'} ${clean(l.msg)}\n`);
      const url = URL.createObjectURL(new Blob(text, { type: 'text/plain' }));
      h('a', { href: url, download: this.name + '.log' }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    } catch (e) {
      note(explained(e), true);
    }
  }
}
