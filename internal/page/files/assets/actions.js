// Orders, each asked for once more before it is given, with the command that
// does the same.
import { h, fill } from './dom.js';
import { t } from './text.js';
import { ask, at } from './door.js';
import { said } from './said.js';
import { note } from './parts.js';
import { explained, hintsFor } from './wrong.js';

const quoted = (name) => /^[\w.:-]+$/.test(name) ? name : "'" + name.replaceAll("'", "'\\''") + "'";

const orders = {
  start: { command: (n) => 'velos start ' + n },
  restart: { command: (n) => 'velos restart ' + n },
  reload: { command: (n) => 'velos reload ' + n },
  stop: { command: (n) => 'velos stop ' + n, grave: true },
  scale: {
    command: (n, f) => `velos scale ${n} ${f.instances || 1}`,
    fields: (app) => [field('instances', t('instances'), h('input', { name: 'instances', type: 'number', min: 1, max: 512, value: app.instances.length, required: true }))],
    body: (f) => ({ instances: Number(f.instances) }),
  },
  signal: {
    command: (n, f) => `velos signal ${f.signal} ${n}`,
    fields: () => [field('signal', t('signal'), h('select', { name: 'signal' }, ['HUP', 'USR1', 'USR2', 'INT', 'TERM', 'QUIT', 'CONT', 'STOP', 'KILL'].map((s) => h('option', { value: s }, 'SIG' + s))))],
    body: (f) => ({ signal: f.signal }),
  },
  delete: { command: (n) => 'velos delete ' + n, grave: true, method: 'DELETE', below: '' },
};

function field(name, label, input) {
  input.id = 'order-' + name;
  return h('p.field', null, h('label', { for: input.id }, label), input);
}

/** A button that an order has taken away leaves the focus nowhere. */
function refocus() {
  if (document.activeElement === document.body && !document.querySelector('dialog[open]')) document.querySelector('#main')?.focus({ preventScroll: true });
}

/** The orders that make sense for an app. */
export function ordersFor(app) {
  const up = app.status !== 'stopped' && app.status !== 'errored';
  return up ? ['restart', 'reload', 'stop', 'scale', 'signal', 'delete'] : ['start', 'scale', 'delete'];
}

/** A button for each; app() is the app as it is when one is pressed. */
export function buttons(verbs, app) {
  return verbs.map((verb) => h('button.' + (orders[verb].grave ? 'grave' : 'calm'), { 'data-verb': verb, onclick: () => confirm(verb, app()) }, t('verb.' + verb)));
}

/** Asks whether an order is meant, gives it, and says what came of it. */
export function confirm(verb, app) {
  const order = orders[verb], command = h('code.digits'), wrong = h('div.wrong', { role: 'alert' });
  const go = h('button.' + (order.grave ? 'grave.solid' : 'solid'), { type: 'submit' }, t('verb.' + verb));
  const form = h('form', { method: 'dialog' },
    h('h2', { id: 'ask' }, t('ask.' + verb, { name: app.name })), h('p.dim', null, t('means.' + verb)), order.fields?.(app) || null,
    h('p.same', null, t('same_as'), ' ', command), wrong,
    h('p.row.end', null, h('button', { type: 'button', onclick: () => dialog.close() }, t('cancel')), go));
  const dialog = h('dialog.ask', { 'aria-labelledby': 'ask', onclose: () => { dialog.remove(); setTimeout(refocus, 600); } }, form);
  const values = () => Object.fromEntries(new FormData(form));
  const show = () => { command.textContent = order.command(quoted(app.name), values()); };
  form.addEventListener('input', show);
  form.addEventListener('submit', async (e) => {
    e.preventDefault();
    if (go.disabled) return;
    go.disabled = true;
    go.textContent = t('working');
    fill(wrong);
    try {
      const r = await ask(order.method || 'POST', at(app.name, order.below ?? '/' + verb), order.method === 'DELETE' ? undefined : order.body?.(values()) || {});
      const one = Array.isArray(r) ? r[0] : r;
      note(t('done', { name: app.name, did: said(one?.did || verb) }));
      dialog.close();
    } catch (err) {
      const [hint] = hintsFor(err);
      fill(wrong, explained(err), hint && h('p', null, hint));
      go.disabled = false;
      go.textContent = t('verb.' + verb);
    }
  });
  document.body.append(dialog);
  show();
  dialog.showModal();
  (form.querySelector('input,select') || go).focus();
}
