/** Tokens with which phones and scripts come in. */
import type { Scope, Token } from '../contract';
import { messageOf } from '../people';
import { confirmed } from '../view/confirm';
import { copyButton } from '../view/copy';
import { button, make } from '../view/dom';
import { field, label } from '../view/door';
import { outcome, part, when, type Context } from './settings';

const scopes: [Scope, string][] = [
  ['calls', 'Make calls'],
  ['chats', 'Read and write conversations'],
  ['chats:read', 'Only read conversations'],
];

export function tokensPart({ api }: Context): HTMLElement {
  const list = make('ul', { class: 'rows', 'data-testid': 'tokens' });
  const fresh = make('div', { class: 'fresh', hidden: true, role: 'status', 'data-testid': 'fresh-token' });
  const said = outcome();

  async function show(): Promise<void> {
    try {
      list.replaceChildren(...(await api.tokens()).map(row));
    } catch (error) {
      said.say(messageOf(error) || 'The list could not be loaded.', 'bad');
    }
  }

  function row({ id, label, scopes, used_ms, expires_ms }: Token): HTMLElement {
    const use = used_ms === null ? 'never used' : `last used ${when(used_ms)}`;
    const end = expires_ms === null ? '' : `, until ${when(expires_ms)}`;
    return make(
      'li',
      {},
      make('span', {}, make('strong', { dir: 'auto' }, label), make('span', { class: 'quiet' }, `${scopes.join(', ')}; ${use}${end}`)),
      button({ class: 'small danger', 'aria-label': `Revoke ${label}`, 'data-testid': 'revoke' }, () => void revoke(id, label), 'Revoke'),
    );
  }

  async function revoke(id: string, label: string): Promise<void> {
    const text = 'Whatever uses it is locked out at once.';
    if (!(await confirmed({ title: `Revoke “${label}”?`, text, yes: 'Revoke' }))) return;
    try {
      await api.revokeToken(id);
      fresh.hidden = true;
      await show();
    } catch (error) {
      said.say(messageOf(error) || 'That did not work. Try again.', 'bad');
    }
  }

  async function create(name: string, chosen: Scope[], days: number): Promise<void> {
    try {
      const made = await api.newToken({ label: name, scopes: chosen, ...(days > 0 ? { days } : {}) });
      fresh.replaceChildren(
        make('p', {}, 'This is the token. It is shown only now: copy it to where it is needed.'),
        make('p', { class: 'secret' }, make('code', { 'data-testid': 'token' }, made.token), copyButton(() => made.token, 'Copy the token')),
      );
      fresh.hidden = false;
      said.say('');
      form.reset();
      await show();
    } catch (error) {
      said.say(messageOf(error) || 'That did not work. Try again.', 'bad');
    }
  }

  const name = field('token-label', 'text', 'off');
  const days = make('select', { 'data-testid': 'token-days' }, new Option('30 days', '30'), new Option('a year', '365'), new Option('as long as it is not revoked', '0'));
  const boxes = scopes.map(([scope]) => make('input', { type: 'checkbox', value: scope, checked: scope === 'calls', 'data-testid': `scope-${scope}` }));
  const form = make(
    'form',
    { class: 'form', novalidate: true },
    label('What it is for', name),
    make('fieldset', { class: 'checks' }, make('legend', {}, 'What it may do'), ...scopes.map(([, words], at) => make('label', { class: 'check' }, boxes[at]!, words))),
    label('How long it holds', days),
    make('div', { class: 'actions left' }, make('button', { type: 'submit', class: 'small', 'data-testid': 'new-token' }, 'Make a token')),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const chosen = scopes.map(([scope]) => scope).filter((_, at) => boxes[at]!.checked);
    if (!name.value.trim()) return said.say('Say what it is for.', 'bad');
    if (chosen.length === 0) return said.say('Choose what it may do.', 'bad');
    void create(name.value.trim(), chosen, Number(days.value));
  });

  void show();
  return part(
    'Access for phones and scripts',
    make('p', { class: 'quiet' }, 'A program shows such a token as “Authorization: Bearer …”.'),
    list,
    fresh,
    make('details', { class: 'fold' }, make('summary', { 'data-testid': 'token-form' }, 'Make a token'), form),
    said.line,
  );
}
