/** The test vectors that server and browser share, checked the same way in Node and in a real browser. */
import { base64, equal, fromBase64, fromHex, hex, utf8 } from '../../src/vault/bytes';
import { Head } from '../../src/vault/chain';
import { hpkeOpen, hpkeSeal, keyPair, sharedSecret } from '../../src/vault/hpke';
import { derive, importCipher, importPrivate } from '../../src/vault/keys';
import { authenticated, type Binding, Kind, kindOf, generationOf, open, openSealed, paddedLength, seal, sealTo } from '../../src/vault/record';

interface Place {
  type: string;
  [field: string]: string | number;
}

interface Vector {
  name: string;
  suite: number;
  kind: number;
  generation: number;
  key_hex: string;
  nonce_hex: string;
  identity_private_hex?: string;
  identity_public_hex: string;
  ephemeral_private_hex: string;
  enc_hex: string;
  place: Place;
  aad_hex: string;
  plaintext_hex: string;
  padded_length: number;
  tag_hex: string;
  record_base64: string;
}

export interface Vectors {
  padding: { plaintext_length: number; padded_length: number }[];
  derived: { key_hex: string; label: string; derived_hex: string }[];
  records: Vector[];
  sealed: Vector[];
  hpke_rfc9180: {
    info_text: string;
    sk_r_hex: string;
    pk_r_hex: string;
    enc_hex: string;
    shared_secret_hex: string;
    plaintext_text: string;
    messages: { sequence: number; aad_text: string; ciphertext_hex: string }[];
  };
  chain: { links: { seq: number; digest_hex: string; record_base64: string }[] };
  refused: Vector[];
}

const FIELDS: Record<string, { kind: Binding['kind']; fields: string[] }> = {
  message: { kind: Kind.message, fields: ['conversation', 'item', 'seq', 'role'] },
  sealed_message: { kind: Kind.sealed, fields: ['conversation', 'item', 'seq', 'role'] },
  sealed_title: { kind: Kind.sealed, fields: ['conversation', '=title'] },
  meta: { kind: Kind.meta, fields: ['conversation'] },
  conversation_key: { kind: Kind.conversationKey, fields: ['owner', 'conversation', 'tier'] },
  user_key: { kind: Kind.userKey, fields: ['person', 'kid'] },
  slot: { kind: Kind.slot, fields: ['person', 'slot', 'kind', 'params'] },
  settings: { kind: Kind.settings, fields: ['person'] },
};

