/**
 * Private conversations in a real Chromium, under the server's content security policy, against a server that stores what
 * it is given (vault/stub.mjs).
 *
 *   node test/vault.mjs [--pictures FOLDER] [part of a story's name]
 *
 * Not part of `npm test`: it needs a Chromium (`$CHROMIUM`, else /usr/bin/chromium).
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'vite';
import { tell } from './stories/run.mjs';
import { startTab } from './stories/tab.mjs';
import { startStub } from './vault/stub.mjs';

const PASSPHRASE = 'gravel umbrella tiptoe lantern oyster';
const NEXT = 'another five words entirely different';
const MANY = 100;

const { values, positionals } = parseArgs({ options: { pictures: { type: 'string' } }, allowPositionals: true });
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = await mkdtemp(join(tmpdir(), 'sotto-vault-'));
await build({
  root: here('vault'), configFile: false, logLevel: 'error',
  build: { outDir: folder, target: 'es2022', assetsInlineLimit: 0, modulePreload: false, rollupOptions: { input: here('vault/page.html') } },
});
const axe = await readFile(here('../node_modules/axe-core/axe.min.js'), 'utf8').catch(() => null);
const server = await startStub(folder);
const browser = await startTab(server.address, values.pictures);
let well = false;

const stories = {
  'the server’s vectors hold in this browser': async (tab) => {
    const file = here('../../tests/vectors/vault.json');
    if (!existsSync(file)) return 'SKIPPED: there are none';
    const { checked, failed } = await tab.run(`checkVectors(${await readFile(file, 'utf8')})`);
    assert.deepEqual(failed, []);
    return `${checked} checked`;
  },

  'the policy holds: a script from nowhere does not start': async (tab) => {
    const refused = (expression) => tab.run(`(() => { try { ${expression}; return 'done' } catch (error) { return error.name } })()`);
    assert.equal(await refused(`new Worker('/argon2.js')`), 'TypeError');
    assert.equal(await refused(`document.body.innerHTML = '<b>'`), 'TypeError');
    assert.equal(await refused(`trustedTypes.createPolicy('other', {})`), 'TypeError');
    await tab.run('window.violations.length = 0');
  },

  'from setting up to a changed passphrase': async (tab) => {
    const { world } = server;
    Object.assign(world, { vault: { identity: null, slots: [] }, conversations: new Map(), bodies: [] });
    await tab.open();

    await tab.run(`vault.signedInWith('my sign-in password')`);
    await tab.click('private-unlock');
    await step(tab, 'set-up');
    assert.match(await tab.text('private'), /zero-knowledge storage/);
    assert.doesNotMatch(await tab.text('private'), /end-to-end/i);
    await tab.click('private-go');
    await step(tab, 'passphrase');
    await answer(tab, { 'new-passphrase': 'my sign-in password', 'same-passphrase': 'my sign-in password' });
    await complaint(tab, /must be another one/);
    await answer(tab, { 'new-passphrase': PASSPHRASE, 'same-passphrase': `${PASSPHRASE}!` });
    await complaint(tab, /not the same/);
    await answer(tab, { 'new-passphrase': PASSPHRASE, 'same-passphrase': PASSPHRASE });
    await step(tab, 'recovery');
    const groups = await tab.run(`[...document.querySelectorAll('[data-testid="recovery-key"] code')].map((each) => each.textContent)`);
    assert.equal(groups.length, 14);
    await tab.click('private-go');
    await step(tab, 'recovery-check');
    assert.equal(world.vault.identity, null, 'stored before it was confirmed');
    await answer(tab, { 'recovery-check': 'AAAA AAAA' });
    await complaint(tab, /Look again/);
    const asked = (await tab.text('private')).match(/Groups (\d+) and (\d+)/).slice(1);
    await answer(tab, { 'recovery-check': asked.map((group) => groups[group - 1]).join(' ').toLowerCase() });
    await closed(tab);
    assert.equal(await tab.run('vault.isUnlocked()'), true);

    const id = await tab.run(`vault.newConversation({ title: 'Tides' }).then((body) =>
      api.newConversation(body)).then((summary) => summary.id)`);
    await server.says(id, 'user', 'When is low water?');
    await server.says(id, 'assistant', 'At six.');
    assert.deepEqual(await read(tab, id), { title: 'Tides', said: ['When is low water? (unconfirmed)', 'At six. (unconfirmed)'], damage: [] });
    assert.deepEqual(await read(tab, id), { title: 'Tides', said: ['When is low water?', 'At six.'], damage: [] });
    const kinds = world.conversations.get(id).items.map(({ record }) => Buffer.from(record, 'base64')[3]);
    assert.deepEqual(kinds, [1, 1]);

    await tab.click('private-lock');
    assert.equal(await tab.run(`vault.isUnlocked()`), false);
    assert.match(await tab.run(`vault.search('water').then(String)`), /^$/);
    await tab.click('private-unlock');
    await step(tab, 'unlock');
    await answer(tab, { passphrase: 'not the passphrase' });
    await complaint(tab, /does not open/);
    await answer(tab, { passphrase: PASSPHRASE });
    await closed(tab);
    assert.deepEqual((await read(tab, id)).said, ['When is low water?', 'At six.']);
    assert.equal(await tab.run(`vault.search('LOW').then((found) => found[0].snippet)`), 'When is low water?');

    await tab.reload();
    assert.equal(await tab.run('vault.isUnlocked()'), false, 'open after the page was loaded anew');
    await tab.click('private-unlock');
    await tab.click('use-recovery');
    await step(tab, 'recover');
    await answer(tab, { 'recovery-key-typed': groups.join('').replace(/.$/, 'U') });
    await complaint(tab, /not a recovery key/);
    await answer(tab, { 'recovery-key-typed': groups.join(' ').toLowerCase() });
    await step(tab, 'fresh-passphrase');
    await answer(tab, { 'new-passphrase': NEXT, 'same-passphrase': NEXT });
    await closed(tab);
    assert.deepEqual((await read(tab, id)).said, ['When is low water?', 'At six.']);

    await tab.click('private-passphrase');
    await step(tab, 'change-passphrase');
    await answer(tab, { passphrase: PASSPHRASE, 'new-passphrase': `${PASSPHRASE} two`, 'same-passphrase': `${PASSPHRASE} two` });
    await complaint(tab, /does not open/);
    await answer(tab, { passphrase: NEXT, 'new-passphrase': `${PASSPHRASE} two`, 'same-passphrase': `${PASSPHRASE} two` });
    await closed(tab);
    await tab.click('private-show');
    await answer(tab, { passphrase: `${PASSPHRASE} two` });
    await step(tab, 'shown-recovery');
    assert.deepEqual(await tab.run(`[...document.querySelectorAll('[data-testid="recovery-key"] code')].map((each) => each.textContent)`), groups);
    await tab.press('Escape');
    await closed(tab);

    await tab.click('private-lock');
    await tab.click('private-unlock');
    await answer(tab, { passphrase: PASSPHRASE });
    await complaint(tab, /does not open/);
    await answer(tab, { passphrase: `${PASSPHRASE} two` });
    await closed(tab);

    const all = world.bodies.join('\n') + JSON.stringify(world.vault);
    for (const secret of [PASSPHRASE, NEXT, 'low water', 'Tides', groups.join(''), groups.join('-'), groups[0]]) {
      assert.ok(!all.includes(secret), `the server was given: ${secret}`);
    }
    return `${world.bodies.length} requests, none with a secret`;
  },

  'a server that lies is told of by name': async (tab) => {
    const { world } = server;
    const honest = structuredClone(world.vault);
    const passphrase = `${PASSPHRASE} two`;
    const lie = async (change, words) => {
      world.vault = structuredClone(honest);
      change(world.vault, world.vault.slots.find(({ kind }) => kind === 'passphrase'));
      await tab.open();
      await tab.click('private-unlock');
      await answer(tab, { passphrase });
      await complaint(tab, words);
      assert.equal(await tab.run('vault.isUnlocked()'), false);
    };
    const other = randomKey();
    await lie((_, slot) => (slot.kdf.m_kib = 1024), /protect your passphrase less/);
    await tab.picture('refused', ['desk-light', 'phone-dark']);
    await lie((_, slot) => (slot.public = other), /changed by somebody else/);
    await lie((vault) => (vault.identity.public = other), /is not yours/);
    world.vault = honest;
  },

  'pictures and accessibility of every step': async (tab) => {
    const { world } = server;
    const seenBefore = await tab.run(`localStorage.getItem('sotto.slots')`);
    await tab.run('localStorage.clear()');
    const kept = world.vault;
    world.vault = { identity: null, slots: [] };
    await tab.open();
    await tab.click('private-unlock');
    const seen = async (name) => {
      await step(tab, name);
      await tab.picture(`private-${name}`);
      await accessible(tab, name);
    };
    await seen('set-up');
    await tab.click('private-go');
    await seen('passphrase');
    await answer(tab, { 'new-passphrase': PASSPHRASE, 'same-passphrase': PASSPHRASE });
    await seen('recovery');
    await tab.click('private-go');
    await seen('recovery-check');
    await tab.click('private-cancel');
    await closed(tab);
    assert.equal(world.vault.identity, null);
    world.vault = kept;
    await tab.run(`localStorage.setItem('sotto.slots', ${JSON.stringify(seenBefore)})`);
    await tab.open();
    await tab.click('private-unlock');
    await seen('unlock');
    await tab.click('use-recovery');
    await seen('recover');
    await tab.click('private-cancel');
    await closed(tab);
    await tab.click('private-unlock');
    await answer(tab, { passphrase: `${PASSPHRASE} two` });
    await closed(tab);
    await accessible(tab, 'settings');
    await tab.picture('private-settings');
    await tab.click('private-passphrase');
    await seen('change-passphrase');
    return axe ? '' : 'SKIPPED: axe-core is not installed';
  },

  [`figures: a derivation, and ${MANY} items taken over`]: async (tab) => {
    await tab.click('private-unlock');
    await answer(tab, { passphrase: `${PASSPHRASE} two` });
    await closed(tab);
    const times = [];
    for (let i = 0; i < 5; i++) times.push(await tab.run('argon2Ms()'));
    // The least of three: a machine with other work to do makes every page stand still now and then.
    let stall = Infinity;
    for (let i = 0; i < 3; i++) stall = Math.min(stall, await tab.run('argon2StallMs()'));
    const id = await tab.run(`vault.newConversation({ title: 'Long' }).then((body) => api.newConversation(body)).then((summary) => summary.id)`);
    for (let i = 0; i < MANY; i++) await server.says(id, i % 2 ? 'assistant' : 'user', `This is turn ${i}, about as long as what people say in one breath.`);
    const ms = await tab.run(`(async () => {
      const { conversation, items } = await api.conversation('${id}', 1000);
      const started = performance.now();
      const damage = await vault.adopt(conversation, items);
      if (damage.length > 0) throw new Error(JSON.stringify(damage));
      return performance.now() - started;
    })()`);
    const again = await tab.run(`(async () => {
      const { conversation, items } = await api.conversation('${id}', 1000);
      const started = performance.now();
      await Promise.all(items.map((item) => vault.openItem(conversation, item)));
      return performance.now() - started;
    })()`);
    times.sort((a, b) => a - b);
    // On the page's own thread it would stand still for all of it.
    assert.ok(stall < times[0] / 2, `the page stood still for ${stall} ms`);
    return `Argon2id 64 MiB t=3 ${times[0].toFixed(0)} to ${times.at(-1).toFixed(0)} ms (median ${times[2].toFixed(0)}), the page stood still for ${stall.toFixed(0)} ms; ${MANY} items taken over in ${ms.toFixed(0)} ms, opened in ${again.toFixed(0)} ms`;
  },
};

try {
  const { tab } = browser;
  well = await tell(stories, positionals, tab, () => tab.open());
} finally {
  await browser.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
}
process.exit(well ? 0 : 1);

function step(tab, name) {
  return tab.until(`document.querySelector('dialog.private[open] form[data-step="${name}"]:not([aria-busy])')`, 15_000);
}

function closed(tab) {
  return tab.until(`!document.querySelector('dialog.private')`, 15_000);
}

/** Fills the fields of the step that is shown and goes on. */
async function answer(tab, fields) {
  for (const [name, text] of Object.entries(fields)) await tab.fill(name, text);
  await tab.click('private-go');
}

async function complaint(tab, words) {
  await tab.until(`document.querySelector('[data-testid="private-complaint"]')?.textContent`, 15_000);
  assert.match(await tab.text('private-complaint'), words);
}

/** What a person reads of a conversation; then it is taken over. */
function read(tab, id) {
  return tab.run(`(async () => {
    const { conversation, items } = await api.conversation('${id}', 1000);
    const { title } = await vault.openSummary(conversation);
    const opened = await Promise.all(items.map((item) => vault.openItem(conversation, item)));
    const damage = await vault.adopt(conversation, items);
    return { title, said: opened.map(({ text, unconfirmed }) => text + (unconfirmed ? ' (unconfirmed)' : '')), damage };
  })()`);
}

async function accessible(tab, name) {
  if (!axe) return;
  await tab.run(`if (!window.axe) { ${axe} }`);
  const { violations } = await tab.run(`axe.run(document).then(({ violations }) => ({ violations: violations.map(({ id, nodes }) => id + ' ' + nodes[0].html) }))`);
  assert.deepEqual(violations, [], name);
}

function randomKey() {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64');
}
