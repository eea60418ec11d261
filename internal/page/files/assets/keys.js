// Keys, and the list of them, which is made from the same table.
import { h } from './dom.js';
import { t } from './text.js';

const go = (hash) => () => { location.hash = hash; };

export const keys = [
  ['?', 'key.help', () => help()],
  ['/', 'key.filter', () => document.querySelector('#filter, #search')?.focus()],
  ['o', 'key.overview', go('#/')],
  ['v', 'key.events', go('#/events')],
  ['d', 'key.daemon', go('#/daemon')],
  ['j', 'key.next', () => move(1)],
  ['k', 'key.prev', () => move(-1)],
  ['l', 'key.logs', () => focused('/logs')],
  ['c', 'key.crash', () => focused('/crash')],
  ['p', 'key.pause'],
  ['e', 'key.error'],
  ['E', 'key.error_back'],
  ['g', 'key.group'],
  ['Esc', 'key.escape'],
];

/** The name under the focus, or that of the view. */
function focused(below) {
  const link = document.activeElement?.closest?.('.app')?.querySelector('a.name')?.getAttribute('href') || location.hash.match(/^#\/app\/[^/?]+/)?.[0];
  if (link) location.hash = link + below;
}

/** Moves between the apps of the list. */
function move(step) {
  const all = [...document.querySelectorAll('.app a.name')];
  if (!all.length) return;
  const at = all.indexOf(document.activeElement?.closest?.('.app')?.querySelector('a.name'));
  const next = all[at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step))];
  next.focus();
  next.scrollIntoView({ block: 'nearest' });
}

/**
 * Listens for keys; those of the view come first.
 * @param {() => Object<string, () => void>|undefined} own
 */
export function listen(own) {
  document.addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return;
    const typing = e.target instanceof HTMLElement && e.target.closest('input, select, textarea');
    if (typing) {
      if (e.key === 'Escape') e.target.blur();
      return;
    }
    const act = own()?.[e.key] || keys.find(([k]) => k === e.key)?.[2];
    if (!act) return;
    e.preventDefault();
    act();
  });
}

export function help() {
  const dialog = h('dialog.ask', { 'aria-labelledby': 'keys', onclose: () => dialog.remove() },
    h('h2', { id: 'keys' }, t('keys')), h('dl.keys', null, keys.map(([k, text]) => h('div', null, h('dt', null, h('kbd', null, k)), h('dd', null, t(text))))),
    h('p.row.end', null, h('button.solid', { onclick: () => dialog.close() }, t('close'))));
  document.body.append(dialog);
  dialog.showModal();
}