/** Gives how many vectors hold and which do not. */
export async function checkVectors(vectors: Vectors): Promise<{ checked: number; failed: string[] }> {
  const failed: string[] = [];
  let checked = 0;
  const check = async (name: string, holds: () => Promise<boolean> | boolean) => {
    checked++;
    const held = await Promise.resolve().then(holds).catch((error: unknown) => {
      failed.push(`${name}: ${error}`);
      return true;
    });
    if (!held) failed.push(name);
  };

  for (const { plaintext_length, padded_length } of vectors.padding) {
    await check(`padding of ${plaintext_length}`, () => paddedLength(plaintext_length) === padded_length);
  }
  for (const { key_hex, label, derived_hex } of vectors.derived) {
    await check(`derived: ${label}`, async () => hex(await derive(fromHex(key_hex), label)) === derived_hex);
  }
  for (const vector of vectors.records) {
    const key = await importCipher(fromHex(vector.key_hex));
    const record = fromBase64(vector.record_base64);
    const plaintext = fromHex(vector.plaintext_hex);
    await check(`${vector.name}: what is authenticated`, () => hex(authenticated(binding(vector.place), vector.generation)) === vector.aad_hex);
    await check(`${vector.name}: opens`, async () => equal(await open(key, binding(vector.place), record), plaintext));
    await check(`${vector.name}: header`, () => kindOf(record) === vector.kind && generationOf(record) === vector.generation);
    await check(`${vector.name}: seals`, async () => {
      const sealed = await seal(key, vector.generation, binding(vector.place), plaintext, { nonce: fromHex(vector.nonce_hex) });
      return base64(sealed) === vector.record_base64;
    });
  }
  for (const vector of vectors.sealed) {
    const identity = await keyPair(fromHex(vector.identity_private_hex!), fromHex(vector.identity_public_hex));
    const plaintext = fromHex(vector.plaintext_hex);
    await check(`${vector.name}: opens`, async () =>
      equal(await openSealed(identity, binding(vector.place), fromBase64(vector.record_base64)), plaintext));
    await check(`${vector.name}: seals`, async () => {
      const ephemeral = await keyPair(fromHex(vector.ephemeral_private_hex), fromHex(vector.enc_hex));
      const sealed = await sealTo(fromHex(vector.identity_public_hex), vector.generation, binding(vector.place), plaintext, { ephemeral });
      return base64(sealed) === vector.record_base64;
    });
    await check(`${vector.name}: what is sealed anew opens`, async () => {
      const sealed = await sealTo(identity.publicKey, 1, binding(vector.place), plaintext);
      return equal(await openSealed(identity, binding(vector.place), sealed), plaintext);
    });
  }
  await checkRfc(vectors.hpke_rfc9180, check);
  let head = Head.EMPTY;
  for (const { seq, digest_hex, record_base64 } of vectors.chain.links) {
    head = await head.push(seq, fromBase64(record_base64));
    await check(`chain after ${seq}`, () => head.fields().digest === digest_hex);
  }
  for (const vector of vectors.refused) {
    await check(`refused: ${vector.name}`, async () => !(await opens(vector, vectors)));
  }
  return { checked, failed };
}

async function checkRfc(rfc: Vectors['hpke_rfc9180'], check: (name: string, holds: () => Promise<boolean>) => Promise<void>): Promise<void> {
  const recipient = await keyPair(fromHex(rfc.sk_r_hex), fromHex(rfc.pk_r_hex));
  const enc = fromHex(rfc.enc_hex);
  await check('RFC 9180: shared secret', async () => {
    const context = Uint8Array.from([...enc, ...recipient.publicKey]);
    return hex(await sharedSecret(await importPrivate(fromHex(rfc.sk_r_hex)), enc, context)) === rfc.shared_secret_hex;
  });
  const [first] = rfc.messages;
  await check('RFC 9180: first message', async () =>
    equal(await hpkeOpen(recipient, utf8(rfc.info_text), utf8(first!.aad_text), enc, fromHex(first!.ciphertext_hex)), utf8(rfc.plaintext_text)));
  await check('RFC 9180: there and back', async () => {
    const sealed = await hpkeSeal(recipient.publicKey, utf8('i'), utf8('a'), utf8('words'));
    return equal(await hpkeOpen(recipient, utf8('i'), utf8('a'), sealed.enc, sealed.ciphertext), utf8('words'));
  });
}

async function opens({ place, record_base64, key_hex, identity_private_hex }: Vector, { sealed }: Vectors): Promise<boolean> {
  const record = fromBase64(record_base64);
  const opening = identity_private_hex
    ? openSealed(await keyPair(fromHex(identity_private_hex), publicOf(identity_private_hex, sealed)), binding(place), record)
    : open(await importCipher(fromHex(key_hex)), binding(place), record);
  return opening.then(() => true, () => false);
}

/** A vector of something refused does not repeat the public key; another identity's is of no importance. */
function publicOf(privateHex: string, sealed: Vector[]) {
  return fromHex(sealed.find((each) => each.identity_private_hex === privateHex)?.identity_public_hex ?? sealed[0]!.identity_public_hex);
}

function binding(place: Place): Binding {
  const known = FIELDS[place.type];
  if (!known) throw new Error(`no such place: ${place.type}`);
  return {
    kind: known.kind,
    fields: known.fields.map((field) => {
      if (field.startsWith('=')) return field.slice(1);
      const value = place[field];
      if (value === undefined) throw new Error(`${place.type} has no ${field}`);
      return field === 'params' ? fromHex(String(value)) : value;
    }),
  };
}
