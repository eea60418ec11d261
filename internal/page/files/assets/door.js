// Asking the server: the token, requests, errors.

const kept = 'velos.token';

/** What can go wrong, in the one shape that the server has for it. */
export class Trouble extends Error {
  /** What was asked for is method and path. */
  constructor(status, { code = 'failed', message = '', hints = [], retryable = false } = {}, method = 'GET', path = '') {
    super(message);
    Object.assign(this, { status, code, hints: hints || [], retryable, method, path });
  }
}

let token = sessionStorage.getItem(kept) || '';
let leaving = () => {};

export const signedIn = () => token !== '';

/** Calls f when the server does not take our token (any more). */
export function onDenied(f) { leaving = f; }

export function keep(text) {
  token = text;
  sessionStorage.setItem(kept, text);
}

export function forget() {
  token = '';
  sessionStorage.removeItem(kept);
}

async function send(method, path, body, extra) {
  const headers = { ...extra };
  if (token) headers.Authorization = 'Bearer ' + token;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  try {
    return await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: 'omit', cache: 'no-store' });
  } catch (e) {
    if (e.name === 'AbortError') throw e;
    throw new Trouble(0, { code: 'no_server', retryable: true }, method, path);
  }
}

async function refused(r, method, path) {
  let error = {};
  try { error = (await r.json()).error; } catch { /* something else has answered */ }
  if (r.status === 401 && token) {
    forget();
    leaving();
  }
  return new Trouble(r.status, error || {}, method, path);
}

/**
 * The answer to a request.
 * @param {string} method
 * @param {string} path
 * @param {any} [body]
 */
export async function ask(method, path, body) {
  const r = await send(method, path, body);
  if (!r.ok) throw await refused(r, method, path);
  return r.json();
}

export const get = (path) => ask('GET', path);

/** The address of an app, or of what is below it. */
export const at = (name, below = '') => '/v1/apps/' + encodeURIComponent(name) + below;

export function query(values) {
  const q = new URLSearchParams();
  for (const [k, v] of Object.entries(values)) if (v !== '' && v !== null && v !== undefined) q.set(k, String(v));
  return q.size ? '?' + q : '';
}

/** The first so many lines of an answer that may be very long. */
export async function some(path, most) {
  const r = await send('GET', path);
  if (!r.ok) throw await refused(r, 'GET', path);
  const reader = r.body.pipeThrough(new TextDecoderStream()).getReader(), lines = [];
  let rest = '';
  while (lines.length < most) {
    const { value, done } = await reader.read();
    const parts = (rest + (value || '')).split('\n');
    rest = done ? '' : parts.pop();
    for (const p of parts) {
      const text = p.trim().replace(/^\[|,$|\]$/g, '');
      if (text.startsWith('{')) lines.push(JSON.parse(text.endsWith('}') ? text : text.slice(0, -1)));
    }
    if (done) break;
  }
  reader.cancel().catch(() => {});
  return lines.slice(0, most);
}

/** Whether the server takes a token: an error says why it does not. */
export async function offer(text) {
  const r = await fetch('/v1/apps', { headers: { Authorization: 'Bearer ' + text }, credentials: 'omit', cache: 'no-store' }).catch(() => null);
  if (!r) throw new Trouble(0, { code: 'no_server' }, 'GET', '/v1/apps');
  // A daemon that is away is no reason to stay outside.
  if (!r.ok && r.status !== 503) throw await refused(r, 'GET', '/v1/apps');
  keep(text);
}

/** Exchanges the code of the address for a token. */
export async function exchange(code) {
  const r = await send('POST', '/v1/session', { ticket: code });
  if (!r.ok) throw await refused(r, 'POST', '/v1/session');
  return (await r.json()).token;
}
