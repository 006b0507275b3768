/** The settings of a person. Loaded when they are opened. */
import type { Api } from '../api';
import type { App } from '../app';
import { button, make } from '../view/dom';
import { icon } from '../view/icons';
import { accountPart } from './account';
import { keepingPart } from './keeping';
import { loginsPart } from './logins';
import { tokensPart } from './tokens';
import '../style/forms.css';
import '../style/settings.css';

export interface Context {
  app: App;
  api: Api;
  /** Another dialog takes this one's place. */
  door(way: 'sign-in' | 'sign-up'): void;
  close(): void;
}

export function openSettings(app: App, api: Api, door: (way: 'sign-in' | 'sign-up') => Promise<void>): Promise<void> {
  if (document.querySelector('dialog.settings')) return Promise.resolve();
  const dialog = make('dialog', { class: 'dialog settings', 'aria-labelledby': 'settings-title', 'data-testid': 'settings' });
  const context: Context = {
    app,
    api,
    door: (way) => {
      dialog.close();
      void door(way);
    },
    close: () => dialog.close(),
  };
  const account = app.people.person?.kind === 'account';
  const close = button({ class: 'icon', 'aria-label': 'Close', 'data-testid': 'settings-close' }, () => dialog.close(), icon('close'));
  dialog.append(
    make('div', { class: 'settings-head' }, make('h2', { id: 'settings-title' }, 'Settings'), close),
    make(
      'div',
      { class: 'parts' },
      accountPart(context),
      keepingPart(context),
      ...(account ? [loginsPart(context), tokensPart(context)] : []),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve();
    }),
  );
}

/** A part with a heading. */
export function part(title: string, ...children: (Node | string | null)[]): HTMLElement {
  return make('section', { class: 'part' }, make('h3', {}, title), ...children);
}

/** One line that says how something went. */
export function outcome(): { line: HTMLElement; say(text: string, bad?: 'bad'): void } {
  const line = make('p', { class: 'outcome', role: 'status', 'data-testid': 'outcome' });
  return {
    line,
    say: (text, bad) => {
      line.textContent = text;
      line.classList.toggle('complaint', bad === 'bad');
    },
  };
}

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
export const when = (ms: number): string => moment.format(ms);
