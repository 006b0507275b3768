/** Private conversations on the real server: only this browser opens them. */
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { titleOf } from './model.mjs';
import { looks, wait } from './page.mjs';
import { entries, hangUp, signUp, spokenTurn, TURN_MS } from './people.mjs';

const PASSPHRASE = 'gravel umbrella tiptoe lantern oyster';
const TYPED = 'Keep the cormorant between us.';
/** Argon2id over 64 MiB, in a browser that shares its processor. */
const DERIVE_MS = 60_000;
const groupsShown = `[...document.querySelectorAll('[data-testid="recovery-key"] code')].map((each) => each.textContent)`;

export async function privately(page, { text, server }) {
  await page.forget();
  await page.open();
  await signUp(page, 'emmy');
  await page.click('tier-private');
  const groups = await setUp(page);
  await page.say(TYPED);
  await page.settled(TURN_MS);
  const turns = [`you: ${TYPED}`, `sotto: ${TYPED}`, ...(await spokenTurn(page, text))];
  await page.settled(TURN_MS);
  await page.picture('private-desk-dark', looks['desk-dark']);
  await page.browser.resize(looks['desk-light']);
  await hangUp(page);
  await page.shownTurns(turns);

  await page.reload();
  await page.see('unlock');
  assert.deepEqual(await page.turns(), []);
  await nothingReadable(server, [TYPED, text, 'cormorant', PASSPHRASE, titleOf(TYPED), groups[0] + groups[1]]);

  await page.click('unlock');
  await answer(page, { passphrase: 'not the passphrase at all' });
  await page.until(`/does not open/.test(document.querySelector('[data-testid="private-complaint"]')?.textContent)`, DERIVE_MS);
  await answer(page, { passphrase: PASSPHRASE });
  await closed(page);
  await page.shownTurns(turns, TURN_MS);
  assert.equal(await page.run(`document.querySelector('[data-testid="damage"]')?.textContent ?? ''`), '');
  await adopted(page, turns.length);
  await page.click('person');
  await page.click('private-lock');
  await page.see('private-unlock');
  await page.click('settings-close');
  await page.see('unlock');
  assert.deepEqual(await page.turns(), []);
  await page.click('unlock');
  await page.click('use-recovery');
  await answer(page, { 'recovery-key-typed': groups.join(' ').toLowerCase() });
  await step(page, 'fresh-passphrase');
  await answer(page, { 'new-passphrase': `${PASSPHRASE} again`, 'same-passphrase': `${PASSPHRASE} again` });
  await closed(page);
  await page.shownTurns(turns, TURN_MS);
  await nothingReadable(server, [TYPED, text, 'cormorant', PASSPHRASE, titleOf(TYPED), groups[0] + groups[1]]);
  // The call went on in a conversation that had its name.
  await page.until(`${entries}[0] === ${JSON.stringify(titleOf(TYPED))}`);
  return `${turns.length} turns, in this browser only`;
}

/** Passphrase and recovery key; gives the groups of the latter. */
async function setUp(page) {
  await step(page, 'set-up');
  await page.click('private-go');
  await step(page, 'passphrase');
  await answer(page, { 'new-passphrase': PASSPHRASE, 'same-passphrase': PASSPHRASE });
  await step(page, 'recovery');
  const groups = await page.run(groupsShown);
  assert.equal(groups.length, 14);
  await page.click('private-go');
  await step(page, 'recovery-check');
  const [, ...asked] = /Groups (\d+) and (\d+)/.exec(await page.run(`document.querySelector('dialog.private').textContent`));
  await answer(page, { 'recovery-check': asked.map((group) => groups[group - 1]).join(' ') });
  await closed(page);
  return groups;
}

/** Everything that waited under the server's seal is sealed anew by this browser. */
async function adopted(page, count) {
  const kinds = `fetch('/api/v1' + location.pathname.replace('/c/', '/conversations/'))
    .then((reply) => reply.json()).then(({ items }) => items.map(({ record }) => atob(record).charCodeAt(3)).join())`;
  const wanted = Array(count).fill(1).join();
  for (let i = 0; i < 100; i++) {
    if ((await page.run(kinds)) === wanted) return;
    await wait(100);
  }
  assert.equal(await page.run(kinds), wanted, 'the kinds of the stored records');
}

/** What the server has written anywhere holds none of these words, in no encoding that a program would use. */
async function nothingReadable(server, words) {
  const files = await readdir(server.folder, { recursive: true, withFileTypes: true });
  const paths = files.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  assert.ok(paths.some((path) => path.endsWith('sotto.db')), `the database is not among ${paths}`);
  const contents = [...(await Promise.all(paths.map(async (path) => [path, await readFile(path)]))), ['log', Buffer.from(server.log())]];
  for (const [path, bytes] of contents) {
    for (const word of words) {
      for (const encoding of ['utf8', 'utf16le']) {
        assert.equal(bytes.indexOf(Buffer.from(word, encoding)), -1, `${path} holds the words “${word}”`);
      }
    }
  }
}

function step(page, name) {
  return page.until(`document.querySelector('dialog.private[open] form[data-step="${name}"]:not([aria-busy])')`, DERIVE_MS);
}

function closed(page) {
  return page.until(`!document.querySelector('dialog.private')`, DERIVE_MS);
}

/** Fills the fields of the step that is shown and goes on. */
async function answer(page, fields) {
  for (const [name, text] of Object.entries(fields)) await page.fill(name, text);
  await page.click('private-go');
}
