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
 * A line of figures. Its text says what the newest and the highest are.
 * @param {string} label
 * @param {(n: number) => string} show
 */
export function spark(label, show, width = 96, height = 22) {
  const line = h('polyline', { fill: 'none' }), area = h('polygon', null);
  const svg = h('svg.spark', { viewBox: `0 0 ${width} ${height}`, width, height, preserveAspectRatio: 'none', role: 'img' }, area, line);
  svg.draw = (values, floor = 0) => {
    const n = Math.min(values.length, width), first = values.length - n;
    let top = floor;
    for (let i = first; i < values.length; i++) top = Math.max(top, values[i]);
    const points = [];
    for (let i = 0; i < n; i++) {
      points.push(((n < 2 ? 1 : i / (n - 1)) * width).toFixed(1) + ',' + (height - 2 - (top ? values[first + i] / top / 1.15 : 0) * (height - 4)).toFixed(1));
    }
    line.setAttribute('points', points.join(' '));
    area.setAttribute('points', n > 1 ? `0,${height} ${points.join(' ')} ${width},${height}` : '');
    svg.setAttribute('aria-label', n ? t('spark', { label, now: show(values.at(-1)), most: show(top) }) : t('spark.none', { label }));
  };
  svg.draw([]);
  return svg;
}

export const cpuSpark = (w, hh) => spark(t('cpu'), percent, w, hh);
export const memorySpark = (w, hh) => spark(t('memory'), size, w, hh);

/** The last 24 hours: a mark for each, by what has happened in it. */
export function dayBar() {
  const width = 6, rects = [];
  const svg = h('svg.day', { viewBox: `0 0 ${24 * width} 20`, width: 24 * width, height: 20, role: 'img' });
  for (let i = 0; i < 24; i++) {
    const r = h('rect', { x: i * width, y: 8, width: width - 2, height: 10, rx: 1 }), title = h('title');
    r.append(title);
    rects.push([r, title]);
    svg.append(r);
  }
  let shown = '';
  svg.draw = (day) => {
    const key = day.map((d) => d.failed + '/' + d.started).join();
    if (key === shown) return;
    shown = key;
    let failed = 0, started = 0;
    day.forEach((d, i) => {
      const [r, title] = rects[i], high = d.failed ? 18 : d.started ? 14 : 8;
      failed += d.failed;
      started += d.started;
      r.setAttribute('class', d.failed ? 'failed' : d.started ? 'started' : 'calm');
      r.setAttribute('y', 19 - high);
      r.setAttribute('height', high);
      title.textContent = t('day.hour', { hours: 23 - i, failed: d.failed, started: d.started });
    });
    svg.setAttribute('aria-label', t('day.all', { failed, started }));
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
    now.textContent = values.length ? show(values.at(-1)) : '–';
    most.textContent = values.length ? t('most', { n: show(Math.max(...values.slice(-600))) }) : '';
  };
  return el;
}
