// How the daemon itself is.
import { h, paced } from './dom.js';
import { t, size, span, count } from './text.js';
import { get } from './door.js';
import { loaded, facts } from './parts.js';
import { chart } from './draw.js';

export function health(store) {
  const memory = chart(t('daemon_memory'), size);
  const main = loaded(async () => {
    const [p, u] = await Promise.all([get('/v1/health'), get('/v1/usage')]);
    return [p.version !== p.daemon_version && h('p.banner.wrong', { role: 'status' }, t('skew.daemon', { here: p.version, daemon: p.daemon_version }), ' ', h('code', null, 'velos doctor')),
      facts([[t('state'), p.ok ? t('health.healthy') : t('failed')], ['velosd', p.daemon_version], ['velos api', p.version], ['pid', p.daemon_pid], [t('uptime'), span(p.daemon_uptime_ms)], [t('apps'), count(u.apps)], [t('instances'), count(u.instances)],
        [t('memory'), `${size(u.rss_bytes)} (${t('own_memory', { n: size(u.anon_bytes) })})`], [t('cpu_time'), span(u.cpu_ms)], [t('clients'), count(u.clients)], [t('requests'), count(u.requests)], [t('events'), count(u.events)]])];
  });
  const el = h('section', { 'aria-label': t('daemon') }, h('div.bar', null, h('h1', null, t('daemon'))), main, h('div.charts', null, memory), h('p.dim', null, t('doctor'), ' ', h('code', null, 'velos doctor')));
  const again = paced(() => main.reload(), 5000), draw = paced(() => memory.draw(store.own), 500);
  draw();
  el.leave = store.listen((what) => {
    if (what === 'metrics') {
      draw();
      again();
    } else if (what === 'link') again();
  });
  return el;
}
