/** Signing in and making an account. Loaded when it is needed. */
import type { App } from '../app';
import { refused } from '../people';
import { button, make } from './dom';
import '../style/forms.css';

type Way = 'sign-in' | 'sign-up';

/** Resolves when the dialog is closed, whatever came of it. */
export function openDoor(app: App, first: Way): Promise<void> {
  if (document.querySelector('dialog.door')) return Promise.resolve();
  const dialog = make('dialog', { class: 'dialog door', 'aria-labelledby': 'door-title', 'data-testid': 'door' });
  const show = (way: Way) => dialog.replaceChildren(new Form(app, way, show, () => dialog.close()).root);
  show(first);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve();
    }),
  );
}

class Form {
  readonly root: HTMLFormElement;
  private readonly name = field('name', 'text', 'username');
  private readonly password: HTMLInputElement;
  private readonly invite = field('invite', 'text', 'off');
  private readonly remember = make('input', { type: 'checkbox', name: 'remember', 'data-testid': 'remember' });
  private readonly complaint = make('p', { class: 'complaint', role: 'alert', 'data-testid': 'complaint' });
  private readonly go: HTMLButtonElement;

  constructor(
    private readonly app: App,
    private readonly way: Way,
    other: (way: Way) => void,
    private readonly close: () => void,
  ) {
    const { me, person } = app.people;
    const up = way === 'sign-up';
    this.password = field('password', 'password', up ? 'new-password' : 'current-password');
    this.go = make('button', { type: 'submit', class: 'small primary', 'data-testid': 'door-go' }, up ? 'Make the account' : 'Sign in');
    const guest = person?.kind === 'guest';
    const title = up ? 'Make an account' : 'Sign in';
    const words = up
      ? guest ? 'Your conversations so far come along.' : 'Your conversations wait for you on every device.'
      : guest ? 'What you said as a guest moves into your account.' : 'Your conversations are kept in your account.';
    const minimum = me?.minimum_password ?? 8;
    const asksInvite = up && me?.sign_up === 'invite';
    this.root = make(
      'form',
      { class: 'form', novalidate: true },
      make('h2', { id: 'door-title' }, title),
      make('p', { class: 'quiet' }, words),
      label('Name', this.name),
      label(up ? `Password, at least ${minimum} characters` : 'Password', this.password),
      asksInvite ? label('Invitation', this.invite) : null,
      up ? null : make('label', { class: 'check' }, this.remember, 'Keep me signed in on this device'),
      this.complaint,
      make('div', { class: 'actions' }, button({ class: 'small' }, close, 'Cancel'), this.go),
      this.otherWay(other),
    );
    this.root.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.submit(minimum);
    });
  }

  private otherWay(other: (way: Way) => void): HTMLElement | null {
    const { me } = this.app.people;
    if (this.way === 'sign-up') {
      return make('p', { class: 'quiet' }, 'You have one already? ', button({ class: 'link', 'data-testid': 'to-sign-in' }, () => other('sign-in'), 'Sign in'));
    }
    if (me?.sign_up === 'closed') return make('p', { class: 'quiet' }, 'Accounts are made by whoever runs this server.');
    return make('p', { class: 'quiet' }, 'New here? ', button({ class: 'link', 'data-testid': 'to-sign-up' }, () => other('sign-up'), 'Make an account'));
  }

  private async submit(minimum: number): Promise<void> {
    const [name, password] = [this.name.value.trim(), this.password.value];
    this.complain(null, '');
    if (!name) return this.complain('name', 'Enter a name.');
    if (!password) return this.complain('password', 'Enter a password.');
    if (this.way === 'sign-up' && [...password].length < minimum) return this.complain('password', `The password needs at least ${minimum} characters.`);
    this.go.disabled = true;
    try {
      if (this.way === 'sign-up') await this.app.people.signUp(name, password, this.invite.value.trim());
      else await this.app.people.signIn(name, password, this.remember.checked);
      void this.app.vault.signedInWith(password);
      this.close();
      await this.app.entered();
    } catch (error) {
      const { field, text } = refused(error, minimum);
      this.complain(field, text);
    } finally {
      this.go.disabled = false;
    }
  }

  private complain(at: 'name' | 'password' | 'invite' | null, text: string): void {
    this.complaint.textContent = text;
    for (const each of ['name', 'password', 'invite'] as const) this[each].ariaInvalid = String(each === at);
    if (at) this[at].focus();
  }
}

export function field(name: string, type: string, autocomplete: AutoFill): HTMLInputElement {
  const made = make('input', { name, type, autocomplete, required: true, autocapitalize: 'none', spellcheck: 'false', 'data-testid': name });
  return made;
}

export function label(text: string, ...fields: HTMLElement[]): HTMLLabelElement {
  return make('label', {}, make('span', {}, text), ...fields);
}
