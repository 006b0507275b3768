/** The account: who one is, the password, leaving. */
import { codeOf } from '../api';
import { messageOf, refused } from '../people';
import { confirmed } from '../view/confirm';
import { button, make } from '../view/dom';
import { field, label } from '../view/door';
import { outcome, part, type Context } from './settings';

export function accountPart(context: Context): HTMLElement {
  const { app, door } = context;
  const { person, me } = app.people;
  if (!person) return part('Account', make('div', { class: 'actions left' }, button({ class: 'small primary' }, () => door('sign-in'), 'Sign in')));
  if (person.kind === 'guest') {
    return part(
      'Account',
      make('p', {}, `You are a guest in this browser. Your conversations go when you have not been here for ${me?.guest_days ?? 30} days, or when its cookies are deleted.`),
      make(
        'div',
        { class: 'actions left' },
        me?.sign_up === 'closed' ? null : button({ class: 'small primary', 'data-testid': 'settings-sign-up' }, () => door('sign-up'), 'Make an account'),
        button({ class: 'small', 'data-testid': 'settings-sign-in' }, () => door('sign-in'), 'Sign in'),
      ),
      removal(context, false),
    );
  }
  return part(
    'Account',
    make('p', {}, 'You are signed in as ', make('strong', { 'data-testid': 'own-name' }, person.name ?? ''), '.'),
    make('div', { class: 'actions left' }, button({ class: 'small', 'data-testid': 'sign-out' }, () => void leave(context), 'Sign out')),
    passwordForm(context),
    removal(context, true),
  );
}

async function leave({ app, close }: Context): Promise<void> {
  await app.people.signOut().catch(() => undefined);
  close();
  app.forgetEverything();
}

function passwordForm({ api, app }: Context): HTMLElement {
  const minimum = app.people.me?.minimum_password ?? 8;
  const current = field('current-password', 'password', 'current-password');
  const fresh = field('new-password', 'password', 'new-password');
  const said = outcome();
  const form = make(
    'form',
    { class: 'form', novalidate: true },
    label('Current password', current),
    label(`New password, at least ${minimum} characters`, fresh),
    make('div', { class: 'actions left' }, make('button', { type: 'submit', class: 'small', 'data-testid': 'change-password' }, 'Change the password')),
    said.line,
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void (async () => {
      try {
        await api.changePassword(current.value, fresh.value);
        void app.vault.signedInWith(fresh.value);
        form.reset();
        said.say('The password is changed. Every other device is signed out.');
      } catch (error) {
        said.say(codeOf(error) === 'wrong_credentials' ? 'The current password is not right.' : refused(error, minimum).text, 'bad');
      }
    })();
  });
  return make('details', { class: 'fold' }, make('summary', {}, 'Change the password'), form);
}

function removal(context: Context, account: boolean): HTMLElement {
  const { app, close } = context;
  const password = field('delete-password', 'password', 'current-password');
  const said = outcome();
  const what = account ? 'Delete the account' : 'Delete everything';
  const go = button(
    { class: 'small danger', 'data-testid': 'delete-account' },
    () =>
      void (async () => {
        const text = 'Every conversation, every login and every token goes with it. Nobody can bring them back.';
        if (!(await confirmed({ title: `${what}?`, text, yes: what }))) return;
        try {
          await app.people.remove(account ? password.value : null);
          close();
          app.forgetEverything();
        } catch (error) {
          said.say(codeOf(error) === 'wrong_credentials' ? 'The password is not right.' : messageOf(error) || 'That did not work. Try again.', 'bad');
        }
      })(),
    what,
  );
  return make(
    'details',
    { class: 'fold' },
    make('summary', { 'data-testid': 'removal' }, what),
    make('div', { class: 'form' }, account ? label('Your password', password) : null, make('div', { class: 'actions left' }, go), said.line),
  );
}
