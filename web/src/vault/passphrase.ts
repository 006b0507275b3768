/** Which passphrases are taken. */
import { type Bytes, equal, utf8 } from './bytes';
import type { PassphraseProblem } from './errors';

export const MINIMUM_CHARACTERS = 12;
export const MINIMUM_WORDS = 5;
const MINIMUM_DIFFERENT = 5;
/** Digits alone are dates and telephone numbers. */
const MINIMUM_DIGITS = 20;

/** Long enough to be taken, and among the first that are tried. Without spaces and signs, in lower case. */
const COMMON = new Set(
  `correcthorsebatterystaple thequickbrownfox thequickbrownfoxjumpsoverthelazydog tobeornottobe
  tobeornottobethatisthequestion mypassphraseissecure thisismypassphrase thisismypassword thisisapassword
  passwordpassword password123456 password1234567 password12345678 passwordsotto sottosotto1234 iloveyouforever
  iloveyousomuch letmeinletmein letmeinplease openthedoor opensesame1234 qwertyuiopasdf qwertyuiop12 qwertyuiop123
  qwertyuiop1234 qwertzuiopasdf azertyuiopqs asdfghjklqwerty qazwsxedcrfv qazwsxedcrfvtgb zaq12wsxcde3
  q1w2e3r4t5y6 1q2w3e4r5t6y 1qaz2wsx3edc 1qaz2wsx3edc4rfv zxcvbnmasdfgh administrator administrator1
  adminadminadmin welcomewelcome welcome123456 changemechangeme maytheforcebewithyou livelongandprosper
  winteriscoming onceuponatime allyourbasearebelongtous neverevergiveup nevergonnagiveyouup hellohellohello
  helloworldhello mynameisjohn itsasecretpassword supersecretpassword topsecretpassword idontknowmypassword
  iforgotmypassword lordoftherings starwarsstarwars liverpoolfc1892 manchesterunited barcelonabarcelona
  princessprincess sunshinesunshine footballfootball superman123456 basketball123 trustno1trustno1
  abcdefghijkl abcdefghijklm abcdefghijklmnopqrstuvwxyz abcd1234abcd1234 a1b2c3d4e5f6 zeroknowledge
  motdepasse1234 motdepassesecret contrasena123 passwort12345 passwort123456 schnickschnack geheimespasswort`
    .split(/\s+/)
    .filter(Boolean),
);

/** As it goes into the derivation: what looks the same is the same on every keyboard. */
export function passphraseBytes(passphrase: string): Bytes {
  return utf8(passphrase.normalize('NFKC'));
}

/** Why a passphrase is not taken; null if it is. That it is no one's sign-in password is asked of `SignInPasswords`. */
export function passphraseProblem(passphrase: string): PassphraseProblem | null {
  const normal = passphrase.normalize('NFKC');
  const words = new Set(normal.toLowerCase().split(/[\s\-_.,;]+/).filter(Boolean));
  if ([...normal].length < MINIMUM_CHARACTERS && words.size < MINIMUM_WORDS) return 'passphrase-short';
  const plain = normal.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
  const few = new Set(normal).size < MINIMUM_DIFFERENT;
  const onlyFewDigits = /^\p{N}*$/u.test(plain) && plain.length < MINIMUM_DIGITS;
  return few || onlyFewDigits || COMMON.has(plain) || isRun(plain) || isRepeated(normal.toLowerCase()) ? 'passphrase-common' : null;
}

/**
 * The passwords that were typed for signing in while this page is open, not as they are but so that one can be recognised.
 * The server has seen them: as a passphrase, one of them would protect from everybody but the server.
 */
export class SignInPasswords {
  private readonly key = crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  private readonly seen: Bytes[] = [];

  async add(password: string): Promise<void> {
    this.seen.push(await this.mark(password));
  }

  async has(passphrase: string): Promise<boolean> {
    const mark = await this.mark(passphrase);
    return this.seen.some((each) => equal(each, mark));
  }

  private async mark(password: string): Promise<Bytes> {
    return new Uint8Array(await crypto.subtle.sign('HMAC', await this.key, passphraseBytes(password)));
  }
}

/** abcdef…, 987654… */
function isRun(text: string): boolean {
  const codes = [...text].map((char) => char.codePointAt(0)!);
  const steps = new Set(codes.slice(1).map((code, i) => code - codes[i]!));
  return codes.length > 1 && steps.size === 1 && Math.abs([...steps][0]!) <= 1;
}

/** The same few characters over and over. */
function isRepeated(text: string): boolean {
  return /^(.{1,6}?)\1+.{0,5}$/su.test(text) && new Set(text).size <= 6;
}
