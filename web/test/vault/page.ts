/** The page of test/vault.mjs: the vault as the real page has it, within reach of the stories. */
import '../../src/style/base.css';
import '../../src/style/dialog.css';
import '../../src/style/forms.css';
import '../../src/style/head.css';
import '../../src/style/settings.css';
import { Api } from '../../src/api';
import { argon2 } from '../../src/vault/argon2';
import { random, utf8 } from '../../src/vault/bytes';
import { COST } from '../../src/vault/kdf';
import { PrivateVault } from '../../src/vault/seam';
import { checkVectors } from './vectors';

const api = new Api();
const vault = new PrivateVault({ send: (path, init) => api.send(path, init), person: () => 'person_story', busy: () => false });
const changes: boolean[] = [];
vault.onChange(() => changes.push(vault.isUnlocked()));

/** How long one derivation takes at full cost, in milliseconds. */
async function argon2Ms(): Promise<number> {
  const started = performance.now();
  await argon2({ password: utf8('gravel umbrella tiptoe lantern oyster'), salt: random(16), ...COST });
  return performance.now() - started;
}

/** The longest time for which the page's thread did not answer while a derivation ran. */
async function argon2StallMs(): Promise<number> {
  let [longest, last] = [0, performance.now()];
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  await argon2Ms();
  clearInterval(timer);
  return longest;
}

Object.assign(window, { api, vault, changes, checkVectors, argon2Ms, argon2StallMs });
void vault.settings(document.querySelector('#settings')!).then(() => (document.body.dataset.hearing = 'ready'));
