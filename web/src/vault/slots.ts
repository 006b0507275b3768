/**
 * Slots: the ways to open a vault, as in LUKS. What is typed gives a key, that key opens the slot's private key, and to the
 * slot's public key the master key is sealed. So the master key can be sealed anew to every slot without anyone's passphrase.
 */
import { type Bytes, base64, concat, equal, fromBase64, hex, random, textOf, utf8 } from './bytes';
import { VaultError } from './errors';
import { keyPair } from './hpke';
import { type Argon2, type Cost, type Kdf, parametersHash, SALT_BYTES, type SlotKey, slotKey } from './kdf';
import { derive, importCipher, KEY_BYTES, newPairBytes } from './keys';
import { bind, open, openSealed, seal, sealTo } from './record';

export type SlotKind = 'passphrase' | 'recovery';

/** A slot as the server keeps it. All bytes are base64. */
export interface Slot {
  id: string;
  kind: SlotKind;
  label: string;
  created_ms: number;
  kdf: Kdf;
  /** Of the slot's key: compared before anything is opened. */
  commit: string;
  public: string;
  /** Under the slot's key: its private key, and by which mark the master key is known. */
  private: string;
  /** The master key, sealed to `public`. */
  master: string;
  /** Under the master key: which slots there are (see `slot-set.ts`). */
  roster: string;
  /** Under the master key: the recovery key itself, so that it can be shown again. */
  recovery?: string;
}

/** A slot of a kind that this page does not know. It is left as it is. */
export interface UnknownSlot {
  id: string;
  kind: string;
}

export interface SlotOptions {
  argon2: Argon2;
  cost: Cost;
  floor: Cost;
}

/** The master key, for the moment in which it is bytes. */
export interface Master {
  bytes: Bytes;
  cipher: CryptoKey;
}

interface NewSlot {
  person: string;
  /** Of the slot whose place it takes. */
  id?: string;
  kind: SlotKind;
  label: string;
  secret: Bytes;
  atMs: number;
}

/** Of the master key. */
const GENERATION = 1;

/** Makes a slot that opens with `secret`, without its roster. */
export async function makeSlot(master: Master, slot: NewSlot, options: SlotOptions): Promise<Slot> {
  const { person, kind, label, secret, atMs } = slot;
  const id = slot.id ?? `slot_${hex(random(16))}`;
  const salt = base64(random(SALT_BYTES));
  const kdf: Kdf = kind === 'passphrase' ? { alg: 'argon2id', ...options.cost, salt } : { alg: 'hkdf-sha256', salt };
  const key = await slotKey(secret, kdf, options.argon2, options.floor);
  const parameters = await parametersHash(kdf);
  const pair = await newPairBytes();
  const inside = concat(pair.privateKey, await masterMark(master.bytes));
  const sealed: Slot = {
    id, kind, label, kdf, created_ms: atMs,
    commit: base64(key.commit),
    public: base64(pair.publicKey),
    private: base64(await seal(key.cipher, GENERATION, bind.slot(person, id, kind, parameters), inside)),
    master: base64(await sealTo(pair.publicKey, GENERATION, bind.slot(person, id, 'master', parameters), master.bytes)),
    roster: '',
  };
  if (kind === 'recovery') {
    sealed.recovery = base64(await seal(master.cipher, GENERATION, bind.slot(person, id, 'recovery-key', parameters), secret));
  }
  wipe(pair.privateKey, inside);
  return sealed;
}

/** The key of a slot from what was typed. Rejects with `weak-kdf`. */
export async function keyOf(slot: Slot, secret: Bytes, options: SlotOptions): Promise<SlotKey> {
  if (slot.kind === 'passphrase' && slot.kdf.alg !== 'argon2id') throw new VaultError('weak-kdf');
  return slotKey(secret, slot.kdf, options.argon2, options.floor);
}

/** Opens a slot; null if the key is not its. Rejects with what was changed about it. */
export async function openSlot(person: string, slot: Slot, key: SlotKey): Promise<Master | null> {
  if (!equal(key.commit, fromBase64(slot.commit))) return null;
  const parameters = await parametersHash(slot.kdf);
  const refused = (code: 'slot-swapped' | 'master-key-swapped') => (cause: unknown) => {
    throw new VaultError(code, { cause });
  };
  const inside = await open(key.cipher, bind.slot(person, slot.id, slot.kind, parameters), fromBase64(slot.private))
    .catch(refused('slot-swapped'));
  const pair = await keyPair(inside.subarray(0, KEY_BYTES), fromBase64(slot.public));
  const mark = inside.slice(KEY_BYTES);
  wipe(inside);
  const bytes = await openSealed(pair, bind.slot(person, slot.id, 'master', parameters), fromBase64(slot.master))
    .catch(refused('slot-swapped'));
  // Whoever knows the public key can seal a key of their own to it. Only the slot's key vouches for the right one.
  if (!equal(mark, await masterMark(bytes))) throw new VaultError('master-key-swapped');
  return { bytes, cipher: await importCipher(bytes) };
}

/** The secret of a recovery slot, as it was when it was made. */
export async function recoverySecret(person: string, slot: Slot, master: CryptoKey): Promise<Bytes> {
  const parameters = await parametersHash(slot.kdf);
  return open(master, bind.slot(person, slot.id, 'recovery-key', parameters), fromBase64(slot.recovery ?? ''))
    .catch((cause) => {
      throw new VaultError('slot-swapped', { cause });
    });
}

/** What the roster of a slot seals. */
export async function sealRoster(person: string, slot: Slot, master: CryptoKey, roster: unknown): Promise<Slot> {
  const binding = bind.slot(person, slot.id, 'roster', await parametersHash(slot.kdf));
  return { ...slot, roster: base64(await seal(master, GENERATION, binding, utf8(JSON.stringify(roster)))) };
}

/** Null where it does not open: then the slot is not one that this master key vouches for. */
export async function openRoster(person: string, slot: Slot, master: CryptoKey): Promise<unknown> {
  try {
    const binding = bind.slot(person, slot.id, 'roster', await parametersHash(slot.kdf));
    return JSON.parse(textOf(await open(master, binding, fromBase64(slot.roster))));
  } catch {
    return null;
  }
}

/** Whether this page knows what to do with a slot. */
export function isSlot(slot: Slot | UnknownSlot): slot is Slot {
  if (slot.kind !== 'passphrase' && slot.kind !== 'recovery') return false;
  const { id, kdf, commit, public: publicKey, private: privateKey, master, roster } = slot as Slot;
  const texts = [id, kdf?.alg, kdf?.salt, commit, publicKey, privateKey, master, roster];
  return texts.every((each) => typeof each === 'string') && ['argon2id', 'hkdf-sha256'].includes(kdf.alg);
}

export function wipe(...all: Uint8Array[]): void {
  for (const each of all) each.fill(0);
}

function masterMark(master: Uint8Array): Promise<Bytes> {
  return derive(master, 'master-mark');
}
