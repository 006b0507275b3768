/** Keys in the browser's key store. Once there they can be used, not read: no script can copy them out. */
import { type Bytes, concat, fromHex, utf8 } from './bytes';

export const X25519 = 'X25519';
export const KEY_BYTES = 32;

/** What stands before a private X25519 key in PKCS #8, the only form in which WebCrypto takes and gives one. */
const PKCS8 = fromHex('302e020100300506032b656e04220420');

/** A key that seals and opens records. */
export function importCipher(key: Uint8Array): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', new Uint8Array(key), 'AES-GCM', false, ['encrypt', 'decrypt']);
}

export function importPublic(key: Uint8Array): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', new Uint8Array(key), X25519, false, []);
}

export function importPrivate(key: Uint8Array): Promise<CryptoKey> {
  return crypto.subtle.importKey('pkcs8', concat(PKCS8, key), X25519, false, ['deriveBits']);
}

/** A new X25519 pair as bytes, to be wrapped at once and wiped. */
export async function newPairBytes(): Promise<{ privateKey: Bytes; publicKey: Bytes }> {
  const pair = (await crypto.subtle.generateKey(X25519, true, ['deriveBits'])) as CryptoKeyPair;
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey));
  const privateKey = pkcs8.slice(PKCS8.length);
  pkcs8.fill(0);
  return { privateKey, publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)) };
}

/** HKDF-SHA256, info "sotto1/" and the label; without salt as `Key::derive` of the server. */
export async function derive(key: Uint8Array, label: string, salt = new Uint8Array(0)): Promise<Bytes> {
  const material = await crypto.subtle.importKey('raw', new Uint8Array(key), 'HKDF', false, ['deriveBits']);
  const parameters = { name: 'HKDF', hash: 'SHA-256', salt, info: utf8(`sotto1/${label}`) };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, material, KEY_BYTES * 8));
}

export async function sha256(data: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(data)));
}
