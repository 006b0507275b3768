/** The part of the settings that is about private conversations. */
import { LOCK_MINUTES } from '../vault/idle-lock';
import type { Vault } from '../vault/vault';
import { button, make } from '../view/dom';
import { askForNewPassphrase, askForNewRecoveryKey, showRecoveryKey } from './change';
import { warning } from './fields';
import { refusalWords, warningWords } from './words';
import './private.css';

export function fillSettings(place: HTMLElement, vault: Vault, unlock: () => Promise<boolean>): void {
  const said = make('p', { class: 'quiet', role: 'status', 'data-testid': 'private-said' });
  const act = (work: () => Promise<boolean>, words: string) => async () => {
    try {
      const done = await work();
      render();
      if (done) said.textContent = words;
    } catch (error) {
      said.textContent = refusalWords(error);
    }
  };
  const press = (name: string, text: string, work: () => Promise<boolean>, words = '') =>
    button({ class: 'small', 'data-testid': name }, () => void act(work, words)(), text);

  const render = () => {
    said.textContent = '';
    const open = vault.status === 'open';
    const buttons = open
      ? [
          press('private-lock', 'Lock now', async () => (vault.lock(), true), 'Locked.'),
          press('private-passphrase', 'Change the passphrase', () => askForNewPassphrase(vault), 'The passphrase is changed.'),
          press('private-show', 'Show the recovery key', () => showRecoveryKey(vault)),
          press('private-recovery', 'New recovery key', () => askForNewRecoveryKey(vault), 'The old recovery key no longer opens anything.'),
        ]
      : [press('private-unlock', vault.status === 'none' ? 'Set up private conversations' : 'Unlock', unlock)];
    place.replaceChildren(
      make('h4', {}, 'Private conversations'),
      ...vault.warnings.map((each) => warning(warningWords(each))),
      make('div', { class: 'actions left' }, ...buttons),
      ...(open ? [lockChoice(vault)] : []),
      said,
    );
  };

  render();
  void vault.load().then(render, (error: unknown) => (said.textContent = refusalWords(error)));
  vault.onChange(() => {
    if (place.isConnected) render();
  });
}

function lockChoice(vault: Vault): HTMLElement {
  const choice = make('select', { 'data-testid': 'lock-minutes' });
  for (const minutes of new Set([...LOCK_MINUTES, vault.idle.minutes])) {
    choice.append(make('option', { value: minutes, selected: minutes === vault.idle.minutes }, `${minutes} minutes`));
  }
  choice.addEventListener('change', () => vault.lockAfter(Number(choice.value)));
  return make('label', { class: 'lock-choice' }, 'Lock when nobody was there for ', choice);
}
