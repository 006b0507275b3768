import { describe, expect, test } from 'vitest';
import { hex } from '../../src/vault/bytes';
import { passphraseProblem, SignInPasswords } from '../../src/vault/passphrase';
import { confirms, groupsOf, looksLikeRecoveryKey, newRecoverySecret, readRecoveryKey, writeRecoveryKey } from '../../src/vault/recovery-key';
import { refused } from './support';

describe('a passphrase', () => {
  test.each(['gravel umbrella tiptoe lantern oyster', 'Zwölf Boxkämpfer', 'x7-kQ9_vTr2m', 'am I at a pub', '一 二 三 四 五'])(
    '“%s” is taken', (good) => expect(passphraseProblem(good)).toBeNull());

  test.each(['', 'short', 'elevenchars', 'a b c d', 'one two one'])('“%s” is short', (bad) =>
    expect(passphraseProblem(bad)).toBe('passphrase-short'));

  test.each([
    'Correct Horse Battery Staple', 'passwordpassword', '123456789012', 'abcdefghijkl', 'zyxwvutsrqponm', 'aaaaaaaaaaaaaaaa',
    'abcabcabcabcabc', 'to be or not to be', 'Password123456', 'a a b b a a b b a a',
  ])('“%s” is common', (bad) => expect(passphraseProblem(bad)).toBe('passphrase-common'));

  test('that signs in is known again, however it is written', async () => {
    const passwords = new SignInPasswords();
    await passwords.add('Zwo\u0308lf Boxka\u0308mpfer');
    expect(await passwords.has('Zwölf Boxkämpfer')).toBe(true);
    expect(await passwords.has('Zwölf boxkämpfer')).toBe(false);
  });
});

describe('a recovery key', () => {
  test('is read as it was written, and as people type', async () => {
    for (let i = 0; i < 50; i++) {
      const secret = newRecoverySecret();
      const written = await writeRecoveryKey(secret);
      expect(written).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){13}[0-9A-HJKMNP-TV-Z]{4}$/);
      const typed = ` ${written.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')}\n`;
      expect(hex(await readRecoveryKey(typed))).toBe(hex(secret));
      expect(looksLikeRecoveryKey(typed)).toBe(true);
    }
  });

  test('with a slip is refused', async () => {
    const written = await writeRecoveryKey(newRecoverySecret());
    const [first, ...rest] = [...written];
    await refused(readRecoveryKey((first === 'A' ? 'B' : 'A') + rest.join('')), 'recovery-key-mistyped');
    await refused(readRecoveryKey(written.slice(0, -1)), 'recovery-key-mistyped');
    await refused(readRecoveryKey(`${written}A`), 'recovery-key-mistyped');
    await refused(readRecoveryKey(''), 'recovery-key-mistyped');
    expect(looksLikeRecoveryKey('gravel umbrella tiptoe lantern oyster')).toBe(false);
  });

  test('is confirmed by all of it, or by the groups that were asked for', async () => {
    const written = await writeRecoveryKey(newRecoverySecret());
    const groups = groupsOf(written);
    expect(confirms(written.toLowerCase(), written, [2, 5])).toBe(true);
    expect(confirms(`${groups[2]} ${groups[5]}`, written, [2, 5])).toBe(true);
    expect(confirms(`${groups[5]} ${groups[2]}`, written, [2, 5])).toBe(groups[2] === groups[5]);
    expect(confirms(groups[2]!, written, [2, 5])).toBe(false);
    expect(confirms('', written, [2, 5])).toBe(false);
  });
});
