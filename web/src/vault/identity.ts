/** The key pair of a person: the server seals to the public key what it hears while no browser is there. */
import { base64, concat, equal, fromBase64 } from './bytes';
import { VaultError } from './errors';
import { keyPair, type KeyPair } from './hpke';
import { KEY_BYTES, newPairBytes } from './keys';
import { bind, open, seal } from './record';
import type { Identity } from './server';
import { wipe } from './slots';

const GENERATION = 1;
const IDENTITY = 'identity';

/** Made once, when a vault is set up. */
export async function newIdentity(person: string, master: CryptoKey): Promise<{ identity: Identity; pair: KeyPair }> {
  const made = await newPairBytes();
  const inside = concat(made.privateKey, made.publicKey);
  const wrapped = base64(await seal(master, GENERATION, bind.userKey(person, IDENTITY), inside));
  const pair = await keyPair(made.privateKey, made.publicKey);
  wipe(made.privateKey, inside);
  return { identity: { public: base64(made.publicKey), wrapped }, pair };
}

/** Rejects with `identity-swapped` unless the server seals to the key that this master key vouches for. */
export async function openIdentity(person: string, identity: Identity, master: CryptoKey): Promise<KeyPair> {
  const inside = await open(master, bind.userKey(person, IDENTITY), fromBase64(identity.wrapped)).catch((cause) => {
    throw new VaultError('identity-swapped', { cause });
  });
  const publicKey = inside.slice(KEY_BYTES);
  // To another public key the server would seal for somebody else.
  if (!equal(publicKey, fromBase64(identity.public))) throw new VaultError('identity-swapped');
  const pair = await keyPair(inside.subarray(0, KEY_BYTES), publicKey);
  wipe(inside);
  return pair;
}
