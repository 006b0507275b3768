/**
 * Records: all that is stored of a private conversation, byte for byte as the server's `vault::record` has them.
 *
 *     0x53, version 1, suite, kind, generation (u32), nonce (12) or encapsulated key (32), ciphertext, tag (16)
 *
 * What a record belongs to is bound into it: in another row, under another person or of another kind it does not open.
 */
import { type Bytes, concat, random, readU32, u32, u64, utf8 } from './bytes';
import { ENCAPSULATED_BYTES, hpkeOpen, hpkeSeal, type KeyPair } from './hpke';

export const Kind = {
  message: 1,
  meta: 2,
  conversationKey: 4,
  userKey: 5,
  slot: 6,
  settings: 7,
  sealed: 8,
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

export const Suite = { aesGcm: 1, hpke: 3 } as const;

/** What a record belongs to: its kind, and the fields that are authenticated with it in this order. */
export interface Binding {
  kind: Kind;
  fields: readonly (string | number | Uint8Array)[];
}

interface Place {
  conversation: string;
  item: string;
  seq: number;
  role: string;
}

export const bind = {
  message: ({ conversation, item, seq, role }: Place): Binding => ({ kind: Kind.message, fields: [conversation, item, seq, role] }),
  meta: (conversation: string): Binding => ({ kind: Kind.meta, fields: [conversation] }),
  conversationKey: (owner: string, conversation: string): Binding => ({
    kind: Kind.conversationKey,
    fields: [owner, conversation, 'private'],
  }),
  userKey: (person: string, kid: string): Binding => ({ kind: Kind.userKey, fields: [person, kid] }),
  slot: (person: string, slot: string, type: string, parametersHash: Uint8Array): Binding => ({
    kind: Kind.slot,
    fields: [person, slot, type, parametersHash],
  }),
  settings: (person: string): Binding => ({ kind: Kind.settings, fields: [person] }),
  /** What the server sealed in this item's place. */
  sealedItem: ({ conversation, item, seq, role }: Place): Binding => ({ kind: Kind.sealed, fields: [conversation, item, seq, role] }),
  sealedTitle: (conversation: string): Binding => ({ kind: Kind.sealed, fields: [conversation, 'title'] }),
};

const MAGIC = 0x53;
const VERSION = 1;
const HEADER_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const BUCKET_BYTES = 256;
/** Above this the padded length is a power of two. */
const BUCKETS_TO_BYTES = 4096;
const SEALED_INFO = utf8('sotto1/sealed');

/** What is fixed in tests only. */
export interface Fixed {
  nonce?: Bytes;
  ephemeral?: KeyPair;
}

/** Why a record cannot be opened; there is no more to know. */
export class NotARecord extends Error {
  override name = 'NotARecord';
}

/** Seals under a key. */
export async function seal(key: CryptoKey, generation: number, binding: Binding, plaintext: Uint8Array, fixed: Fixed = {}): Promise<Bytes> {
  const iv = fixed.nonce ?? random(NONCE_BYTES);
  const additionalData = authenticated(binding, generation);
  const padded = pad(plaintext);
  const ciphertext = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, key, padded);
  padded.fill(0);
  return concat(header(Suite.aesGcm, binding.kind, generation), iv, new Uint8Array(ciphertext));
}

/** Opens what was sealed under this key for exactly this place. */
export async function open(key: CryptoKey, binding: Binding, record: Uint8Array): Promise<Bytes> {
  const { generation, head, body } = parse(record, Suite.aesGcm, binding.kind);
  const additionalData = authenticated(binding, generation);
  return unpad(await opened(crypto.subtle.decrypt({ name: 'AES-GCM', iv: head, additionalData }, key, body)));
}

