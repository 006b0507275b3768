/** What people do before and after they talk, on the real page. */

export const who = `document.querySelector('#person-name').textContent`;
export const entries = `[...document.querySelectorAll('[data-testid="entry"] .entry-title')].map((each) => each.textContent)`;
export const PASSWORD = 'a long password';

/** Recognition, the answer and its speech, on a busy machine and in a debug build. */
export const TURN_MS = 60_000;
const HASH_MS = 30_000;

/** A visitor makes an account. */
export async function signUp(page, name) {
  await page.until(`${who} === 'Sign in'`);
  await page.click('person');
  await page.click('to-sign-up');
  await enter(page, name);
}

/** Fills in the door that is open. */
export async function enter(page, name) {
  await page.fill('name', name);
  await page.fill('password', PASSWORD);
  await page.click('door-go');
  await page.until(`${who} === ${JSON.stringify(name)} && !document.querySelector('dialog.door')`, HASH_MS);
}

export async function signOut(page) {
  await page.click('person');
  await page.click('sign-out');
  await page.until(`${who} === 'Sign in' && !document.querySelector('.settings')`);
}

/** Calls in the conversation that is open, and waits until the spoken words are answered. Gives the two turns. */
export async function spokenTurn(page, text) {
  await page.click('call');
  await page.state('listening', TURN_MS);
  const { length } = await page.run(`[...document.querySelectorAll('#captions [data-role="user"]')].map(() => 1)`);
  const user = await page.caption('user', length, 'done', TURN_MS);
  const assistant = await page.caption('assistant', length, 'done', TURN_MS);
  if (user.text !== text || assistant.text !== text) throw new Error(`heard “${user.text}”, answered “${assistant.text}”`);
  if (!(assistant.heardMs > 500 && assistant.peak > 0.01)) throw new Error(`of the reply ${assistant.heardMs} ms were heard, peak ${assistant.peak}`);
  return [`you: ${text}`, `sotto: ${text}`];
}

export async function hangUp(page) {
  await page.click('hang-up');
  await page.state('ended');
}
