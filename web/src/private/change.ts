/** Changing what opens private conversations. Each asks for the passphrase again. */
import type { Vault } from '../vault/vault';
import { note, secretField } from './fields';
import { recoveryStep, shownKey } from './recovery';
import { newPassphrase, same } from './set-up';
import { runSteps, type Step } from './steps';

export function askForNewPassphrase(vault: Vault): Promise<boolean> {
  return runSteps(() => {
    const old = secretField('passphrase', 'Passphrase until now');
    const [first, second] = newPassphrase();
    return {
      name: 'change-passphrase',
      title: 'Change the passphrase',
      body: [note('Your conversations are not touched. A copy of the database from before still opens with the old passphrase.'), old.label, first.label, second.label],
      go: 'Change',
      act: async () => {
        await vault.changePassphrase({ passphrase: old.input.value }, same(first.input, second.input));
        return null;
      },
    };
  });
}

export async function askForNewRecoveryKey(vault: Vault): Promise<boolean> {
  const done = await runSteps((show) =>
    afterPassphrase('new-recovery', 'A new recovery key', 'The old one holds until you have confirmed the new one.', async (passphrase) =>
      recoveryStep(vault, await vault.newRecoveryKey({ passphrase }), show),
    ),
  );
  vault.cancel();
  return done;
}

export function showRecoveryKey(vault: Vault): Promise<boolean> {
  return runSteps(() =>
    afterPassphrase('show-recovery', 'Show the recovery key', 'Whoever sees it can open your private conversations.', async (passphrase) => {
      const key = await vault.showRecoveryKey({ passphrase });
      return { name: 'shown-recovery', title: 'Your recovery key', body: [shownKey(key)], go: 'Done', act: async () => null };
    }),
  );
}

function afterPassphrase(name: string, title: string, text: string, act: (passphrase: string) => Promise<Step>): Step {
  const { label, input } = secretField('passphrase', 'Passphrase');
  return { name, title, body: [note(text), label], go: 'Go on', act: () => act(input.value) };
}
