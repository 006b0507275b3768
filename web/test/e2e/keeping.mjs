/** Conversations that are kept, and those that are not: from the first visit to the deletion, against the real server. */
import assert from 'node:assert/strict';
import { sayBack, titleOf } from './model.mjs';
import { looks } from './page.mjs';
import { enter, entries, hangUp, signOut, signUp, spokenTurn, TURN_MS, who } from './people.mjs';

const title = `document.querySelector('[data-testid="rename"]')?.textContent`;
const TYPED = 'And can you read me?';
const LATER = 'Marmalade is in the cellar.';
const LONG = 'Once upon a time there was a king who had three daughters. All of them could sing, and they sang every evening. ' +
  'One day a stranger came to the castle, and he asked for the youngest of them.';

/** Sign up, talk, type into the call, hang up, come back, type, find, rename, delete. */
export async function fromCallToDeletion(page, { text, model }) {
  await page.forget();
  await page.open();
  await signUp(page, 'ada');
  const spoken = await spokenTurn(page, text);
  // What is typed into a call is answered aloud.
  await page.say(TYPED);
  const aloud = await page.caption('assistant', 1, 'done', TURN_MS);
  assert.equal(aloud.text, TYPED);
  assert.ok(aloud.heardMs > 300 && aloud.peak > 0.01, `of the answer ${aloud.heardMs} ms were heard, peak ${aloud.peak}`);
  await page.settled();
  await page.picture('in-call-desk-light', looks['desk-light']);
  await hangUp(page);

  const turns = [...spoken, `you: ${TYPED}`, `sotto: ${TYPED}`];
  await page.settled();
  await page.shownTurns(turns);
  const path = await page.run('location.pathname');
  assert.match(path, /^\/c\/conv_[0-9a-f]{32}$/);
  await page.reload();
  await page.shownTurns(turns);
  // How the spoken turn went is kept, too.
  await page.click('why');
  await page.see('glass');
  await page.click('why');

  await page.say(LATER);
  await page.settled(TURN_MS);
  turns.push(`you: ${LATER}`, `sotto: ${LATER}`);
  await page.shownTurns(turns);
  assert.deepEqual(model.asked.at(-1).slice(-5).map(({ content }) => content), [text, text, TYPED, TYPED, LATER], 'what the model was told');
  await page.until(`${entries}[0] === ${JSON.stringify(titleOf(text))}`, TURN_MS);
  await page.picture('kept-small-light', looks['small-light']);
  await page.browser.resize(looks['desk-light']);

  await page.fill('search', 'marmalade');
  await page.see('match');
  await page.run(`document.querySelector('[data-testid="match"] a').click()`);
  await page.until(`document.querySelector('.turn.found')?.textContent.includes('Marmalade')`);
  await page.fill('search', '');
  await page.until(`${entries}.length === 1`);

  await page.click('rename');
  await page.fill('in-place', 'The cellar');
  await page.browser.press('Enter');
  await page.until(`${title} === 'The cellar' && ${entries}[0] === 'The cellar'`);
  await page.reload();
  await page.until(`${title} === 'The cellar' && ${entries}[0] === 'The cellar'`);
  await page.shownTurns(turns);

  await page.run(`document.querySelector('[data-testid="entry"] button').click()`);
  await page.click('menu-delete');
  await page.click('confirm-yes');
  await page.until(`${entries}.length === 0 && location.pathname === '/'`);
  await page.open(path.slice(1));
  await page.see('gone');
  assert.deepEqual(await page.turns(), []);
  return `${turns.length} turns kept, then gone`;
}

/** A guest talks, makes an account, goes and comes back. */
export async function guestBecomesSomebody(page, { text }) {
  await page.forget();
  await page.open();
  const turns = await spokenTurn(page, text);
  await page.until(`${who} === 'Guest'`);
  await page.settled();
  await hangUp(page);
  await page.click('keep');
  await enter(page, 'grace');
  await page.shownTurns(turns);
  const path = await page.run('location.pathname');

  await signOut(page);
  await page.until(`${entries}.length === 0`);
  assert.deepEqual(await page.turns(), []);
  await page.click('person');
  await enter(page, 'grace');
  await page.until(`${entries}.length === 1`);
  await page.run(`document.querySelector('[data-testid="entry"] a').click()`);
  await page.shownTurns(turns);
  assert.equal(await page.run('location.pathname'), path);
  await page.reload();
  await page.shownTurns(turns);
  return 'the same conversation before and after';
}

/** An ephemeral conversation ends with its call. */
export async function ephemeral(page, { text }) {
  await page.forget();
  await page.open();
  await page.click('tier-ephemeral');
  const turns = await spokenTurn(page, text);
  const path = await page.run('location.pathname');
  await page.picture('ephemeral-small-dark', looks['small-dark']);
  await page.browser.resize(looks['desk-light']);
  await hangUp(page);
  await page.see('over');
  await page.shownTurns(turns);
  await page.reload();
  await page.see('gone');
  await page.until(`${entries}.length === 0`);
  assert.deepEqual(await page.turns(), []);
  await page.open(path.slice(1));
  await page.see('gone');
  return 'gone';
}

/** A page that is reloaded in the middle of an answer goes on where it stopped, if one wants that. */
export async function reloaded(page, { text, model }) {
  await page.forget();
  model.reply = () => LONG;
  try {
    await page.open();
    await page.call();
    await page.state('speaking', TURN_MS);
    await page.until(`Number(document.querySelector('[data-role="assistant"]')?.dataset.heardMs) > 800`, TURN_MS);
    await page.reload();
    await page.see('interrupted');
    await page.pictures('offered');
    await page.click('go-on');
    await page.state('listening');
    // The microphone begins to speak again: the rest comes before that is answered.
    await page.click('hear-rest');
    await page.state('speaking', TURN_MS);
    const [offered, rest] = await page.run(`['interrupted', 'hear-rest'].map((id) => !document.getElementById(id).hidden)`);
    assert.deepEqual([offered, rest], [false, false]);
    await page.until(`document.querySelectorAll('#captions [data-role="assistant"]').length > 1`, TURN_MS);
    const said = await page.turns();
    assert.equal(said[0], `you: ${text}`);
    assert.ok(LONG.startsWith(said[1].replace(/^sotto: /, '').replace(/…$/, '')), said[1]);
    await page.hangUp();
    await page.reload();
    await page.until(`document.getElementById('interrupted').hidden`);
    return `${said.length} captions`;
  } finally {
    model.reply = sayBack;
  }
}
