// Parts that several views have: what is empty, loading or wrong, tables, notes.
import { h, fill } from './dom.js';
import { t } from './text.js';
import { explained, hintsFor } from './wrong.js';

export const loading = () => h('p.quiet', { role: 'status' }, h('span.spinner', { 'aria-hidden': 'true' }), t('loading'));

export const empty = (title, text) => h('div.blank', null, h('h2', null, title), text && h('p', null, text));

/** An error with what can be done about it. */
export function trouble(e, again) {
  const what = e.status === 403 ? t('denied') : e.status === 404 ? t('not_found') : e.code === 'no_server' ? t('unreachable') : e.code === 'unreachable' ? t('daemon_gone') : t('failed');
  return h('div.blank.wrong', { role: 'alert' }, h('h2', null, what), e.code !== 'no_server' && h('div', null, explained(e)),
    hintsFor(e).map((hint) => h('p.dim', null, t('hint'), ' ', h('code', null, hint))),
    again && h('button', { onclick: again }, t('again')));
}

/**
 * A place that loads something and shows it; it can be loaded again.
 * @param {() => Promise<Node|Node[]>} load
 */
export function loaded(load) {
  const el = h('div.loaded', null, loading());
  let turn = 0;
  el.reload = async () => {
    const mine = ++turn;
    try {
      const shown = await load();
      if (mine === turn) fill(el, shown);
    } catch (e) {
      if (mine === turn) fill(el, trouble(e, () => { fill(el, loading()); el.reload(); }));
    }
  };
  el.reload();
  return el;
}

/** Terms and what they are; what is empty is left out. */
export function facts(pairs) {
  return h('dl.facts', null, pairs.filter(([, v]) => v !== '' && v !== null && v !== undefined && v !== false).map(([k, v]) => h('div', null, h('dt', null, k), h('dd', null, v))));
}

let notes = null;

/** A short note at the edge, which goes by itself. */
export function note(text, wrong) {
  if (!notes) document.body.append(notes = h('div.notes', { role: 'status', 'aria-live': 'polite' }));
  const el = h('div.note' + (wrong ? '.wrong' : ''), null, h('span', null, text), h('button.plain', { 'aria-label': t('close'), onclick: () => el.remove() }, '×'));
  notes.append(el);
  while (notes.children.length > 3) notes.firstChild.remove();
  setTimeout(() => el.remove(), wrong ? 15000 : 6000);
}

/** Puts text on the clipboard and says so. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h('textarea.away', { 'aria-hidden': 'true', value: text });
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  note(t('copied'));
}

/** A link to a program's own address, if it is one that may be opened. */
export function outside(url) {
  return /^https?:\/\//.test(url || '') ? h('a', { href: url, target: '_blank', rel: 'noopener noreferrer' }, url.replace(/^https?:\/\//, '')) : null;
}

export const appLink = (name, below = '') => '#/app/' + encodeURIComponent(name) + below;
