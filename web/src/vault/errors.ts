/** What the vault refuses, and what it warns of, by name. `private/words.ts` has the sentence for each. */

export type Refusal =
  /** Neither the passphrase nor the recovery key of any slot. */
  | 'wrong-secret'
  /** Its checksum says that the recovery key was mistyped. */
  | 'recovery-key-mistyped'
  /** The server asks for a cheaper derivation than this page takes part in. */
  | 'weak-kdf'
  /** A slot is not as its own key says: its public key or its parameters were changed. */
  | 'slot-swapped'
  /** A slot from before it was replaced. */
  | 'slot-replayed'
  /** The slot opens, but leads to a key that was not put into it. */
  | 'master-key-swapped'
  /** The public key that the server seals to is not ours. */
  | 'identity-swapped'
  /** A key of a conversation that does not open. */
  | 'key-damaged'
  | 'meta-damaged'
  | 'record-damaged'
  /** The server did not store a new key, so nothing is sealed under it. */
  | 'key-not-stored'
  | 'last-slot'
  | 'locked'
  | 'not-set-up'
  | 'already-set-up'
  | 'not-confirmed'
  | 'browser-too-old'
  /** It was typed twice, and not the same. */
  | 'passphrases-differ'
  | PassphraseProblem;

export type PassphraseProblem = 'passphrase-short' | 'passphrase-common' | 'passphrase-is-password';

export type Warning =
  | 'slot-swapped'
  | 'slot-replayed'
  | 'slot-missing'
  /** This browser has seen a later set of slots. */
  | 'slots-rolled-back'
  /** This browser knows a vault of this person; the server says that there is none. */
  | 'vault-missing';

export class VaultError extends Error {
  override name = 'VaultError';

  constructor(
    readonly code: Refusal,
    options?: ErrorOptions,
  ) {
    super(code, options);
  }
}

export function refusalOf(error: unknown): Refusal | null {
  return error instanceof VaultError ? error.code : null;
}
