/** Where one is signed in. */
import type { Login } from '../contract';
import { messageOf } from '../people';
import { button, make } from '../view/dom';
import { outcome, part, when, type Context } from './settings';

export function loginsPart({ api }: Context): HTMLElement {
  const list = make('ul', { class: 'rows', 'data-testid': 'logins' });
  const others = button({ class: 'small', 'data-testid': 'end-others' }, () => void end(null), 'Sign out everywhere else');
  const said = outcome();

  async function show(): Promise<void> {
    try {
      const logins = await api.logins();
      list.replaceChildren(...logins.map(row));
      others.hidden = logins.length < 2;
    } catch (error) {
      said.say(messageOf(error) || 'The list could not be loaded.', 'bad');
    }
  }

  async function end(id: string | null): Promise<void> {
    try {
      await api.endLogin(id);
      said.say(id === null ? 'Every other device is signed out.' : 'That device is signed out.');
      await show();
    } catch (error) {
      said.say(messageOf(error) || 'That did not work. Try again.', 'bad');
    }
  }

  function row({ id, current, label, seen_ms }: Login): HTMLElement {
    const name = label || 'A browser';
    return make(
      'li',
      {},
      make('span', {}, make('strong', { dir: 'auto' }, name), make('span', { class: 'quiet' }, current ? 'this browser' : `last here ${when(seen_ms)}`)),
      current ? null : button({ class: 'small', 'aria-label': `Sign out ${name}`, 'data-testid': 'end-login' }, () => void end(id), 'Sign out'),
    );
  }

  void show();
  return part('Where you are signed in', list, make('div', { class: 'actions left' }, others), said.line);
}
