// What a story needs: a fleet, the door, a browser, and ways to look.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import puppeteer from 'puppeteer-core';

const bin = process.env.VELOS_BIN, shots = process.env.VELOS_SHOTS;

export const velos = (...args) => execFileSync(bin, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
export const one = (name) => JSON.parse(velos('info', name, '--json'));
export const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

/** Fails the story when something is not so. */
export function must(truth, what) {
  if (!truth) throw new Error('not so: ' + what);
}

/** Waits until f says something. */
export async function until(f, what, within = 20000) {
  for (const end = Date.now() + within; ; await sleep(50)) {
    const got = await f();
    if (got) return got;
    if (Date.now() > end) throw new Error('it did not happen: ' + what);
  }
}

/** A program of a few lines, as a file. */
export function program(name, text) {
  const file = `${process.cwd()}/${name}`;
  writeFileSync(file, text);
  return file;
}

/** Opens the door; link() is the newest link that signs in. */
export async function door(...args) {
  const child = spawn(bin, ['api', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (d) => { said += d; });
  await until(() => /listening on (\S+)\/v1/.test(said), 'velos api listens');
  return { child, origin: said.match(/listening on (\S+)\/v1/)[1], link: () => [...said.matchAll(/one browser: (\S+)/g)].at(-1)?.[1], end: () => child.kill('SIGINT') };
}

export async function browser() {
  return puppeteer.launch({ executablePath: process.env.CHROMIUM, headless: true, args: ['--no-sandbox', '--disable-dev-shm-usage', '--lang=en-US', '--disable-gpu', '--disable-background-networking'] });
}

/** All that were opened, for a last look. */
export const pages = [];

/** A page whose mistakes, requests and long tasks are written down. */
export async function page(chrome, origin, size = { width: 1280, height: 800 }) {
  const context = await chrome.createBrowserContext(), p = await context.newPage();
  await p.setViewport(size);
  p.faults = [];
  pages.push(p);
  p.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warn') p.faults.push(`${m.type()}: ${m.text()} ${m.location().url || ''}`); });
  p.on('pageerror', (e) => p.faults.push('thrown: ' + (e.stack || e)));
  p.on('request', (r) => {
    const u = new URL(r.url());
    if (u.origin !== origin && !['data:', 'blob:', 'about:'].includes(u.protocol)) p.faults.push('request elsewhere: ' + r.url());
  });
  await p.evaluateOnNewDocument(() => {
    window.long = [];
    new PerformanceObserver((l) => { for (const e of l.getEntries()) window.long.push(e.duration); }).observe({ entryTypes: ['longtask'] });
    window.violations = [];
    document.addEventListener('securitypolicyviolation', (e) => window.violations.push(e.violatedDirective + ' ' + e.blockedURI));
  });
  p.has = (text) => p.evaluate((t) => document.body.innerText.includes(t), text);
  p.see = (text, within) => until(() => p.has(text), 'the page shows ' + JSON.stringify(text), within);
  p.press = (at) => until(() => p.evaluate((s) => { const e = document.querySelector(s); e?.click(); return !!e; }, at), at + ' can be pressed');
  p.open = async (hash) => { await p.evaluate((h) => { location.hash = h; }, hash); };
  p.shot = async (name) => { if (shots) { mkdirSync(shots, { recursive: true }); await p.screenshot({ path: `${shots}/${name}.png` }); } };
  return p;
}

/** What a page must never have: a fault, a violation, a cookie, a scroll bar sideways. */
export async function proper(p, where) {
  must(p.faults.length === 0, `${where}: ${p.faults.slice(0, 3).join("\n").slice(0, 2000)}`);
  const v = await p.evaluate(() => window.violations);
  must(v.length === 0, `${where}: policy violated: ${v}`);
  must(await p.evaluate(() => document.cookie === ''), where + ': no cookies');
  const wide = await p.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  must(wide <= 0, `${where}: ${wide} pixels too wide`);
}

const axe = readFileSync(new URL('./node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/** What is wrong for who cannot see, or cannot use a mouse: by our own eyes and those of axe. */
export async function audit(p) {
  const bad = await basics(p);
  await p.evaluate(axe);
  const found = await p.evaluate(async () => (await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'] })).violations
    .flatMap((v) => v.nodes.slice(0, 3).map((n) => `axe ${v.id}: ${n.html.slice(0, 160)} ${n.failureSummary?.split('\n')[1]?.trim() || ''}`)));
  return [...bad, ...found];
}

/** Names and contrast of what can be seen. */
const basics = (p) => p.evaluate(() => {
  const bad = [], parse = (c) => c.match(/[\d.]+/g).map(Number);
  const lum = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0) return c; } return [255, 255, 255]; };
  for (const e of document.querySelectorAll('button, a, input, select, textarea, [role=img], img')) {
    if (!e.checkVisibility?.()) continue;
    const name = e.getAttribute('aria-label') || e.textContent.trim() || e.title || [...(e.labels || [])].map((l) => l.textContent).join('') || (e.tagName === 'IMG' && e.hasAttribute('alt') ? 'alt' : '');
    if (!name) bad.push('without a name: ' + e.outerHTML.slice(0, 120));
  }
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()) || !e.checkVisibility?.() || e.closest('svg') || e.closest('.skip')) continue;
    const s = getComputedStyle(e), a = lum(parse(s.color)), b = lum(ground(e)), ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5 && !e.closest('button:disabled')) bad.push(`contrast ${ratio.toFixed(2)}: ${e.outerHTML.slice(0, 100)}`);
  }
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  if (new Set(ids).size !== ids.length) bad.push('ids twice: ' + ids);
  if (document.querySelectorAll('main').length !== 1 || document.querySelectorAll('h1').length !== 1) bad.push('one main and one h1 are needed');
  if (!document.documentElement.lang) bad.push('no language');
  return bad;
});
