/** Unlocking private conversations, or setting them up where there are none yet. */
import { looksLikeRecoveryKey } from '../vault/recovery-key';
import type { Secret, Vault } from '../vault/vault';
import { link, note, secretField, textField } from './fields';
import { newPassphrase, same, setUpStep } from './set-up';
import { runSteps, type Step } from './steps';

/** Gives whether they are open now. */
export async function askToUnlock(vault: Vault): Promise<boolean> {
  const status = await vault.load();
  if (status === 'open') return true;
  await runSteps((show) => (status === 'none' ? setUpStep(vault, show) : unlockStep(vault, show)));
  vault.cancel();
  return vault.status === 'open';
}

function unlockStep(vault: Vault, show: (step: Step) => void): Step {
  const { label, input } = secretField('passphrase', 'Passphrase');
  return {
    name: 'unlock',
    title: 'Unlock private conversations',
    body: [label],
    go: 'Unlock',
    others: [link('use-recovery', 'Use the recovery key', () => show(recoverStep(vault)))],
    act: async () => {
      const typed = input.value;
      // Whoever types the recovery key here means it.
      if (looksLikeRecoveryKey(typed)) return recover(vault, typed);
      await vault.unlock({ passphrase: typed });
      return null;
    },
  };
}

function recoverStep(vault: Vault): Step {
  const { label, input } = textField('recovery-key-typed', 'Recovery key');
  return {
    name: 'recover',
    title: 'Unlock with the recovery key',
    body: [note('Fourteen groups of four characters. Capitals, spaces and dashes do not matter.'), label],
    go: 'Unlock',
    act: () => recover(vault, input.value),
  };
}

async function recover(vault: Vault, recoveryKey: string): Promise<Step> {
  await vault.unlock({ recoveryKey });
  return freshStep(vault, { recoveryKey });
}

/** Whoever needed the recovery key needs a new passphrase. */
function freshStep(vault: Vault, secret: Secret): Step {
  const [first, second] = newPassphrase();
  return {
    name: 'fresh-passphrase',
    title: 'Choose a new passphrase',
    body: [note('Your private conversations are open. With a new passphrase you need no recovery key the next time; Cancel keeps the old one.'), first.label, second.label],
    go: 'Change the passphrase',
    act: async () => {
      await vault.changePassphrase(secret, same(first.input, second.input));
      return null;
    },
  };
}
