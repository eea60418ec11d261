// All apps, by namespace.
import { h, fill, keyed, paced, say } from './dom.js';
import { t, stateWord, percent, size, span, count, ago, clean } from './text.js';
import { badge, dayBar, cpuSpark, memorySpark } from './draw.js';
import { empty, loading, outside, appLink } from './parts.js';
import { actorName } from './store.js';
import { said } from './said.js';
import { confirm, ordersFor } from './actions.js';

const alarm = ['errored', 'waiting_restart', 'starting', 'stopping', 'online', 'stopped'];
const sorts = {
  name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  state: (a, b) => alarm.indexOf(a.status) - alarm.indexOf(b.status) || sorts.name(a, b),
  cpu: (a, b) => b.cpu_percent - a.cpu_percent || sorts.name(a, b),
  memory: (a, b) => b.memory_bytes - a.memory_bytes || sorts.name(a, b),
  restarts: (a, b) => b.restart_count - a.restart_count || sorts.name(a, b),
};

// So many cards are made in one go: all of a hundred would be felt.
const atOnce = 8;

// What was typed and chosen stays while the page is open.
const chosen = { filter: '', sort: 'state' };

export function overview(store) {
  const filter = h('input', { type: 'search', id: 'filter', placeholder: t('filter'), 'aria-label': t('filter'), autocomplete: 'off', spellcheck: 'false', value: chosen.filter });
  const sort = h('select', { 'aria-label': t('sort') }, Object.keys(sorts).map((k) => h('option', { value: k }, t('sort') + ': ' + t('sort.' + k))));
  sort.value = chosen.sort;
  const counts = h('p.counts', { 'aria-live': 'off' }), list = h('div.groups'), place = h('div', null, loading());
  const el = h('section.overview', { 'aria-label': t('apps') }, h('div.bar', null, h('h1', null, t('apps')), counts, h('span.grow'), filter, sort), place);
  let limit = atOnce;
  // Drawings are for who sees them; words are there for everybody.
  const eyes = new IntersectionObserver((list) => { for (const x of list) { x.target.seen = x.isIntersecting; if (x.isIntersecting) x.target.figures?.(); } }, { rootMargin: '200px' });
  const show = () => {
    if (!store.loaded || el.gone) return;
    const all = [...store.apps.values()];
    tally(counts, all);
    if (!all.length) return void fill(place, empty(t('none'), h('span', null, t('none.how'), ' ', h('code', null, 'velos start app.js'))));
    const words = chosen.filter.toLowerCase().split(/\s+/).filter(Boolean);
    const apps = all.filter((a) => words.every((w) => [a.name, a.namespace, a.status, stateWord(a.status), a.url || ''].some((x) => x.toLowerCase().includes(w))));
    if (!apps.length) return void fill(place, empty(t('no_match'), t('no_match.how')));
    if (place.firstChild !== list) fill(place, list);
    const groups = new Map();
    for (const a of apps) groups.set(a.namespace, [...(groups.get(a.namespace) || []), a]);
    let left = limit;
    const some = [...groups.keys()].sort().map((name) => {
      const sorted = groups.get(name).sort(sorts[chosen.sort]), shown = sorted.slice(0, left);
      left -= shown.length;
      return { name, apps: shown, of: sorted.length };
    });
    keyed(list, some.filter((g) => g.apps.length), (g) => g.name, () => group(store, eyes));
    if (apps.length > limit) {
      limit += atOnce;
      requestAnimationFrame(() => setTimeout(show));
    }
  };
  const soon = paced(show, 250), figures = paced(() => { for (const c of list.querySelectorAll('.app')) c.figures(); }, 900);
  filter.addEventListener('input', () => { chosen.filter = filter.value; show(); });
  sort.addEventListener('change', () => { chosen.sort = sort.value; show(); });
  show();
  const off = store.listen((what) => {
    if (what === 'metrics') figures();
    else if (what !== 'link') soon();
  });
  el.leave = () => {
    off();
    eyes.disconnect();
    el.gone = true;
  };
  return el;
}

