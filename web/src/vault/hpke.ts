/**
 * HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, one message a context: sealing to a
 * public key so that only the holder of the private one can open. Who sealed it is not shown.
 */
import { type Bytes, concat, utf8 } from './bytes';
import { importPrivate, importPublic, X25519 } from './keys';

/** A public key together with the private one, which cannot be copied out of the browser's key store. */
export interface KeyPair {
  publicKey: Bytes;
  privateKey: CryptoKey;
}

export const ENCAPSULATED_BYTES = 32;

const KEM = concat(utf8('KEM'), Uint8Array.of(0x00, 0x20));
const SUITE = concat(utf8('HPKE'), Uint8Array.of(0x00, 0x20, 0x00, 0x01, 0x00, 0x02));
const VERSION = utf8('HPKE-v1');
const NONE = new Uint8Array(0);

/** Gives the encapsulated key and the ciphertext. `ephemeral` is for tests with fixed values. */
export async function hpkeSeal(
  recipient: Uint8Array, info: Bytes, aad: Bytes, plaintext: Bytes, ephemeral?: KeyPair,
): Promise<{ enc: Bytes; ciphertext: Bytes }> {
  const { publicKey: enc, privateKey } = ephemeral ?? (await newEphemeral());
  const shared = await sharedSecret(privateKey, recipient, concat(enc, recipient));
  const { key, nonce } = await schedule(shared, info, 'encrypt');
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce, additionalData: aad }, key, plaintext);
  return { enc, ciphertext: new Uint8Array(sealed) };
}

/** Rejects if it was sealed to another key, or anything in it was changed. */
export async function hpkeOpen(
  recipient: KeyPair, info: Bytes, aad: Bytes, enc: Bytes, ciphertext: Bytes,
): Promise<Bytes> {
  const shared = await sharedSecret(recipient.privateKey, enc, concat(enc, recipient.publicKey));
  const { key, nonce } = await schedule(shared, info, 'decrypt');
  return new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv: nonce, additionalData: aad }, key, ciphertext));
}

/** The key encapsulation mechanism's secret; exported for the test vectors of the RFC. */
export async function sharedSecret(mine: CryptoKey, theirs: Uint8Array, context: Bytes): Promise<Bytes> {
  // A point of small order gives zeros: WebCrypto rejects it, as the RFC demands.
  const dh = await crypto.subtle.deriveBits({ name: X25519, public: await importPublic(theirs) }, mine, 256);
  const extracted = await labeledExtract(KEM, NONE, 'eae_prk', new Uint8Array(dh));
  return labeledExpand(KEM, extracted, 'shared_secret', context, 32);
}

async function schedule(
  shared: Bytes, info: Bytes, use: 'encrypt' | 'decrypt',
): Promise<{ key: CryptoKey; nonce: Bytes }> {
  const context = await contextOf(info);
  const secret = await labeledExtract(SUITE, shared, 'secret', NONE);
  const key = await labeledExpand(SUITE, secret, 'key', context, 32);
  const nonce = await labeledExpand(SUITE, secret, 'base_nonce', context, 12);
  return { key: await crypto.subtle.importKey('raw', key, 'AES-GCM', false, [use]), nonce };
}

/** The same for all that is sealed with one `info`, and everything here is. */
let lastContext: { info: Bytes; context: Promise<Bytes> } | null = null;

function contextOf(info: Bytes): Promise<Bytes> {
  if (lastContext?.info !== info) {
    const hashes = [labeledExtract(SUITE, NONE, 'psk_id_hash', NONE), labeledExtract(SUITE, NONE, 'info_hash', info)];
    lastContext = { info, context: Promise.all(hashes).then((each) => concat(Uint8Array.of(0), ...each)) };
  }
  return lastContext.context;
}

async function labeledExtract(suite: Bytes, salt: Bytes, label: string, input: Bytes): Promise<Bytes> {
  return hmac(salt.length === 0 ? new Uint8Array(32) : salt, concat(VERSION, suite, utf8(label), input));
}

/** All that is asked for here fits one block of the hash. */
async function labeledExpand(suite: Bytes, secret: Bytes, label: string, info: Bytes, length: number): Promise<Bytes> {
  const labeled = concat(Uint8Array.of(length >> 8, length & 0xff), VERSION, suite, utf8(label), info);
  return (await hmac(secret, concat(labeled, Uint8Array.of(1)))).slice(0, length);
}

async function hmac(key: Bytes, data: Bytes): Promise<Bytes> {
  const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, data));
}

async function newEphemeral(): Promise<KeyPair> {
  const pair = (await crypto.subtle.generateKey(X25519, false, ['deriveBits'])) as CryptoKeyPair;
  return { publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)), privateKey: pair.privateKey };
}

/** A private key from its bytes, for this use only. */
export async function keyPair(privateKey: Uint8Array, publicKey: Uint8Array): Promise<KeyPair> {
  return { publicKey: new Uint8Array(publicKey), privateKey: await importPrivate(privateKey) };
}
