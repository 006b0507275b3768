/** The recovery key: 32 random bytes, written so that a person can copy them from paper. */
import { type Bytes, concat, equal, random, utf8 } from './bytes';
import { VaultError } from './errors';
import { sha256 } from './keys';

/** Crockford's base 32: nothing in it looks like something else in it. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const SECRET_BYTES = 32;
/** Together with the secret a whole number of characters; a slip is missed once in 16 million. */
const CHECK_BYTES = 3;
const GROUP = 4;
const CHARACTERS = ((SECRET_BYTES + CHECK_BYTES) * 8) / 5;

export function newRecoverySecret(): Bytes {
  return random(SECRET_BYTES);
}

/** Fourteen groups of four characters. */
export async function writeRecoveryKey(secret: Bytes): Promise<string> {
  const bytes = concat(secret, await checksum(secret));
  let bits = 0;
  let held = 0;
  let text = '';
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >> (bits - 5)) & 31]!;
    held &= 0xff;
  }
  return groupsOf(text).join('-');
}

/** Reads what a person typed, in any case and grouping. Rejects with `recovery-key-mistyped`. */
export async function readRecoveryKey(typed: string): Promise<Bytes> {
  const bytes = decode(canonical(typed));
  const secret = bytes?.slice(0, SECRET_BYTES);
  if (!bytes || !secret || !equal(bytes.subarray(SECRET_BYTES), await checksum(secret))) {
    throw new VaultError('recovery-key-mistyped');
  }
  return secret;
}

/** Whether what was typed is meant as a recovery key rather than as a passphrase. */
export function looksLikeRecoveryKey(typed: string): boolean {
  return decode(canonical(typed)) !== null;
}

export function groupsOf(text: string): string[] {
  return canonical(text).match(new RegExp(`.{1,${GROUP}}`, 'g')) ?? [];
}

/** Whether the whole key, or the groups that were asked for, were typed as they were shown. */
export function confirms(typed: string, shown: string, asked: readonly number[]): boolean {
  const answer = canonical(typed);
  const groups = groupsOf(shown);
  return answer === canonical(shown) || answer === asked.map((index) => groups[index] ?? '').join('');
}

function canonical(typed: string): string {
  return typed.normalize('NFKC').toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
}

function decode(text: string): Bytes | null {
  if (text.length !== CHARACTERS) return null;
  const bytes: number[] = [];
  let bits = 0;
  let held = 0;
  for (const char of text) {
    const value = ALPHABET.indexOf(char);
    if (value < 0) return null;
    held = ((held << 5) | value) & 0xfff;
    bits += 5;
    if (bits >= 8) bytes.push((held >> (bits -= 8)) & 0xff);
  }
  return Uint8Array.from(bytes);
}

async function checksum(secret: Bytes): Promise<Bytes> {
  return (await sha256(concat(utf8('sotto1/recovery-check'), secret))).slice(0, CHECK_BYTES);
}
