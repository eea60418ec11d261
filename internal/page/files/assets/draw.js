// Small drawings: the shape of a state, lines of figures, the bar of a day.
import { h } from './dom.js';
import { t, stateWord, percent, size } from './text.js';

// Shapes differ, so that nobody needs the colour.
const shapes = {
  online: () => h('circle', { cx: 8, cy: 8, r: 5 }),
  starting: () => h('path', { d: 'M8 2.5v11M8 2.5a5.5 5.5 0 0 1 0 11z' }),
  stopping: () => h('path', { d: 'M3.5 4h3.2v8H3.5zM9.3 4h3.2v8H9.3z' }),
  waiting_restart: () => h('path', { d: 'M8 2.5 14 13.5H2z' }),
  errored: () => h('path', { d: 'M3 5 5 3l3 3 3-3 2 2-3 3 3 3-2 2-3-3-3 3-2-2 3-3z' }),
  stopped: () => h('rect', { x: 3.5, y: 3.5, width: 9, height: 9, rx: 1 }),
};

/** The word of a state with its colour and shape. */
export function badge(status) {
  return h('span.state.' + (shapes[status] ? status : 'stopped'), null,
    h('svg', { viewBox: '0 0 16 16', width: 12, height: 12, 'aria-hidden': 'true' }, (shapes[status] || shapes.stopped)()), h('span', null, stateWord(status)));
}

/**
 * The shape of values from left to right: null is a gap, and what stands alone
 * between two gaps is a dash. y() says how high a value is.
 * @param {Array<number|null>} values
 */
export function shapeOf(values, width, height, y) {
  const n = values.length, step = n > 1 ? width / (n - 1) : 0, x = (i) => (n > 1 ? i * step : width).toFixed(1);
  let line = '', area = '';
  for (let i = 0; i < n; i++) {
    if (values[i] === null) continue;
    let end = i;
    while (end + 1 < n && values[end + 1] !== null) end++;
    if (end === i) {
      const half = Math.max(step / 2, 1), at = n > 1 ? i * step : width;
      line += `M${(at - half).toFixed(1)},${y(values[i]).toFixed(1)}H${(at + half).toFixed(1)}`;
      continue;
    }
    let run = '';
    for (let k = i; k <= end; k++) run += `${run ? 'L' : ''}${x(k)},${y(values[k]).toFixed(1)}`;
    line += 'M' + run;
    area += `M${x(i)},${height}L${run}L${x(end)},${height}Z`;
    i = end;
  }
  return { line, area };
}

/**
 * A line of figures. Its text says what the newest and the highest are.
 * @param {string} label
 * @param {(n: number) => string} show
 */
export function spark(label, show, width = 96, height = 22) {
  const line = h('path.stroke', { fill: 'none' }), area = h('path.ground', null);
  const svg = h('svg.spark', { viewBox: `0 0 ${width} ${height}`, width, height, preserveAspectRatio: 'none', role: 'img' }, area, line);
  const title = h('title');
  svg.append(title);
  svg.draw = (all, floor = 0, hour = false) => {
    const values = all.length > width ? all.slice(-width) : all, known = values.filter((v) => v !== null), top = Math.max(floor, ...known);
    const s = shapeOf(values, width, height, (v) => height - 2 - (top ? v / top / 1.15 : 0) * (height - 4));
    line.setAttribute('d', s.line);
    area.setAttribute('d', s.area);
    svg.setAttribute('aria-label', known.length ? t('spark', { label, now: show(known.at(-1)), most: show(Math.max(...known)) }) + ', ' + t(hour ? 'drawn.hour' : 'drawn.open') : t('spark.none', { label }));
    if (title.textContent !== svg.getAttribute('aria-label')) title.textContent = svg.getAttribute('aria-label');
  };
  svg.draw([]);
  return svg;
}

export const cpuSpark = (w, hh) => spark(t('cpu'), percent, w, hh);
export const memorySpark = (w, hh) => spark(t('memory'), size, w, hh);

/** The last 24 hours: a mark for each, by what has happened in it. The marks of a kind are one shape, since there are many such bars. */
export function dayBar() {
  const width = 6, kinds = ['unknown', 'calm', 'started', 'failed'], shapes = kinds.map((k) => h('path.' + k)), title = h('title');
  const svg = h('svg.day', { viewBox: `0 0 ${24 * width} 20`, width: 24 * width, height: 20, role: 'img' }, shapes, title);
  const kind = (d) => (d.unknown ? 0 : d.failed ? 3 : d.started ? 2 : 1), heights = [8, 8, 14, 18];
  let shown = '', days = [], whole = '';
  const tell = (i) => {
    const d = days[i];
    title.textContent = !d ? whole : d.unknown ? t('day.unknown', { hours: 23 - i }) : t('day.hour', { hours: 23 - i, failed: d.failed, started: d.started });
  };
  svg.addEventListener('pointermove', (e) => tell(Math.floor((e.clientX - svg.getBoundingClientRect().left) / svg.getBoundingClientRect().width * 24)));
  svg.draw = (day) => {
    const key = day.map((d) => d.unknown ? '?' : d.failed + '/' + d.started).join();
    if (key === shown) return;
    shown = key;
    days = day;
    const marks = ['', '', '', ''], sum = (k) => day.reduce((n, d) => n + d[k], 0), unknown = day.filter((d) => d.unknown).length;
    day.forEach((d, i) => { const k = kind(d); marks[k] += `M${i * width},19v-${heights[k]}h${width - 2}v${heights[k]}z`; });
    shapes.forEach((s, k) => s.setAttribute('d', marks[k]));
    whole = t('day.all', { failed: sum('failed'), started: sum('started') }) + (unknown ? ' ' + t('day.blind', { hours: unknown }) : '');
    svg.setAttribute('aria-label', whole);
    tell(-1);
  };
  return svg;
}

/** A larger drawing with its newest and highest figure in words. */
export function chart(title, show, floor = 0) {
  const now = h('b.digits'), most = h('span.digits.dim'), line = spark(title, show, 600, 96);
  line.classList.add('large');
  const el = h('figure.chart', null, h('figcaption', null, h('span', null, title), now, most), line);
  el.draw = (values) => {
    line.draw(values, floor);
    const known = values.slice(-600).filter((v) => v !== null);
    now.textContent = known.length ? show(known.at(-1)) : '–';
    most.textContent = known.length ? t('most', { n: show(Math.max(...known)) }) : '';
  };
  return el;
}
