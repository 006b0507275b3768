/** Visitors, guests and people with accounts, and how their conversations are kept. */
import assert from 'node:assert/strict';

const who = `document.querySelector('#person-name').textContent`;

async function signUp(tab, name, password) {
  await tab.click('to-sign-up');
  await tab.fill('name', name);
  await tab.fill('password', password);
  await tab.click('door-go');
}

export const people = {
  'a guest is told what becomes of conversations, and keeps them with an account': async (tab, { world }) => {
    await tab.until(`${who} === 'Sign in'`);
    assert.equal(world.people.size, 0);
    await tab.say('Remember this.');
    await tab.settled();
    await tab.until(`${who} === 'Guest'`);
    assert.match(await tab.text('guest-note'), /have not been here for 30 days/);
    await tab.click('keep');
    await tab.see('door');
    await tab.picture('sign-up', ['desk-light', 'phone-dark']);
    await tab.fill('name', 'ada');
    await tab.fill('password', 'short');
    await tab.click('door-go');
    assert.match(await tab.text('complaint'), /at least 8 characters/);
    world.refusals.push(['POST', 'sign-up', 409, 'name_taken']);
    await tab.fill('password', 'a long password');
    await tab.click('door-go');
    await tab.until(`document.querySelector('[data-testid="complaint"]').textContent.startsWith('Somebody has this name')`);
    assert.equal(await tab.run(`document.activeElement.name`), 'name');
    await tab.fill('name', 'ada l.');
    await tab.click('door-go');
    await tab.until(`${who} === 'ada l.'`);
    assert.equal(world.people.size, 1);
    assert.equal(await tab.run(`document.querySelector('[data-testid="guest-note"]').checkVisibility()`), false);
    assert.deepEqual(await tab.turns(), ['you: Remember this.', 'sotto: You said: Remember this.']);
  },

  'where guests are not welcome one signs in first': async (tab, { world }) => {
    world.guests = false;
    await tab.reload();
    await tab.say('Hello?');
    await tab.see('door');
    assert.equal(world.conversations.size, 0);
    await tab.fill('name', 'nobody');
    await tab.fill('password', 'not the password');
    await tab.click('door-go');
    await tab.until(`document.querySelector('[data-testid="complaint"]').textContent === 'Name and password do not belong together.'`);
    await tab.picture('wrong', ['desk-light']);
    world.refusals.push(['POST', 'login', 429, 'locked', 'too many', { 'Retry-After': '120' }]);
    await tab.click('door-go');
    await tab.until(`document.querySelector('[data-testid="complaint"]').textContent === 'Too many wrong passwords. Try again in 2 minutes.'`);
    await signUp(tab, 'ada', 'a long password');
    await tab.until(`${who} === 'ada'`);
    await tab.click('retry');
    await tab.settled();
    assert.deepEqual(await tab.turns(), ['you: Hello?', 'sotto: You said: Hello?']);
  },

  'a call, too, waits until one has signed in': async (tab, { world }) => {
    world.guests = false;
    await tab.reload();
    await tab.click('call');
    await tab.see('door');
    assert.equal(await tab.run(`document.querySelector('#problem').dataset.code`), 'sign-in');
    assert.equal(await tab.run(`stub.received.length`), 0);
  },

  'an invitation is asked for where one is needed': async (tab, { world }) => {
    world.sign_up = 'invite';
    await tab.reload();
    await tab.click('person');
    await tab.click('to-sign-up');
    await tab.fill('name', 'ada');
    await tab.fill('password', 'a long password');
    await tab.click('door-go');
    await tab.until(`document.querySelector('[data-testid="complaint"]').textContent === 'This server asks for an invitation.'`);
    await tab.fill('invite', 'come in');
    await tab.click('door-go');
    await tab.until(`${who} === 'ada'`);
    world.sign_up = 'closed';
    await tab.forget();
    await tab.reload();
    await tab.click('person');
    await tab.see('door');
    assert.equal(await tab.text('to-sign-up'), null);
  },

  'an account is looked after in the settings': async (tab, { world }) => {
    await tab.until(`${who} === 'Sign in'`);
    await tab.click('person');
    await signUp(tab, 'ada', 'a long password');
    await tab.until(`${who} === 'ada'`);
    const [person] = [...world.people.values()];
    world.logins.set('another', { id: 'login_other', csrf: 'x', person: person.id, created_ms: 1, label: 'Firefox on a phone' });
    await tab.click('person');
    await tab.until(`document.querySelectorAll('[data-testid="logins"] li').length === 2`);
    await tab.picture('settings', ['desk-light', 'phone-dark', 'small-light']);
    await tab.click('end-login');
    await tab.until(`document.querySelectorAll('[data-testid="logins"] li').length === 1`);
    assert.equal(world.logins.has('another'), false);

    await tab.click('default-ephemeral');
    await tab.until(`[...document.querySelectorAll('.settings [data-testid="outcome"]')].some((each) => each.textContent.startsWith('New conversations begin'))`);
    assert.equal(person.id && [...world.people.values()][0].default_tier, 'ephemeral');

    await tab.run(`document.querySelector('[data-testid="token-form"]').click()`);
    await tab.fill('token-label', 'my phone');
    await tab.click('new-token');
    await tab.until(`/^sotto_[\\w-]{20,}$/.test(document.querySelector('[data-testid="token"]')?.textContent)`);
    await tab.run(`document.querySelector('[data-testid="fresh-token"]').scrollIntoView({ block: 'center' })`);
    await tab.picture('token', ['desk-light', 'small-dark']);
    assert.deepEqual(world.tokens.map(({ label, scopes }) => [label, scopes]), [['my phone', ['calls']]]);
    await tab.click('revoke');
    await tab.click('confirm-yes');
    await tab.until(`document.querySelectorAll('[data-testid="tokens"] li').length === 0`);

    await tab.run(`document.querySelectorAll('.settings details')[0].open = true`);
    await tab.fill('current-password', 'wrong');
    await tab.fill('new-password', 'another long one');
    await tab.click('change-password');
    await tab.until(`document.querySelector('.settings .complaint')?.textContent === 'The current password is not right.'`);
    await tab.fill('current-password', 'a long password');
    await tab.click('change-password');
    await tab.until(`[...document.querySelectorAll('[data-testid="outcome"]')].some((each) => each.textContent.startsWith('The password is changed'))`);
    await tab.click('sign-out');
    await tab.until(`${who} === 'Sign in' && !document.querySelector('.settings')`);
  },

  'an account is deleted with everything in it': async (tab, { world }) => {
    await tab.until(`${who} === 'Sign in'`);
    await tab.click('person');
    await signUp(tab, 'ada', 'a long password');
    await tab.until(`${who} === 'ada'`);
    await tab.say('Forget this.');
    await tab.settled();
    await tab.click('person');
    await tab.click('removal');
    await tab.fill('delete-password', 'a long password');
    await tab.click('delete-account');
    await tab.click('confirm-yes');
    await tab.until(`${who} === 'Sign in' && location.pathname === '/'`);
    assert.deepEqual([world.people.size, world.conversations.size], [0, 0]);
    assert.deepEqual(await tab.turns(), []);
  },

  'a login that has ended is noticed': async (tab, { world }) => {
    await tab.say('Hello');
    await tab.settled();
    world.logins.clear();
    await tab.say('Still there?');
    await tab.see('door');
    await tab.see('not-saved');
  },

  'an old token is renewed without a word': async (tab, { world }) => {
    await tab.say('Hello');
    await tab.settled();
    for (const login of world.logins.values()) login.csrf = 'changed elsewhere';
    await tab.say('Again');
    await tab.settled();
    assert.equal((await tab.turns()).length, 4);
  },

  'how a conversation is kept is chosen, explained and shown': async (tab, { world }) => {
    assert.equal(await tab.run(`document.querySelector('[name="tier"]:checked').value`), 'standard');
    await tab.click('tier-ephemeral');
    await tab.until(`document.querySelector('[data-testid="tier"]').textContent === 'Ephemeral'`);
    await tab.run(`document.querySelector('[data-testid="tier"]').click()`);
    await tab.until(`document.querySelector('#tier-meaning').matches(':popover-open')`);
    assert.match(await tab.run(`document.querySelector('#tier-meaning').textContent`), /nothing goes into the database/);
    await tab.picture('tier', ['desk-light', 'small-dark']);
    await tab.press('Escape');
    await tab.say('Between us.');
    await tab.settled();
    assert.equal([...world.conversations.values()][0].tier, 'ephemeral');
    assert.equal(await tab.text('unsaved'), null);
    // It ends with its page.
    await tab.send('Page.navigate', { url: 'about:blank' });
    for (let i = 0; world.conversations.size > 0 && i < 40; i++) await tab.wait(50);
    assert.equal(world.conversations.size, 0);
    await tab.open();
  },

  'a private conversation asks for a passphrase first, and without one there is none': async (tab, { world }) => {
    await tab.click('tier-private');
    await tab.until(`document.querySelector('dialog[open]')?.textContent.includes('Set up private conversations')`);
    await tab.picture('private', ['desk-light', 'small-dark']);
    await tab.press('Escape');
    await tab.until(`!document.querySelector('dialog[open]')`);
    await tab.until(`document.querySelector('[name="tier"]:checked').value === 'standard'`);
    assert.equal(world.conversations.size, 0);
  },

  'at an address that browsers do not trust, the page says what is off': async (tab, { address }) => {
    await tab.open('', address.replace('127.0.0.1', 'elsewhere.test'));
    await tab.until(`document.querySelector('#problem').dataset.code === 'insecure-origin'`);
    assert.match(await tab.run(`document.querySelector('#problem').textContent`), /microphone and signing in are off.*https:/s);
    assert.equal(await tab.run(`document.querySelector('#write').disabled`), true);
    await tab.picture('insecure', ['desk-light', 'small-dark']);
    await tab.open();
  },
};