/** Seals to a public key: whoever seals cannot open it again. */
export async function sealTo(recipient: Uint8Array, generation: number, binding: Binding, plaintext: Uint8Array, fixed: Fixed = {}): Promise<Bytes> {
  const padded = pad(plaintext);
  const { enc, ciphertext } = await hpkeSeal(recipient, SEALED_INFO, authenticated(binding, generation), padded, fixed.ephemeral);
  padded.fill(0);
  return concat(header(Suite.hpke, binding.kind, generation), enc, ciphertext);
}

/** Opens what was sealed to this key for exactly this place. It does not show who sealed it. */
export async function openSealed(recipient: KeyPair, binding: Binding, record: Uint8Array): Promise<Bytes> {
  const { generation, head, body } = parse(record, Suite.hpke, binding.kind);
  return unpad(await opened(hpkeOpen(recipient, SEALED_INFO, authenticated(binding, generation), head, body)));
}

/** The kind that a record says it is of; null if it is no record. */
export function kindOf(record: Uint8Array): number | null {
  return isRecord(record) ? record[3]! : null;
}

export function generationOf(record: Uint8Array): number | null {
  return isRecord(record) ? readU32(record, 4) : null;
}

/** The last 16 bytes, which no two records share. */
export function tagOf(record: Uint8Array): Bytes {
  return new Uint8Array(record.slice(-TAG_BYTES));
}

/** What is authenticated with a record and not in it. */
export function authenticated(binding: Binding, generation: number): Bytes {
  const fields = binding.fields.map((field) => {
    const bytes = typeof field === 'string' ? utf8(field) : typeof field === 'number' ? u64(field) : field;
    return concat(u32(bytes.length), bytes);
  });
  return concat(utf8('sotto1'), Uint8Array.of(binding.kind), u32(generation), ...fields);
}

/** The length that is seen of a plaintext of this length. */
export function paddedLength(length: number): number {
  const needed = length + 4;
  const inBuckets = Math.ceil(needed / BUCKET_BYTES) * BUCKET_BYTES;
  if (inBuckets <= BUCKETS_TO_BYTES) return inBuckets;
  let power = BUCKETS_TO_BYTES;
  while (power < needed) power *= 2;
  return power;
}

function pad(plaintext: Uint8Array): Bytes {
  const padded = new Uint8Array(paddedLength(plaintext.length));
  padded.set(u32(plaintext.length));
  padded.set(plaintext, 4);
  return padded;
}

function unpad(padded: Bytes): Bytes {
  if (padded.length < 4) throw new NotARecord('too short');
  const length = readU32(padded, 0);
  if (paddedLength(length) !== padded.length) throw new NotARecord('padded otherwise');
  if (padded.subarray(4 + length).some((byte) => byte !== 0)) throw new NotARecord('padded otherwise');
  const plaintext = padded.slice(4, 4 + length);
  padded.fill(0);
  return plaintext;
}

function header(suite: number, kind: Kind, generation: number): Bytes {
  return concat(Uint8Array.of(MAGIC, VERSION, suite, kind), u32(generation));
}

function parse(record: Uint8Array, suite: number, kind: Kind): { generation: number; head: Bytes; body: Bytes } {
  const bodyAt = HEADER_BYTES + (suite === Suite.hpke ? ENCAPSULATED_BYTES : NONCE_BYTES);
  if (!isRecord(record) || record.length < bodyAt + TAG_BYTES) throw new NotARecord('not a record');
  if (record[2] !== suite || record[3] !== kind) throw new NotARecord('another kind of record');
  const copy = new Uint8Array(record);
  return { generation: readU32(record, 4), head: copy.slice(HEADER_BYTES, bodyAt), body: copy.slice(bodyAt) };
}

function isRecord(record: Uint8Array): boolean {
  return record.length >= HEADER_BYTES && record[0] === MAGIC && record[1] === VERSION;
}

async function opened(decrypting: Promise<BufferSource>): Promise<Bytes> {
  try {
    return new Uint8Array((await decrypting) as ArrayBuffer);
  } catch {
    throw new NotARecord('does not open');
  }
}
