// What went wrong, in the reader's words. The server speaks English; what of it
// has no translation is said by its code, with what was asked for, and the
// server's own words are a click away.
import { h } from './dom.js';
import { language, t } from './text.js';
import { said, understood } from './said.js';

const verbs = new Set(['start', 'stop', 'restart', 'reload', 'scale', 'signal', 'delete']);

/** What a request asked for: the operation in words, and the app that it was about. */
function asked({ method = 'GET', path = '' }) {
  const [where, rest = ''] = path.split('?'), app = /^\/v1\/apps\/([^/]+)(?:\/(.+))?$/.exec(where);
  let op = app ? app[2] || (method === 'DELETE' ? 'delete' : 'info') : where.replace(/^\/v1\//, ''), name = '';
  try { name = app ? decodeURIComponent(app[1]) : new URLSearchParams(rest).get('app') || ''; } catch { /* no name, then */ }
  op = op.replace('/', '_');
  const key = 'op.' + op, words = verbs.has(op) ? said(op) : t(key);
  return words === key ? name : [words, name].filter(Boolean).join(' ');
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** One sentence about an error: the server's own where it can be said in the reader's language. */
export function wrongText(e) {
  const own = e.message && understood(e.message);
  if (own) return language === 'en' ? own : sentence(own);
  return sentence([asked(e), t('wrong.' + e.code)].filter(Boolean).join(': '));
}

/** The hints that the reader understands: commands, and what has a translation. */
export const hintsFor = (e) => (e.hints || []).filter((x) => understood(x) || x.startsWith('velos ')).map((x) => said(x));

/**
 * An error as nodes; a text is shown as it is.
 * @param {any} e
 */
export function explained(e) {
  if (typeof e === 'string' || !e) return e;
  const text = wrongText(e), own = [e.message, ...(e.hints || [])].filter(Boolean).join('\n');
  return [h('span', null, text), language !== 'en' && e.message && text !== e.message && h('details.own', null, h('summary', null, t('own_words')), h('code', { lang: 'en' }, own))];
}
