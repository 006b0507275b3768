/** Setting up private conversations. */
import { VaultError } from '../vault/errors';
import type { Vault } from '../vault/vault';
import { list, note, secretField, warning } from './fields';
import { recoveryStep } from './recovery';
import type { Step } from './steps';
import { loses, protects, protectsNot, warningWords } from './words';

export function setUpStep(vault: Vault, show: (step: Step) => void): Step {
  return {
    name: 'set-up',
    title: 'Set up private conversations',
    body: [
      ...vault.warnings.map((each) => warning(warningWords(each))),
      list('What it protects', protects),
      list('What it does not', protectsNot),
      warning(loses),
    ],
    go: 'Choose a passphrase',
    act: async () => choiceStep(vault, show),
  };
}

function choiceStep(vault: Vault, show: (step: Step) => void): Step {
  const [first, second] = newPassphrase();
  return {
    name: 'passphrase',
    title: 'Choose a passphrase',
    body: [note('It must not be your sign-in password: that one the server has seen.'), first.label, second.label],
    go: 'Make the keys',
    act: async () => {
      const passphrase = same(first.input, second.input);
      return recoveryStep(vault, await vault.setUp(passphrase), show);
    },
  };
}

export function newPassphrase() {
  const hint = 'At least 12 characters, or five words. Five or six words that do not belong together are good, and easy to keep in mind.';
  return [secretField('new-passphrase', 'Passphrase', hint), secretField('same-passphrase', 'Once more')] as const;
}

/** What was typed twice, if it is the same. */
export function same(first: HTMLInputElement, second: HTMLInputElement): string {
  if (first.value !== second.value) throw new VaultError('passphrases-differ');
  return first.value;
}
