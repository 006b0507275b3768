/** Every sentence of private conversations. */
import { ApiError } from '../api';
import { refusalOf, type Refusal } from '../vault/errors';
import type { VaultWarning } from '../vault/vault';

export const protects = [
  'Private conversations are stored so that only a browser in which you unlock them can read them: zero-knowledge storage. The keys are made here, in this page, and leave it only under your passphrase or recovery key.',
  'Whoever has the database, its backups and all of the server’s own keys cannot read what is stored.',
];

export const protectsNot = [
  'While you talk, the server hears and writes in plain: somebody who controls the running server can listen to live calls, and can send you an altered page.',
  'It sees who talks when, how often and about how long, and with which model.',
  'A weak passphrase can be guessed by whoever has a copy of the database.',
];

export const loses =
  'Nobody can let you back in. If you lose both the passphrase and the recovery key, your private conversations are lost.';

const refusals: Record<Refusal, string> = {
  'wrong-secret': 'That does not open your private conversations.',
  'recovery-key-mistyped': 'This is not a recovery key: a character is wrong or missing.',
  'weak-kdf': 'The server asks this browser to protect your passphrase less than it should. Nothing was sent. Tell whoever runs the server.',
  'slot-swapped': 'What the server keeps for unlocking was changed by somebody else. It was not used. Tell whoever runs the server.',
  'slot-replayed': 'This passphrase or recovery key was replaced by another one. Use the newer one.',
  'master-key-swapped': 'The server offers a key that you did not make. It was not used. Tell whoever runs the server.',
  'identity-swapped': 'The key to which the server seals what you say is not yours. Your private conversations stay locked. Tell whoever runs the server.',
  'key-damaged': 'The key of this conversation does not open: it is damaged, or it is that of another conversation.',
  'meta-damaged': 'The title and the settings of this conversation are damaged.',
  'record-damaged': 'A part of this conversation is damaged.',
  'key-not-stored': 'The server did not store a new key. What it has sealed stays readable.',
  'last-slot': 'One passphrase and one recovery key must stay.',
  locked: 'Private conversations are locked.',
  'not-set-up': 'Private conversations are not set up yet.',
  'already-set-up': 'Private conversations are set up already. Close this and unlock them.',
  'not-confirmed': 'That is not what the recovery key says. Look again.',
  'browser-too-old': 'This browser cannot make the keys. Update it, or use another one.',
  'passphrases-differ': 'The two are not the same.',
  'passphrase-short': 'Use at least 12 characters, or five words.',
  'passphrase-common': 'This is among the first that are guessed. Take words that do not belong together.',
  'passphrase-is-password': 'The server has seen this password. The passphrase must be another one.',
};

const warnings: Record<VaultWarning['code'], (slot: string) => string> = {
  'slot-swapped': (slot) => `“${slot}” was changed by somebody else and is not used.`,
  'slot-replayed': (slot) => `An old “${slot}” came back that you had replaced. It is not used; make a new one.`,
  'slot-missing': () => 'A passphrase or recovery key is missing on the server. Make a new one.',
  'slots-rolled-back': () => 'The server shows older passphrases and recovery keys than this browser has seen. If no backup was restored, tell whoever runs it.',
  'vault-missing': () => 'This browser has opened private conversations here before, but the server says that there are none. Ask whoever runs it before you set up new ones.',
};

export function warningWords({ code, slot }: VaultWarning): string {
  return warnings[code](slot ?? 'Passphrase');
}

export function refusalWords(error: unknown): string {
  const code = refusalOf(error);
  if (code) return refusals[code];
  if (error instanceof ApiError) {
    if (error.status === 0) return 'The server does not answer. Try again.';
    if (error.code === 'vault_exists') return refusals['already-set-up'];
    if (error.code === 'last_slot') return refusals['last-slot'];
    if (error.status === 401) return 'You are signed out. Sign in to go on.';
  }
  if (error instanceof DOMException && error.name === 'NotSupportedError') return refusals['browser-too-old'];
  return 'That did not work. Try again.';
}