function tally(el, all) {
  const by = {};
  for (const a of all) by[a.status] = (by[a.status] || 0) + 1;
  const key = JSON.stringify(by);
  if (el.dataset.shown === key) return;
  el.dataset.shown = key;
  fill(el, alarm.filter((s) => by[s]).map((s) => h('span.tally', null, badge(s), h('b.digits', null, count(by[s])))));
}

function group(store, eyes) {
  const title = h('h2'), rows = h('ul.apps', null), heads = ['cpu', 'memory', 'restarts24', 'uptime'].map((k) => h('span', { 'aria-hidden': 'true' }, t(k)));
  const el = h('section.group', null, h('div.heads', null, title, heads), rows);
  el.update = (g) => {
    say(title, g.name + ' · ' + count(g.of));
    keyed(rows, g.apps, (a) => String(a.id), (a) => {
      const c = card(store, a);
      eyes.observe(c);
      return c;
    });
  };
  return el;
}

/** One app. It is changed in place, so that focus stays. */
function card(store, first) {
  const cpu = cpuSpark(), memory = memorySpark(), day = dayBar();
  const p = Object.fromEntries(['state', 'more', 'cpu', 'memory', 'uptime', 'restarts', 'by', 'url'].map((k) => [k, h('span.' + k)]));
  const name = h('a.name', { href: appLink(first.name) }, first.name), menu = h('span.menu');
  const el = h('li.app', null,
    h('div.who', null, p.state, name, p.more), h('div.where', null, p.url, p.by),
    h('div.cell', null, h('span.key', null, t('cpu')), cpu, p.cpu), h('div.cell', null, h('span.key', null, t('memory')), memory, p.memory),
    h('div.cell.wide', null, h('span.key', null, t('restarts24')), day, p.restarts), h('div.cell', null, h('span.key', null, t('uptime')), p.uptime), menu);
  let app = first, shown = {};
  const once = (key, value, f) => { if (shown[key] !== value) { shown[key] = value; f(); } };
  el.figures = () => {
    const f = store.figures.get(app.id);
    if (el.seen !== false) {
      const drawn = store.recent(app.id);
      cpu.draw(drawn.cpu, 1, drawn.hour);
      memory.draw(drawn.memory, 0, drawn.hour);
    }
    const running = app.pid > 0;
    say(p.cpu, running ? percent(f ? f.cpu.at(-1) : app.cpu_percent) : '–');
    say(p.memory, running ? size(f ? f.memory.at(-1) : app.memory_bytes) : '–');
    const retry = app.instances.find((i) => i.retry_at > Date.now());
    say(p.uptime, running ? span(app.uptime_ms + Date.now() - app.seenAt) : retry ? t('retry_in', { span: span(retry.retry_at - Date.now()) }) : '–');
  };
  let upto;
  el.update = (a) => {
    const now = store.told + ':' + store.scope + ':' + Math.floor(Date.now() / 3600e3);
    if (a === app && now === upto) return;
    upto = now;
    app = a;
    once('state', a.status, () => fill(p.state, badge(a.status)));
    const up = a.instances.filter((i) => i.status === 'online').length;
    say(p.more, [a.instances.length > 1 ? `${up}/${a.instances.length}` : '', a.health && a.health !== 'healthy' ? t('health.' + a.health) : ''].filter(Boolean).join(' · '));
    once('url', a.url || '', () => fill(p.url, outside(a.url)));
    const who = actorName(store.starter(a.id));
    say(p.by, who ? t('by', { who }) : '');
    const d = store.day(a.id);
    day.draw(d);
    say(p.restarts, count(d.reduce((n, x) => n + x.failed + x.started, 0)));
    once('menu', store.control + ordersFor(a).join(), () => fill(menu, store.control && ordersFor(a).filter((v) => /start|stop/.test(v)).slice(0, 2).map((v) =>
      h('button.small', { 'data-verb': v, 'aria-label': t('verb.' + v) + ' ' + a.name, onclick: () => confirm(v, app) }, t('verb.' + v)))));
    const last = a.instances.find((i) => i.status === 'errored' || i.status === 'waiting_restart');
    el.title = last?.reason ? said(clean(last.reason)) + (last.since ? ' · ' + ago(last.since) : '') : '';
    el.figures();
  };
  return el;
}
