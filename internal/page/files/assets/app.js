// One app: facts, and the views of its log, crash, figures, configuration, events.
import { h, fill, paced, say, keyed } from './dom.js';
import { t, percent, size, span, moment, ago, count, clean } from './text.js';
import { badge, chart, dayBar } from './draw.js';
import { empty, loading, facts, outside, appLink } from './parts.js';
import { actorName } from './store.js';
import { buttons, ordersFor } from './actions.js';
import { logs } from './logs.js';
import { crash, why } from './crash.js';
import { settings } from './settings.js';
import { eventList } from './events.js';
import { said } from './said.js';
import { figures } from './figures.js';

export const tabs = { '': facets, logs, crash, why, figures, config: settings, events: (store, name) => eventList(store, name) };

export function app(store, name, tab, params) {
  const state = h('span'), title = h('h1', null, name), menu = h('div.row.orders'), nav = h('nav.tabs', { 'aria-label': t('views_of', { name }) });
  const place = h('div.view');
  for (const key of Object.keys(tabs)) nav.append(h('a', { href: appLink(name, key && '/' + key), 'aria-current': key === tab ? 'page' : null }, t('tab.' + (key || 'facts'))));
  const el = h('section.one', null, h('div.bar', null, h('a.back', { href: '#/', 'aria-label': t('apps') }, '‹'), title, state, h('span.grow'), menu), nav, place);
  let shown = null, status = '', offered = '';
  const show = () => {
    const a = store.named(name);
    if (!store.loaded) return;
    if (!a) {
      leave();
      status = offered = '';
      fill(state);
      fill(menu);
      return void fill(place, empty(t('no_such', { name }), h('a', { href: '#/' }, t('apps'))));
    }
    if (status !== a.status) fill(state, badge(status = a.status));
    const verbs = store.control ? ordersFor(a) : [];
    if (offered !== store.scope + verbs) {
      offered = store.scope + verbs;
      fill(menu, store.control ? buttons(verbs, () => store.named(name) || a) : h('span.dim', null, t('read_only')));
    }
    if (!shown) fill(place, shown = (tabs[tab] || facets)(store, name, params));
    shown.show?.(a);
  };
  const leave = () => { shown?.leave?.(); shown = null; };
  fill(place, loading());
  requestAnimationFrame(() => nav.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' }));
  show();
  const soon = paced(show, 250), off = store.listen((what) => { if (what !== 'link') soon(); });
  el.leave = () => { off(); leave(); };
  Object.defineProperty(el, 'keys', { get: () => shown?.keys });
  return el;
}

/** What there is to know at a glance. */
function facets(store, name) {
  const list = h('div'), instances = h('div.rows', { role: 'list', 'aria-label': t('instances') }), day = dayBar();
  const cpu = chart(t('cpu'), percent, 1), memory = chart(t('memory'), size);
  const hour = h('p.dim'), el = h('div', null, list, h('div.charts', null, cpu, memory), hour, h('h2', null, t('restarts24')), day, h('h2', null, t('instances')), instances);
  let key = '';
  el.show = (a) => {
    const f = store.recent(a.id), c = a.config, now = JSON.stringify([a.generation, a.url, a.ports, a.health, a.restart_count, a.log.errors, a.log.dropped]);
    cpu.draw(f.cpu);
    memory.draw(f.memory);
    say(hour, f.hour ? t('past.hour') : t('past.open'));
    day.draw(store.day(a.id));
    if (now !== key) {
      key = now;
      fill(list, facts([[t('address'), outside(a.url)], [t('ports'), (a.ports || []).join(', ')], [t('health'), a.health && t('health.' + a.health)],
        [t('started_by'), actorName(store.starter(a.id))], [t('command'), h('code', null, [c.interpreter, c.script, ...(c.args || [])].filter(Boolean).join(' '))],
        [t('directory'), h('code', null, c.cwd)], [t('restarts'), count(a.restart_count)],
        [t('log'), t('log.of', { lines: count(a.log.lines), errors: count(a.log.errors), size: size(a.log.bytes) })], [t('generation'), a.generation], [t('created'), moment(a.created_at)]]));
    }
    keyed(instances, [...a.instances, ...(a.leaving || [])], (i) => i.instance + (i.leaving ? ' old' : ''), instance);
  };
  return el;
}

function instance() {
  const state = h('span'), pid = h('span.digits'), up = h('span.digits'), use = h('span.digits'), reason = h('span.dim.grow');
  const el = h('div.item', { role: 'listitem' }, state, pid, up, use, reason);
  let status = '';
  el.update = (i) => {
    if (status !== i.status) fill(state, badge(status = i.status));
    say(pid, `:${i.instance} ${i.pid ? 'pid ' + i.pid : ''}`);
    say(up, i.pid ? span(Date.now() - i.started_at) : i.retry_at > Date.now() ? t('retry_in', { span: span(i.retry_at - Date.now()) }) : '–');
    say(use, i.pid ? percent(i.usage.cpu_percent) + ' · ' + size(i.usage.memory_bytes) : '');
    say(reason, [i.leaving ? t('leaving') : '', clean(i.status_text), clean(i.health_text), said(clean(i.reason || i.exit_meaning)), i.since ? ago(i.since) : ''].filter(Boolean).join(' · '));
  };
  return el;
}
