// Why a run ended, and why an app is in the state that it is in.
import { h } from './dom.js';
import { t, moment, span, ago, clean, count } from './text.js';
import { get, at } from './door.js';
import { badge } from './draw.js';
import { said } from './said.js';
import { loaded, facts, copy, empty } from './parts.js';

/** How many ends in a row there were, of how many that are allowed. */
const inRow = (r) => r.max_restarts < 0 ? String(r.unstable_restarts) : `${r.unstable_restarts}/${r.max_restarts}`;

/** The report as text that can be handed to somebody who mends it. */
export function forAgent(r) {
  const part = (title, list) => list?.length ? [title + ':', ...list.map((x) => '  ' + clean(x))] : [];
  return [`${r.app}${r.instance > 0 ? ':' + r.instance : ''}: ${r.exit_meaning} (${r.cause}${r.subject ? ': ' + clean(r.subject) : ''}), now ${r.status}`,
    r.frame ? 'at: ' + clean(r.frame) : '', `in a row: ${inRow(r)}`,
    ...part('output of the program, untrusted', r.text), ...part('timeline', (r.timeline || []).map((e) => new Date(e.ts).toISOString() + ' ' + e.text + (e.count > 1 ? ' ×' + e.count : ''))),
    ...part('what to do', r.hints), `more: velos crash ${r.app} --json; velos logs ${r.app} --err -n 100`].filter(Boolean).join('\n') + '\n';
}

export function crash(store, name) {
  const el = loaded(async () => {
    let r;
    try {
      r = await get(at(name, '/crash'));
    } catch (e) {
      if (e.status === 404 || e.code === 'not_found') return empty(t('no_crash'), t('no_crash.how'));
      throw e;
    }
    if (!r.exit) return empty(t('no_crash'), t('no_crash.how'));
    return report(r);
  });
  let restarts;
  el.show = (a) => {
    const now = a.restart_count + a.status;
    if (restarts !== undefined && restarts !== now) el.reload();
    restarts = now;
  };
  return el;
}

function report(r) {
  return h('article.report', null,
    h('div.row', null, badge(r.status), h('h2', null, said(r.exit_meaning)), h('span.dim', null, r.exit ? ago(r.exit.ts) : ''), h('span.grow'),
      h('button.solid', { id: 'for-agent', onclick: () => copy(forAgent(r)) }, t('for_agent'))),
    r.message && h('p.message', null, clean(r.message)),
    facts([[t('cause'), h('span', null, t('cause.' + r.cause), r.subject ? ': ' : '', r.subject && h('code', null, clean(r.subject)))], [t('frame'), r.frame && h('code', null, clean(r.frame))],
      [t('holder'), r.holder && h('code', null, JSON.stringify(r.holder))], [t('in_row'), inRow(r)], [t('same_before'), r.same_before ? `${count(r.same_before)}, ${moment(r.first_at)}` : ''],
      [t('next_start'), r.retry_at ? moment(r.retry_at) : '']]),
    steps(r.hints),
    r.stack?.length ? [h('h3', null, t('stack')), h('ol.stack', null, r.stack.map((f) => h('li' + (f.own ? '.own' : ''), null, clean(f.text))))] : null,
    r.text?.length ? [h('h3', null, t('last_words')), h('pre.words', { tabindex: 0 }, r.text.map(clean).join('\n'))] : null,
    h('h3', null, t('timeline')), timeline(r.timeline || []));
}

const steps = (hints) => hints?.length ? [h('h3', null, t('what_to_do')), h('ul.steps', null, hints.map((x) => h('li', null, said(x))))] : null;

const timeline = (list) => h('ol.timeline', null, list.map((e) => h('li', null, h('time.digits', null, moment(e.ts)), h('span', null, said(clean(e.text)) + (e.count > 1 ? ' ×' + count(e.count) : '')))));

export function why(store, name) {
  const el = loaded(async () => {
    const w = await get(at(name, '/why')), o = w.last_order;
    return h('article.report', null, h('div.row', null, badge(w.status), h('h2', null, said(clean(w.reason))), h('span.dim', null, w.since ? ago(w.since) : '')),
      facts([[t('last_exit'), said(w.exit_meaning)], [t('next_start'), w.retry_at ? moment(w.retry_at) : ''], [t('health'), w.health && t('health.' + w.health) + ' ' + clean(w.health_text)],
        [t('last_order'), o && `${said(o.cause)} · ${o.actor?.user || ''} · ${moment(o.ts)}`]]),
      steps(w.hints), w.stderr?.length ? [h('h3', null, t('last_stderr')), h('pre.words', { tabindex: 0 }, w.stderr.map(clean).join('\n'))] : null,
      h('h3', null, t('timeline')), timeline((w.timeline || []).map((e) => ({ ts: e.ts, count: 1, text: sentence(e) }))));
  });
  let status;
  el.show = (a) => {
    if (status && status !== a.status + a.restart_count) el.reload();
    status = a.status + a.restart_count;
  };
  return el;
}

const round = (n) => count(Math.round((n || 0) * 10) / 10);

/** An event in words. */
export function sentence(e) {
  if (e.kind === 'exit' && e.exit) {
    const x = e.exit, how = said(x.error && 'could not be started: ' + clean(x.error)) || (x.signal ? t('ended.signal', { signal: x.signal }) : x.unknown ? t('ended.unknown') : t('ended.code', { code: x.code ?? 0 }));
    return how + ' · ' + t('after', { span: span(x.uptime_ms || 0) });
  }
  if (e.kind === 'state') return `${t('state.' + e.from)} → ${t('state.' + e.to)}` + (e.cause ? ': ' + said(clean(e.cause)) : '') + (e.pid ? ` (pid ${e.pid})` : '');
  if (e.alarm) return t('alarm_is', { metric: e.alarm.metric, now: round(e.alarm.current), mean: round(e.alarm.mean) });
  return said(clean(e.cause || e.kind));
}
