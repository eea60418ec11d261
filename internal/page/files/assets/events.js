// What has happened, newest first, and the audit where the server has one.
import { h, fill, keyed, paced } from './dom.js';
import { t, moment, clean } from './text.js';
import { get, Trouble } from './door.js';
import { empty, loaded, appLink } from './parts.js';
import { actorName, failed } from './store.js';
import { sentence } from './crash.js';
import { said } from './said.js';
import { explained } from './wrong.js';

const shownAtOnce = 300, madeAtOnce = 50, kinds = ['order', 'state', 'exit', 'config', 'log', 'daemon', 'warning', 'alarm'];

export function eventList(store, name) {
  const kind = h('select', { 'aria-label': t('kind') }, h('option', { value: '' }, t('kind.all')), kinds.map((k) => h('option', { value: k }, t('kind.' + k))));
  const list = h('div.rows', { role: 'list', 'aria-label': t('events') }), place = h('div', null, list), el = h('div', null, h('div.tools', null, kind), place);
  let most = shownAtOnce, made = madeAtOnce;
  const show = () => {
    if (el.gone) return;
    const id = name && store.named(name)?.id, found = [];
    for (let i = store.events.length - 1; i >= 0 && found.length <= most; i--) {
      const e = store.events[i];
      if ((!name || e.id === id) && (!kind.value || e.kind === kind.value)) found.push(e);
    }
    if (!found.length) return void fill(place, empty(t('no_events'), ''));
    const more = found.length > most && found.pop();
    if (place.firstChild !== list || !!place.children[1] !== !!more) fill(place, list, more && h('button', { onclick: () => { most += shownAtOnce; show(); } }, t('more')));
    if (found.length > made) {
      found.length = made;
      made += madeAtOnce;
      requestAnimationFrame(() => setTimeout(show));
    }
    keyed(list, found, (e) => String(e.seq), (e) => item(e, !name));
  };
  kind.addEventListener('change', show);
  const off = store.listen((() => { const soon = paced(show, 500); return (what) => { if (what === 'events') soon(); }; })());
  el.leave = () => { off(); el.gone = true; };
  show();
  return el;
}

function item(e, named) {
  const who = actorName(e.actor);
  return h('div.item.' + (e.kind === 'exit' && failed(e.exit) || e.kind === 'warning' || e.kind === 'alarm' ? 'alarm' : 'calm'), { role: 'listitem' }, h('time.digits', null, moment(e.ts)), h('span.kind', null, t('kind.' + e.kind)),
    named && e.app ? h('a', { href: appLink(e.app) }, e.app + (e.instance >= 0 ? ':' + e.instance : '')) : e.instance >= 0 && !named ? h('span', null, ':' + e.instance) : null,
    h('span.grow', null, sentence(e)), who && h('span.dim', null, who));
}

export function events(store) {
  const audit = loaded(async () => {
    try {
      const list = await get('/v1/audit?lines=200');
      if (!list.length) return empty(t('no_audit'), '');
      return h('div.rows', { role: 'list', 'aria-label': t('audit') }, list.reverse().map((a) => h('div.item.' + (a.result === 'ok' ? 'calm' : 'alarm'), { role: 'listitem' }, h('time.digits', null, moment(a.ts)), h('span.kind', null, said(a.op)),
        a.app ? h('b', null, a.app + (a.instance >= 0 ? ':' + a.instance : '')) : null, h('span.grow', null, a.result === 'ok' ? t('ok') : explained({ code: a.result, message: clean(a.message) })), h('span.dim', null, actorName(a.actor)))));
    } catch (e) {
      if (e instanceof Trouble && (e.status === 404 || e.status === 405)) return h('p.dim', null, t('audit.none'));
      throw e;
    }
  });
  const list = eventList(store, '');
  const el = h('section', { 'aria-label': t('events') }, h('div.bar', null, h('h1', null, t('events'))), list, h('h2', null, t('audit')), audit);
  el.leave = () => list.leave();
  return el;
}
