// Words, numbers and times as the reader reads them.
import en from './en.js';
import ru from './ru.js';

const tables = { en, ru };
export const languages = Object.keys(tables);

/** The language in use: the one that was chosen, or else the browser's. */
export let language = chosen();

function chosen() {
  const kept = localStorage.getItem('velos.language');
  if (kept && tables[kept]) return kept;
  for (const l of navigator.languages || [navigator.language]) {
    const word = l.slice(0, 2).toLowerCase();
    if (tables[word]) return word;
  }
  return 'en';
}

export function choose(word) {
  language = word;
  localStorage.setItem('velos.language', word);
}

/**
 * The text of a key; {name} in it is replaced by args.name. A key that is not
 * there is shown as it is, so that a mistake can be seen.
 * @param {string} key
 * @param {Object<string, any>} [args]
 */
export function t(key, args) {
  const text = tables[language][key] ?? tables.en[key] ?? key;
  return args ? text.replace(/\{(\w+)\}/g, (_, name) => String(args[name] ?? '')) : text;
}

/** The word of a state. */
export const stateWord = (status) => t('state.' + status);

export function percent(n) {
  return (n >= 10 ? Math.round(n) : Math.round(n * 10) / 10).toLocaleString(language) + '\u00a0%';
}

export function size(n) {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) n /= 1024, i++;
  return (n >= 10 || i === 0 ? Math.round(n) : Math.round(n * 10) / 10).toLocaleString(language) + '\u00a0' + units[i];
}

export const count = (n) => n.toLocaleString(language);

/** A length of time in its two largest units. */
export function span(ms) {
  if (ms < 0) ms = 0;
  if (ms < 1000) return Math.round(ms) + '\u00a0' + t('unit.ms');
  const s = Math.floor(ms / 1000), parts = [];
  for (const [unit, length] of [['d', 86400], ['h', 3600], ['m', 60], ['s', 1]]) {
    const n = Math.floor((s % (length === 86400 ? Infinity : length * (unit === 'h' ? 24 : 60))) / length);
    if (n > 0 || parts.length) parts.push(n ? n + '\u00a0' + t('unit.' + unit) : '');
    if (parts.length === 2) break;
  }
  return parts.filter(Boolean).join(' ');
}

const two = (n) => String(n).padStart(2, '0');

export function clock(ms, exact) {
  const d = new Date(ms);
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}` + (exact ? '.' + String(d.getMilliseconds()).padStart(3, '0') : '');
}

export function moment(ms) {
  if (!ms) return '–';
  const d = new Date(ms), today = new Date().toDateString() === d.toDateString();
  return today ? clock(ms) : `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${clock(ms)}`;
}

/** A moment below a drawing of so much time. */
export function axis(ms, length) {
  const d = new Date(ms), time = `${two(d.getHours())}:${two(d.getMinutes())}`;
  return length > 30 * 3600e3 ? d.toLocaleDateString(language, { weekday: 'short', day: 'numeric' }) + ' ' + time : time;
}

export const ago = (ms) => t('ago', { span: span(Date.now() - ms) });

// What could reorder, hide or move text. The server has cleaned most of it;
// a page does not rely on that.
const unseen = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\u{e0000}-\u{e007f}]/gu;
const sequence = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\-_])/g;

/** What a program wrote, without what could act. */
export const clean = (text) => String(text ?? '').replace(sequence, '').replace(unseen, '');
