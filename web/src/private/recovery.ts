/** Showing a recovery key, and having it confirmed. */
import { button, make } from '../view/dom';
import type { Vault } from '../vault/vault';
import { note, textField } from './fields';
import type { Step } from './steps';

/** Shows a new key; it counts once it was confirmed. */
export function recoveryStep(vault: Vault, recoveryKey: string, show: (step: Step) => void): Step {
  return {
    name: 'recovery',
    title: 'Your recovery key',
    body: [
      note('It opens your private conversations if you forget the passphrase. Write it down or print it, and keep it where you keep what matters. It is not stored where anybody else can read it.'),
      shownKey(recoveryKey),
    ],
    go: 'I have kept it',
    act: async () => confirmStep(vault, () => show(recoveryStep(vault, recoveryKey, show))),
  };
}

function confirmStep(vault: Vault, back: () => void): Step {
  const asked = vault.askedGroups.map((group) => group + 1).join(' and ');
  const { label, input } = textField('recovery-check', `Groups ${asked} of the recovery key, or all of it`);
  return {
    name: 'recovery-check',
    title: 'Is it kept?',
    body: [note('Read it from where you have kept it.'), label],
    go: 'Confirm',
    others: [make('p', { class: 'quiet' }, button({ class: 'link' }, back, 'Show it again'))],
    act: async () => {
      await vault.confirm(input.value);
      return null;
    },
  };
}

export function shownKey(recoveryKey: string): HTMLElement {
  const groups = recoveryKey.split('-');
  const rows = groups.map((group, index) => make('li', {}, make('span', { class: 'quiet' }, String(index + 1)), make('code', {}, group)));
  const said = make('span', { role: 'status', class: 'quiet' });
  const copy = button({ class: 'small' }, async () => {
    const copied = await navigator.clipboard?.writeText(recoveryKey).then(() => true, () => false);
    said.textContent = copied ? 'Copied. Other programs can read what was copied.' : 'Copying is not allowed here.';
  }, 'Copy');
  const print = button({ class: 'small' }, () => window.print(), 'Print');
  return make(
    'div',
    { class: 'recovery-key', 'data-testid': 'recovery-key' },
    make('ol', { 'aria-label': 'Recovery key' }, ...rows),
    make('div', { class: 'actions left' }, copy, print, said),
  );
}
