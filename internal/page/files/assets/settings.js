// The configuration of an app: what it is, and what it was.
import { h } from './dom.js';
import { t, moment } from './text.js';
import { get, at } from './door.js';
import { loaded } from './parts.js';
import { said } from './said.js';
import { actorName } from './store.js';

export function settings(store, name) {
  const now = loaded(async () => table(await get(at(name, '/config'))));
  const past = loaded(async () => generations(await get(at(name, '/history'))));
  const el = h('div.two', null, h('section', { 'aria-label': t('config') }, h('h2', null, t('config')), h('p.dim', null, t('masked')), now), h('section', { 'aria-label': t('history') }, h('h2', null, t('history')), past));
  let generation;
  el.show = (a) => {
    if (generation !== undefined && generation !== a.generation) now.reload(), past.reload();
    generation = a.generation;
  };
  return el;
}

function table(list) {
  const rows = Array.isArray(list) ? list : Object.entries(list).map(([key, value]) => ({ key, value: JSON.stringify(value) }));
  return h('table.settings', null, h('thead', null, h('tr', null, h('th', { scope: 'col' }, t('key')), h('th', { scope: 'col' }, t('value')), h('th', { scope: 'col' }, t('from')))),
    h('tbody', null, rows.map((r) => h('tr', null, h('th', { scope: 'row' }, r.key), h('td', null, h('code', null, r.value)), h('td.dim', null, r.from || '')))));
}

function generations(list) {
  return h('ol.generations', null, list.slice().reverse().map((g) => h('li', { 'aria-current': g.current ? 'true' : null },
    h('p.row', null, h('b.digits', null, '#' + g.generation), g.current && h('span.tag', null, t('current')), h('span.dim', null, moment(g.since)), h('span.dim', null, [said(g.cause), actorName(g.by)].filter(Boolean).join(' · '))),
    g.changes?.length ? h('div.diff', null, g.changes.map((c) => h('div', null, h('b', null, c.key), c.from && h('del', null, h('span.sign', null, '− '), c.from), c.to && h('ins', null, h('span.sign', null, '+ '), c.to)))) : h('p.dim', null, t('first_config')))));
}
