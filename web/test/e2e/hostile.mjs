/** Words that would like to be more than words, through the real server and back. */
import assert from 'node:assert/strict';
import { corpus, strange } from '../stories/hostile.mjs';
import { sayBack, titleOf } from './model.mjs';
import { wait } from './page.mjs';
import { enter, entries, PASSWORD, TURN_MS, who } from './people.mjs';

const PICTURE = '<img src=x onerror=alert(1)>';
const HANDLER = '<svg/onload=alert(1)>';
/** What a program may be given as one line. */
const lines = corpus.filter((text) => text.length < 200 && !/[\n\0]/.test(text));

export async function wordsStayWords(page, { model, server }) {
  const { browser } = page;
  await page.forget();
  await page.open();
  // A name like this is refused, and shown as what it is.
  await page.until(`${who} === 'Sign in'`);
  await page.click('person');
  await page.click('to-sign-up');
  await page.fill('name', PICTURE);
  await page.fill('password', PASSWORD);
  await page.click('door-go');
  await page.until(`document.querySelector('[data-testid="complaint"]').textContent`, TURN_MS);
  assert.equal(await page.run(`document.querySelectorAll('dialog img').length`), 0);
  await enter(page, 'mallory');
  model.reply = () => corpus.filter((text) => text.length < 200).join('\n\n');
  model.title = () => HANDLER;
  try {
    await page.say(corpus.filter((text) => text.length < 200).join('\n'));
    await page.settled(TURN_MS);
    await page.until(`${entries}[0] === ${JSON.stringify(HANDLER)}`, TURN_MS);
  } finally {
    Object.assign(model, { reply: sayBack, title: titleOf });
  }
  assert.deepEqual(await page.run(strange), []);
  // Titles and instructions of many conversations, and a token's label.
  await page.run(`(async () => {
    const { token } = await (await fetch('/api/v1/csrf')).json();
    const post = (path, body) => fetch('/api/v1/' + path, {
      method: 'POST', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': token }, body: JSON.stringify(body),
    }).then((reply) => { if (!reply.ok) throw new Error(path + ' ' + reply.status); });
    for (const text of ${JSON.stringify(lines)}) await post('conversations', { title: text, instructions: text });
    await post('tokens', { label: ${JSON.stringify(PICTURE)}, scopes: ['calls'] });
  })()`);
  await page.click('rename');
  await page.fill('in-place', PICTURE);
  await browser.press('Enter');
  await page.until(`document.querySelector('[data-testid="rename"]').textContent === ${JSON.stringify(PICTURE)}`);
  await page.reload();
  await page.until(`document.querySelectorAll('.formatted a').length > 0 && ${entries}.length > 20`);
  assert.deepEqual(await page.run(strange), []);
  assert.ok((await page.run(entries)).includes(lines[0]), 'the titles are shown as they are');
  await page.run(`document.querySelectorAll('#captions *').forEach((each) => each.dispatchEvent(new MouseEvent('mouseover', { bubbles: true })))`);
  await page.fill('search', 'alert');
  await page.see('match');
  assert.deepEqual(await page.run(strange), []);
  await page.fill('search', '');
  await page.click('setup');
  await page.run(`document.querySelector('#setup').open = false`);
  await page.click('person');
  await page.until(`document.querySelector('[data-testid="tokens"]')?.textContent.includes(${JSON.stringify(PICTURE)})`);
  assert.equal(await page.run(`document.querySelector('[data-testid="own-name"]').textContent`), 'mallory');
  await wait(300);
  assert.deepEqual(await page.run(strange.replaceAll("'FORM'", "'X-FORM'")), []);

  assert.deepEqual(await page.run('probe.violations'), []);
  assert.deepEqual(browser.dialogs, []);
  const elsewhere = browser.requests.filter((url) => !url.startsWith(`${server.url}/`) && !/^(data|blob|about):/.test(url));
  assert.deepEqual(elsewhere, []);
  return `${corpus.length} attempts`;
}
