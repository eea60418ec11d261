// Signing in: with the code of a link, or with a token.
import { h, fill } from './dom.js';
import { t } from './text.js';
import { exchange, keep, offer } from './door.js';
import { explained } from './wrong.js';

/** The code that stands behind # in a link, which is taken out of the address at once. */
export function codeInAddress() {
  const code = new URLSearchParams(location.hash.slice(1)).get('ticket');
  if (code) history.replaceState(null, '', location.pathname);
  return code;
}

/** Exchanges a code. What is returned is why that did not work, or nothing. */
export async function byCode(code) {
  try {
    keep(await exchange(code));
    return '';
  } catch (e) {
    return e;
  }
}

export function signIn(done, why) {
  const wrong = h('div.wrong', { role: 'alert' }, explained(why));
  const token = h('input', { id: 'token', type: 'password', autocomplete: 'off', spellcheck: 'false', required: true, placeholder: 'velos_…' });
  const go = h('button.solid', { type: 'submit' }, t('sign_in'));
  const form = h('form', null, h('label', { for: 'token' }, t('token')), token, wrong, go);
  form.addEventListener('submit', async (e) => {
    e.preventDefault();
    go.disabled = true;
    try {
      await offer(token.value.trim());
      done();
    } catch (err) {
      fill(wrong, err.status === 401 ? t('token_wrong') : explained(err));
      go.disabled = false;
      token.select();
    }
  });
  return h('section.signin', { 'aria-label': t('sign_in') }, h('h1', null, t('sign_in')), h('p.dim', null, t('sign_in.how')), form,
    h('p.dim', null, t('sign_in.make'), ' ', h('code', null, 'velos token create --scope control')));
}
