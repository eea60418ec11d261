// The page: its frame, which view is shown, and how the connection is.
import { h, fill, say, paced } from './dom.js';
import { t, language, languages, choose } from './text.js';
import { signedIn, forget, onDenied } from './door.js';
import { Store } from './store.js';
import { overview } from './overview.js';
import { app } from './app.js';
import { events } from './events.js';
import { health } from './health.js';
import { empty } from './parts.js';
import { listen, help } from './keys.js';
import { signIn, codeInAddress, byCode } from './signin.js';

let store = null, view = null, why = '', at = '';
const main = h('main', { id: 'main', tabindex: '-1' }), banner = h('div.banners', { role: 'status', 'aria-live': 'polite' });
const news = h('p.unseen', { id: 'news', role: 'status', 'aria-live': 'polite' });
const head = h('header'), brand = h('a.brand', { href: '#/' }, h('img', { src: '/assets/icon.svg', alt: '', width: 20, height: 20 }), 'Velos');

const themes = ['auto', 'light', 'dark'];
let theme = localStorage.getItem('velos.theme') || 'auto';

function wear(name) {
  theme = themes.includes(name) ? name : 'auto';
  localStorage.setItem('velos.theme', theme);
  if (theme === 'auto') document.documentElement.removeAttribute('data-theme');
  else document.documentElement.dataset.theme = theme;
}

function frame() {
  document.documentElement.lang = language;
  const at = route(), link = (hash, key, on) => h('a', { href: hash, 'aria-current': on ? 'page' : null }, t(key));
  const themeButton = h('button.plain', { id: 'theme', 'aria-label': t('theme') + ': ' + t('theme.' + theme), title: t('theme.' + theme), onclick: () => { wear(themes[(themes.indexOf(theme) + 1) % 3]); frame(); } }, { auto: '◐', light: '☀', dark: '☾' }[theme]);
  const speak = h('button.plain', { id: 'language', 'aria-label': language.toUpperCase() + ': ' + t('language'), onclick: () => { choose(languages[(languages.indexOf(language) + 1) % languages.length]); frame(); show(); } }, language.toUpperCase());
  fill(head, h('a.skip', { href: '#main', onclick: (e) => { e.preventDefault(); main.focus(); } }, t('skip')), brand,
    store && h('nav', { 'aria-label': t('pages') }, link('#/', 'apps', at.page === '' || at.page === 'app'), link('#/events', 'events', at.page === 'events'), link('#/daemon', 'daemon', at.page === 'daemon')),
    h('span.grow'), store?.scope === 'read' && h('span.tag', null, t('read_only')), h('button.plain', { 'aria-label': t('keys'), onclick: help }, '?'), speak, themeButton,
    store && h('button.plain.out', { onclick: () => { forget(); leave(); } }, t('sign_out')));
}

function route() {
  const [path, search] = location.hash.replace(/^#\/?/, '').split('?');
  const [page, name, tab] = path.split('/');
  let real = '';
  try { real = decodeURIComponent(name || ''); } catch { /* no name that there could be */ }
  return { page, name: real, tab: tab || '', params: new URLSearchParams(search || '') };
}

function show() {
  view?.leave?.();
  document.querySelectorAll('dialog').forEach((d) => d.close());
  if (!store) {
    view = signIn(enter, why);
    document.title = 'Velos';
  } else {
    const r = route();
    view = r.page === '' ? overview(store) : r.page === 'app' ? app(store, r.name, r.tab, r.params) : r.page === 'events' ? events(store) : r.page === 'daemon' ? health(store) : empty(t('nowhere'), h('a', { href: '#/' }, t('apps')));
    document.title = (r.page === 'app' ? r.name : t(r.page || 'apps')) + ' · Velos';
  }
  fill(main, view);
  at = route().name;
  if (!store) view.querySelector('input').focus();
  frame();
}

function enter() {
  why = '';
  store?.close();
  store = new Store();
  store.listen((what) => {
    if (what === 'link' || what === 'scope') link();
    if (what === 'scope') frame();
    if (what === 'apps') tell();
  });
  store.open();
  link();
  show();
}

const settled = ['online', 'errored', 'stopped'];
let known = new Map();

/** Says which apps have come to a state, for who cannot see it; not those that pass. */
const tell = paced(() => {
  if (!store?.loaded) return;
  const now = new Map(), changed = [];
  for (const a of store.apps.values()) {
    const since = a.status + Math.max(0, ...a.instances.map((i) => i.since || 0)), passes = !settled.includes(a.status);
    if (!passes && known.has(a.name) && known.get(a.name) !== since) changed.push(a);
    now.set(a.name, passes && known.has(a.name) ? known.get(a.name) : since);
  }
  known = now;
  if (changed.length) say(news, changed.length > 3 ? t('changed.many', { n: changed.length }) : changed.map((a) => t('changed', { name: a.name, state: t('state.' + a.status) })).join('. '));
}, 1000);

/** Back to signing in. */
function leave(reason = '') {
  store?.close();
  store = null;
  why = reason;
  fill(banner);
  show();
}

let counting;

/** How the connection is, when there is something to say. */
function link() {
  clearInterval(counting);
  if (!store) return;
  const l = store.link;
  document.body.classList.toggle('cut', store.loaded && (l.state !== 'open' || l.daemon === 'gone'));
  if (store.skew) return void fill(banner, h('div.banner.wrong', null, t('skew.' + store.skew), h('button.small', { onclick: () => location.reload() }, t('reload_page'))));
  if (l.state === 'waiting') {
    const text = h('span'), count = () => say(text, t('retry', { s: Math.max(0, Math.ceil((l.retryAt - Date.now()) / 1000)) }));
    count();
    counting = setInterval(count, 500);
    return void fill(banner, h('div.banner.wrong', { id: 'disconnected' }, h('b', null, t('disconnected')), h('span', { 'aria-live': 'off' }, text), h('button.small', { onclick: () => store.line.open() }, t('retry_now'))));
  }
  if (l.daemon === 'gone' && l.state === 'open') return void fill(banner, h('div.banner.wrong', { id: 'daemon-gone' }, h('b', null, t('daemon_gone')), h('span', null, t('daemon_gone.how'))));
  fill(banner);
}

wear(theme);
document.body.replaceChildren(head, banner, main, news);
onDenied(() => leave(t('signed_out')));
listen(() => view?.keys);
addEventListener('hashchange', async () => {
  const code = codeInAddress();
  if (!code) {
    const before = at;
    show();
    if (route().name !== before || !before) scrollTo(0, 0);
    if (document.activeElement === document.body) main.focus({ preventScroll: true });
    return;
  }
  why = await byCode(code);
  if (why && store) return show();
  if (why) leave(why);
  else enter();
});
const code = codeInAddress();
if (code) why = await byCode(code);
if (signedIn()) enter();
else show();
