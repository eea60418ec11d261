// CPU and memory of an app over hours and days: what was recorded, and what has
// come since.
import { h, fill, paced, say } from './dom.js';
import { t, percent, size, span, moment, count, axis } from './text.js';
import { get, at, query } from './door.js';
import { shapeOf } from './draw.js';
import { explained } from './wrong.js';
import { Series, spans, pointsOf } from './series.js';

let chosen = '1h'; // stays while the page is open

export function figures(store, name) {
  const cpu = plot(t('cpu'), percent, 'cpu', 1), memory = plot(t('memory'), size, 'memory', 0);
  const said = h('p.dim', { id: 'recorded', role: 'status' }), table = h('details', null, h('summary', null, t('as_table')));
  const choice = h('div.choice', { role: 'group', 'aria-label': t('span') }, Object.keys(spans).map((k) => h('button', { 'data-span': k, 'aria-pressed': String(k === chosen), onclick: () => pick(k) }, t('span.' + k))));
  const el = h('section', { 'aria-label': t('tab.figures') }, h('div.tools', null, choice), h('div.charts.high', null, cpu, memory), said, table);
  let series, state, wrong = '', asking, turn = 0, fed = 0, id = 0;

  function pick(k) {
    chosen = k;
    for (const b of choice.children) b.setAttribute('aria-pressed', String(b.dataset.span === k));
    begin(spans[k][0] / spans[k][1]);
    ask();
  }
  function begin(step) {
    series = new Series(step, spans[chosen][0]);
    state = 'asking';
    fed = 0;
  }
  async function ask() {
    clearTimeout(asking);
    const mine = ++turn;
    if (store.history === 'off') {
      state = 'off';
      return draw();
    }
    try {
      const a = await get(at(name, '/history/figures') + query({ span: chosen, points: spans[chosen][1] }));
      if (mine !== turn) return;
      if (a.step_ms !== series.step) begin(a.step_ms);
      series.record(a.until, pointsOf(a));
      state = 'here';
      wrong = '';
    } catch (e) {
      if (mine !== turn) return;
      state = e.status === 404 ? 'none' : state === 'here' ? 'here' : 'failed';
      wrong = state === 'failed' ? explained(e) : '';
    }
    asking = setTimeout(ask, state === 'here' ? Math.min(Math.max(series.step, 30e3), 300e3) : 10e3);
    draw();
  }
  /** What the page itself has measured. */
  function feed() {
    const f = store.figures.get(id);
    for (let i = 0; f && i < f.times.length; i++) {
      if (f.times[i] > fed) series.look(f.times[i], f.cpu[i], f.memory[i]);
    }
    fed = Math.max(fed, f?.times.at(-1) || 0);
  }
  function draw() {
    feed();
    const list = series.window(Date.now());
    cpu.draw(list, series);
    memory.draw(list, series);
    explain(list);
    if (table.open) rows(list);
  }
  function explain(list) {
    const gaps = list.filter((x) => !x).length, restarts = list.reduce((n, x) => n + (x?.restarts || 0), 0);
    const since = store.figures.get(id)?.times[0], parts = [];
    if (state === 'off' || state === 'none') parts.push(t('past.' + state), ' ', h('code', null, 'velos api --history'), '. ', since && t('figures_since', { time: moment(since) }));
    else if (state === 'failed') parts.push(...wrong);
    else if (state === 'here') parts.push([series.recorded.size ? t('past.step', { span: span(series.step) }) : t('past.empty'), gaps && t('past.gaps', { span: span(gaps * series.step) }), restarts && t('past.restarts', { n: count(restarts) })].filter(Boolean).join(' '));
    const key = parts.map((p) => p?.textContent ?? p).join('');
    if (said.dataset.shown !== key) fill(said, parts), said.dataset.shown = key;
  }
  const rows = seldom((list) => fill(table, table.firstChild, h('div.scroll', { tabindex: 0, role: 'region', 'aria-label': t('as_table') }, h('table.settings', null, h('thead', null, h('tr', null, ['when', 'cpu', 'memory', 'restarts'].map((k) => h('th', { scope: 'col' }, t(k))))),
    h('tbody', null, list.map((x, i) => [x, (Math.floor(Date.now() / series.step) - list.length + 1 + i) * series.step]).reverse().map(([x, ts]) => h('tr', null, h('th', { scope: 'row' }, moment(ts)),
      x ? [h('td', null, percent(x.cpu)), h('td', null, size(x.memory)), h('td', null, count(x.restarts))] : h('td', { colspan: 3 }, t('not_recorded')))))))), 5000);
  table.addEventListener('toggle', () => { rows.at = 0; draw(); });
  begin(spans[chosen][0] / spans[chosen][1]);
  const soon = paced(() => { if (id && !el.gone) draw(); }, 1000);
  let away = false;
  const off = store.listen((what) => {
    if (what === 'metrics') return soon();
    if (what !== 'link') return;
    const now = store.link.state !== 'open' || store.link.daemon === 'gone';
    if (away && !now) ask(); // somebody else may have recorded meanwhile
    away = now;
  });
  el.leave = () => { off(); clearTimeout(asking); turn++; el.gone = true; };
  el.show = (a) => {
    if (id === a.id) return;
    id = a.id;
    draw();
    ask();
  };
  return el;
}

