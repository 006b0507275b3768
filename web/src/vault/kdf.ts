/** From what a person types to the key of a slot. */
import { type Bytes, concat, fromBase64, u32, u64, utf8 } from './bytes';
import { VaultError } from './errors';
import { derive, importCipher, KEY_BYTES, sha256 } from './keys';

/** How a slot's key is derived, as it stands in the slot. `salt` is base64. */
export type Kdf =
  | { alg: 'argon2id'; m_kib: number; t: number; p: number; salt: string }
  /** For secrets that need no stretching. */
  | { alg: 'hkdf-sha256'; salt: string };

/** How dear a passphrase is to guess. */
export interface Cost {
  m_kib: number;
  t: number;
  p: number;
}

export interface Argon2Request extends Cost {
  password: Bytes;
  salt: Bytes;
}
export type Argon2 = (request: Argon2Request) => Promise<Bytes>;

/** About half a second on a laptop. */
export const COST: Cost = { m_kib: 64 * 1024, t: 3, p: 1 };
/** Whatever a server says, a passphrase is not derived more cheaply: a cheap derivation is a gift to whoever guesses. */
export const FLOOR: Cost = { m_kib: 46 * 1024, t: 1, p: 1 };
/** Nor more dearly than this: a server could stop the browser with it. */
const CEILING: Cost = { m_kib: 1024 * 1024, t: 16, p: 4 };
export const SALT_BYTES = 16;

/** What a slot is opened with. */
export interface SlotKey {
  cipher: CryptoKey;
  /** AES-GCM opens under more keys than one; this tells them apart, and is compared first. */
  commit: Bytes;
}

/** The key from what was typed: a passphrase as UTF-8, or the bytes of a recovery key. */
export async function slotKey(secret: Bytes, kdf: Kdf, argon2: Argon2, floor: Cost): Promise<SlotKey> {
  const key = await stretched(secret, kdf, argon2, floor);
  const wrapping = await derive(key, 'slot-wrap');
  const made = { cipher: await importCipher(wrapping), commit: await derive(key, 'commit') };
  key.fill(0);
  wrapping.fill(0);
  return made;
}

/** Binds the parameters into what the slot seals: with others it does not open. */
export function parametersHash(kdf: Kdf): Promise<Bytes> {
  const numbers = kdf.alg === 'argon2id' ? [u64(kdf.m_kib), u64(kdf.t), u64(kdf.p)] : [];
  const fields = [utf8(kdf.alg), ...numbers, fromBase64(kdf.salt)];
  return sha256(concat(...fields.map((field) => concat(u32(field.length), field))));
}

async function stretched(secret: Bytes, kdf: Kdf, argon2: Argon2, floor: Cost): Promise<Bytes> {
  const salt = fromBase64(kdf.salt);
  if (salt.length < SALT_BYTES) throw new VaultError('weak-kdf');
  if (kdf.alg === 'hkdf-sha256') return derive(secret, 'recovery', salt);
  const { m_kib, t, p } = kdf;
  const within = (value: number, least: number, most: number) => Number.isInteger(value) && value >= least && value <= most;
  const allowed = within(m_kib, floor.m_kib, CEILING.m_kib) && within(t, floor.t, CEILING.t) && within(p, floor.p, CEILING.p);
  if (!allowed) throw new VaultError('weak-kdf');
  const key = await argon2({ password: secret, salt, m_kib, t, p });
  if (key.length !== KEY_BYTES) throw new VaultError('weak-kdf');
  return key;
}
