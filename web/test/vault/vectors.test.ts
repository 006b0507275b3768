import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { describe, expect, test } from 'vitest';
import { base64, equal, fromBase64, fromHex, hex, utf8 } from '../../src/vault/bytes';
import { hpkeOpen, hpkeSeal, keyPair } from '../../src/vault/hpke';
import { newPairBytes } from '../../src/vault/keys';
import vectors from '../../../tests/vectors/vault.json';
import { checkVectors, type Vectors } from './vectors';

test('the vectors that the server made hold', async () => {
  const { checked, failed } = await checkVectors(vectors as unknown as Vectors);
  expect(failed).toEqual([]);
  expect(checked).toBeGreaterThan(100);
});

describe('another implementation of HPKE', () => {
  const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
  const [info, aad, words] = [utf8('sotto1/sealed'), utf8('aad'), utf8('what was said')];

  test('opens what this one seals', async () => {
    const pair = await newPairBytes();
    const { enc, ciphertext } = await hpkeSeal(pair.publicKey, info, aad, words);
    const recipientKey = await suite.kem.importKey('raw', pair.privateKey.buffer, false);
    const opened = await suite.open({ recipientKey, enc: enc.buffer, info: info.buffer }, ciphertext.buffer, aad.buffer);
    expect(equal(new Uint8Array(opened), words)).toBe(true);
  });

  test('seals what this one opens', async () => {
    const pair = await newPairBytes();
    const recipientPublicKey = await suite.kem.importKey('raw', pair.publicKey.buffer, true);
    const { enc, ct } = await suite.seal({ recipientPublicKey, info: info.buffer }, words.buffer, aad.buffer);
    const mine = await keyPair(pair.privateKey, pair.publicKey);
    expect(equal(await hpkeOpen(mine, info, aad, new Uint8Array(enc), new Uint8Array(ct)), words)).toBe(true);
  });
});

test('bytes are written and read back', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  expect(fromBase64(base64(bytes))).toEqual(bytes);
  expect(fromBase64(base64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''))).toEqual(bytes);
  expect(fromHex(hex(bytes))).toEqual(bytes);
  expect(() => fromBase64('no base 64!')).toThrow();
  expect(() => fromHex('abc')).toThrow();
});