/** Calls f with its argument, but not more often than that. */
function seldom(f, every) {
  const g = (x) => {
    if (Date.now() - g.at < every) return;
    g.at = Date.now();
    f(x);
  };
  g.at = 0;
  return g;
}

const width = 600, height = 160;

/** A large drawing over time: gaps are shaded, restarts are marks, and the pointer reads single values. */
function plot(title, show, key, floor) {
  const now = h('b.digits'), sum = h('span.digits.dim'), under = h('g'), line = h('path.stroke', { fill: 'none' }), area = h('path.ground'), needle = h('path.needle', { fill: 'none' });
  const svg = h('svg.spark.large', { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', role: 'img' }, under, area, line, needle), ends = [h('span'), h('span'), h('span')];
  const el = h('figure.chart', null, h('figcaption', null, h('span', null, title), now, sum), svg, h('div.axis.digits', { 'aria-hidden': 'true' }, ends));
  let list = [], series, pointed = -1;
  const caption = () => {
    const known = list.filter(Boolean).map((x) => x[key]), x = list[pointed];
    if (pointed >= 0 && pointed < list.length) {
      const ts = (Math.floor(Date.now() / series.step) - list.length + 1 + pointed) * series.step;
      say(now, x ? show(x[key]) : t('not_recorded'));
      say(sum, moment(ts) + (x?.restarts ? ' · ' + t('past.restarts', { n: count(x.restarts) }) : ''));
      return;
    }
    say(now, known.length ? show(known.at(-1)) : '–');
    say(sum, known.length ? t('mean_most', { mean: show(known.reduce((a, b) => a + b, 0) / known.length), most: show(Math.max(...known)) }) : '');
  };
  const point = (i) => {
    pointed = i;
    const x = list.length > 1 ? i / (list.length - 1) * width : 0;
    needle.setAttribute('d', i < 0 ? '' : `M${x.toFixed(1)},0V${height}`);
    caption();
  };
  svg.addEventListener('pointermove', (e) => {
    const box = svg.getBoundingClientRect();
    point(Math.max(0, Math.min(list.length - 1, Math.round((e.clientX - box.left) / box.width * (list.length - 1)))));
  });
  svg.addEventListener('pointerleave', () => point(-1));
  el.draw = (points, from) => {
    list = points;
    series = from;
    const values = list.map((x) => x && x[key]), known = values.filter((v) => v !== null), top = Math.max(floor, ...known), step = width / Math.max(list.length - 1, 1);
    const s = shapeOf(values, width, height, (v) => height - 2 - (top ? v / top / 1.1 : 0) * (height - 4));
    line.setAttribute('d', s.line);
    area.setAttribute('d', s.area);
    fill(under, gapsOf(values).map(([a, b]) => h('rect.gap', { x: Math.max(0, (a - 1) * step).toFixed(1), y: 0, width: (Math.min(width, (b + 1) * step) - Math.max(0, (a - 1) * step)).toFixed(1), height })),
      list.map((x, i) => x?.restarts ? h('path.restart', { d: `M${(i * step).toFixed(1)},${height - 14}V${height}` }) : null));
    const last = Date.now(), first = last - (list.length - 1) * from.step;
    [first, (first + last) / 2, last].forEach((ts, i) => say(ends[i], axis(ts, last - first)));
    const gone = (values.length - known.length) * from.step;
    svg.setAttribute('aria-label', known.length ? t('spark', { label: title, now: show(known.at(-1)), most: show(Math.max(...known)) }) + (gone ? ', ' + t('past.gaps', { span: span(gone) }) : '') : t('spark.none', { label: title }));
    caption();
  };
  return el;
}

/** Where there is nothing: pairs of the first and the last. */
function gapsOf(values) {
  const list = [];
  values.forEach((v, i) => {
    if (v !== null) return;
    if (i && values[i - 1] === null) list.at(-1)[1] = i;
    else list.push([i, i]);
  });
  return list;
}
