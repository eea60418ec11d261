// What the server says in its own words, in the reader's language. Names, log
// lines and commands stay as they are.
import { language, t } from './text.js';
import ru from './said.ru.js';

const tables = { ru }, made = {};
const longest = 600, deepest = 5; // of a sentence, and of sentences within each other

/** Sentences as patterns, the most particular first. */
function patterns(word) {
  if (made[word]) return made[word];
  const exact = new Map(), list = [];
  for (const [from, to] of tables[word]) {
    if (!from.includes('{}')) exact.set(from, to);
    else list.push({ from, to: to.split('{}'), weight: from.replaceAll('{}', '').length, re: new RegExp('^' + from.split('{}').map((s) => s.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('(.+?)') + '$', 's') });
  }
  list.sort((a, b) => b.weight - a.weight);
  return made[word] = { exact, list };
}

const length = /^-?\d+(?:\.\d+)?(?:ms|[smhd])(?: \d+[smhd])?$/;

/** A text in another language; what has none stays, and is also put into left. */
function within(text, p, depth, left) {
  const whole = p.exact.get(text);
  if (whole !== undefined) return whole;
  if (length.test(text)) return text.replace(/(\d)(ms|[smhd])/g, (_, n, unit) => n + '\u00a0' + t('unit.' + unit));
  if (depth < deepest && text.length <= longest) {
    for (const { re, to } of p.list) {
      const m = re.exec(text);
      if (m) return to.map((part, i) => part + (i + 1 < m.length ? within(m[i + 1], p, depth + 1, left) : '')).join('');
    }
  }
  left.push(text);
  return text;
}

/** A sentence of the server. */
export const said = (text) => tables[language] ? within(String(text ?? ''), patterns(language), 0, []) : String(text ?? '');

/** A sentence of the server, or null when more of it than names and numbers stays as it was. */
export function understood(text) {
  if (!tables[language]) return text;
  const left = [], whole = within(text, patterns(language), 0, left);
  return whole !== text && left.every((x) => !/\s/.test(x.trim())) ? whole : null;
}
