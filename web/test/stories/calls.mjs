/** Calls, against a server inside the page (stubs/call.js). */
import assert from 'node:assert/strict';
import { addItem } from '../stubs/server.mjs';

const state = (wanted) => `document.body.dataset.state === '${wanted}'`;
const last = `[...document.querySelectorAll('#captions .caption[data-role="assistant"]')].at(-1)`;
const problem = `document.querySelector('#problem:not([hidden])')?.dataset.code`;

export const calls = {
  'one turn is heard to its end': async (page) => {
    await page.picture('idle');
    await page.click('call');
    await page.until(state('listening'));
    await page.run(`stub.said('What does sotto voce mean?')`);
    await page.until(state('thinking'));
    await page.run(`reply = stub.answers('In a quiet voice,', 'as one speaks in a full theatre.')`);
    await page.until(`${last}?.textContent.includes('one speaks')`);
    await page.picture('speaking');
    await page.until(`stub.received.filter((e) => e.type === 'sotto.playout').at(-1)?.played_ms === 2100`);
    await page.run('stub.ends(reply)');
    await page.until(`${last}.dataset.phase === 'done'`);
    assert.equal(await page.run(`${last}.textContent`), 'In a quiet voice, as one speaks in a full theatre.');
    assert.equal(await page.run(`${last}.dataset.heardMs`), '3300');
    assert.ok(Number(await page.run(`${last}.dataset.peak`)) > 0.3, 'the reply was silent');
    assert.match(await page.run(`document.querySelector('#latency').textContent`), /answered after 0\.42 s · transcript 0\.31 s · first word 0\.36 s/);
    const reports = await page.run(`stub.received.filter((e) => e.type === 'sotto.playout')`);
    assert.equal(reports[0].played_ms, 0);
    assert.ok(reports.length >= 14, `${reports.length} reports`);
  },
  'thirty chunks are one sound': async (page) => {
    await page.click('call');
    await page.until(state('listening'));
    await page.run(`reply = stub.answers(...Array.from({ length: 30 }, (_, at) => 'word' + at))`);
    await page.until(`stub.received.filter((e) => e.type === 'sotto.playout').length > 0`);
    await page.until('stub.silence.soundMs > 8950', 20_000);
    await page.run('stub.ends(reply)');
    await page.wait(300);
    const { longestMs, soundMs, seen } = await page.run('stub.silence');
    assert.ok(seen > 0.99, `only ${seen} of the sound was looked at`);
    assert.ok(soundMs < 9_050, `it lasted ${soundMs} ms instead of 9000`);
    assert.ok(longestMs < 5, `a gap of ${longestMs} ms`);
    return `longest silence ${longestMs.toFixed(2)} ms`;
  },
  'an interrupted reply ends where it was cut': async (page) => {
    await page.click('call');
    await page.until(state('listening'));
    await page.run(`stub.said('Tell me a long story.')`);
    await page.run(`reply = stub.answers('Once upon a time there was', 'a king who had three daughters and a garden.')`);
    await page.until(`${last}?.textContent.includes('there')`);
    await page.run(`stub.cuts(reply, 1300)`);
    await page.until(`${last}.dataset.phase === 'cut'`);
    const text = await page.run(`${last}.textContent`);
    assert.match(text, /^Once upon a time there( was)?…$/);
    await page.run(`stub.chunk(reply.response_id, reply.item_id, 'that comes too late')`);
    await page.picture('interrupted');
    await page.wait(500);
    assert.equal(await page.run(`${last}.textContent`), text);
  },
  'a reply that is talked over becomes quiet, is held, and goes on from the word': async (page) => {
    await page.click('call');
    await page.until(state('listening'));
    await page.run(`stub.said('Tell me a long story.')`);
    await page.run(`reply = stub.answers('Once upon a time there was', 'a king who had three daughters and a garden.')`);
    await page.until(`${last}?.textContent.includes('king who')`);
    const item = await page.run(`(stub.send('input_audio_buffer.speech_started', { item_id: 'murmur', audio_start_ms: 0 }), 'murmur')`);
    await page.run(`stub.send('sotto.audio.duck', { response_id: reply.response_id, level: 'quiet' })`);
    await page.wait(150);
    await page.run(`stub.send('sotto.audio.duck', { response_id: reply.response_id, level: 'silent' })`);
    await page.wait(300);
    const reports = `stub.received.filter((e) => e.type === 'sotto.playout')`;
    const held = await page.run(`${reports}.at(-1)`);
    const text = await page.run(`${last}.textContent`);
    await page.wait(500);
    assert.deepEqual([await page.run(`${reports}.at(-1)`), await page.run(`${last}.textContent`)], [held, text]);
    await page.run(`stub.send('sotto.interruption', { response_id: reply.response_id, stopped: false, why: 'backchannel', speech_ms: 320, decided_ms: 640 })`);
    await page.run(`stub.send('input_audio_buffer.speech_stopped', { item_id: '${item}', audio_end_ms: 1 })`);
    await page.run(`stub.send('sotto.audio.resume', { response_id: reply.response_id, chunk_id: reply.chunks[0], from_ms: 900 })`);
    await page.until(`${reports}.at(-1).chunk_id === reply.chunks[0]`);
    assert.match(await page.run(`${last}.textContent`), /^Once upon a time( there( was)?)?$/);
    await page.until(`${reports}.at(-1).chunk_id === reply.chunks[1] && ${reports}.at(-1).played_ms === 2700`);
    await page.run('stub.ends(reply)');
    await page.until(`${last}.dataset.phase === 'done'`);
    assert.equal(await page.run(`${last}.dataset.heardMs`), '4500');
    const { step } = await page.run('stub.silence');
    // A tone of 220 Hz at this loudness moves by 0.014 a sample.
    assert.ok(step < 0.02, `a click of ${step}`);
    return `largest step ${step.toFixed(4)}`;
  },
  'somebody who wants to know why is told': async (page) => {
    await page.click('call');
    await page.until(state('listening'));
    await page.run(`stub.said('Tell me a long story.')`);
    await page.run(`reply = stub.answers('Once upon a time there was', 'a king who had three daughters and a garden.')`);
    await page.until(`${last}?.textContent.includes('time')`);
    await page.run(`stub.send('sotto.interruption', { response_id: reply.response_id, stopped: false, why: 'no_words', speech_ms: 320, decided_ms: 640 })`);
    await page.run(`stub.send('sotto.interruption', { response_id: reply.response_id, stopped: true, why: 'words', speech_ms: 320, decided_ms: 640 })`);
    await page.run(`stub.cuts(reply, 1300)`);
    await page.until(`document.querySelectorAll('[data-testid="why"]').length === 2`);
    await page.run(`document.querySelector('[data-testid="why"]').focus()`);
    await page.press('Enter');
    await page.see('why-text');
    assert.equal((await page.text('why-text')).replaceAll('\u00a0', ' '), 'You paused for 0.3 s. I was 92 % sure that you had finished (50 % was needed). You heard my answer 0.4 s after your last word.');
    assert.equal(await page.run(`document.activeElement.getAttribute('aria-expanded')`), 'true');
    await page.run(`document.querySelectorAll('[data-testid="why"]')[1].click()`);
    await page.picture('why');
    await page.press('Space');
    await page.until(`!document.querySelector('[data-testid="why-text"]').checkVisibility()`);
  },
  'a button is held to talk, or the space bar': async (page) => {
    await page.run(`document.querySelector('#sound').open = true`);
    await page.click('push-to-talk');
    await page.picture('push-to-talk-panel', ['desk-light', 'phone-dark']);
    await page.key('Escape');
    await page.reload();
    await page.click('call');
    await page.until(`stub.received.some((e) => e.type === 'session.update' && e.session.audio.input.turn_detection === null)`);
    await page.until(`${state('listening')} && document.activeElement.id === 'hold'`);
    const open = `stub.tracks.at(-1).enabled`;
    assert.equal(await page.run(open), false);
    await page.picture('push-to-talk');
    const count = (type) => `stub.received.filter((e) => e.type === 'input_audio_buffer.${type}').length`;

    await page.mouse('mousePressed', 'hold');
    await page.until(`${open} && document.querySelector('#hold').ariaPressed === 'true' && ${count('clear')} === 1`);
    await page.picture('push-to-talk-held', ['desk-light', 'desk-dark', 'phone-light', 'phone-dark']);
    await page.mouse('mouseReleased', 'hold');
    await page.until(`!${open} && ${count('commit')} === 1`);

    // The space bar, wherever nothing else wants it; held down, it repeats.
    await page.run(`document.querySelector('#captions').focus()`);
    for (let i = 0; i < 3; i++) await page.keyDown('Space');
    await page.until(`${open} && ${count('clear')} === 2`);
    await page.keyUp('Space');
    await page.until(`!${open} && ${count('commit')} === 2`);
    await page.run(`document.querySelector('#hold').focus()`);
    await page.press('Space');
    await page.until(`${count('commit')} === 3 && ${count('clear')} === 3`);
    await page.run(`document.querySelector('#write').focus()`);
    await page.press('Space');
    assert.equal(await page.run(`document.querySelector('#write').value`), ' ');

    // Whoever leaves lets go.
    await page.run(`document.querySelector('#hold').focus()`);
    await page.keyDown('Space');
    await page.until(open);
    await page.run(`window.dispatchEvent(new Event('blur'))`);
    await page.until(`!${open} && ${count('commit')} === 4`);
    await page.keyUp('Space');
    await page.run(`stub.send('error', { error: { type: 'invalid_request_error', code: 'input_audio_buffer_commit_empty', message: 'nothing', param: null } })`);
    await page.until(`document.querySelector('#hint').textContent === 'I heard nothing.'`);
    assert.equal(await page.run(`document.querySelector('#problem').hidden`), true);

    // What can only click clicks twice.
    await page.run(`document.querySelector('#hold').click()`);
    await page.until(open);
    await page.run(`document.querySelector('#hold').click()`);
    await page.until(`!${open} && ${count('commit')} === 5`);

    await page.run(`document.querySelector('#sound').open = true`);
    await page.click('push-to-talk');
    await page.until(`stub.received.at(-1).session?.audio.input.turn_detection.type === 'semantic_vad' && ${open}`);
    await page.fill('interruption', 'after_words');
    await page.until(`stub.received.at(-1).session?.sotto?.min_words === 2`);
    await page.see('min-words');
    await page.picture('interruption-panel', ['desk-dark', 'phone-light']);
    await page.fill('interruption', '');
    await page.until(`stub.received.at(-1).session?.sotto?.interruption === 'always'`);
    await page.key('Escape');
    await page.click('hang-up');
    await page.until(state('ended'));
    await page.run(`localStorage.clear()`);
  },
  'hanging up sends DELETE and stops the microphone': async (page) => {
    await page.click('call');
    await page.until(state('listening'));
    await page.key('Escape');
    await page.until(state('ended'));
    await page.until(`stub.received.some((e) => e.request === 'DELETE' && e.keepalive && e.headers['X-CSRF-Token'])`);
    assert.equal(await page.run(`document.activeElement.id`), 'call');
    await page.picture('ended');
  },
  'the M key mutes': async (page) => {
    await page.click('call');
    await page.until(state('listening'));
    await page.key('m');
    await page.until(`document.body.dataset.muted === 'true'`);
    await page.run(`document.querySelector('#sound').open = true`);
    await page.picture('muted');
    await page.key('Escape');
    assert.equal(await page.run(`document.querySelector('#sound').open`), false);
    await page.key('m');
    await page.until(`document.body.dataset.muted === 'false'`);
  },
  'the network changes: the path is made anew': async (page) => {
    await page.click('call');
    await page.until(state('listening'));
    await page.run(`window.dispatchEvent(new Event('online'))`);
    await page.until(`stub.received.some((e) => e.request === 'PATCH' && e.headers['Content-Type'] === 'application/sdp')`);
    await page.until(state('listening'), 10_000);
    await page.run(`stub.said('Still there?')`);
    await page.until(`document.querySelector('#captions').textContent.includes('Still there?')`);
  },
  'the server ends the call and says why': async (page) => {
    await page.click('call');
    await page.until(state('listening'));
    await page.run(`stub.send('sotto.call.ending', { reason: 'server_stopping', in_ms: 5000 })`);
    await page.until(`${problem} === 'ending-soon'`);
    await page.run('stub.close()');
    await page.until(`${state('ended')} && ${problem} === 'server-stopping'`);
  },
  'a full server says when to try again': async (page) => {
    await page.run(`stub.refuse = { status: 503, headers: { 'Retry-After': '20' } }`);
    await page.click('call');
    await page.until(`${state('ended')} && ${problem} === 'server-full'`);
    assert.match(await page.run(`document.querySelector('#problem').textContent`), /Try again in 20 s/);
    await page.picture('full');
  },
  'a server that is not open to us says how it is opened': async (page) => {
    await page.run(`stub.refuse = { status: 401 }`);
    await page.click('call');
    await page.until(`${state('ended')} && ${problem} === 'not-allowed'`);
    await page.picture('not-allowed');
  },
  'a blocked microphone calls nobody': async (page) => {
    await page.run(`navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError') }`);
    await page.click('call');
    await page.until(`${state('ended')} && ${problem} === 'permission-denied'`);
    assert.deepEqual(await page.run('stub.received'), []);
    await page.picture('blocked');
  },
  'the reply as a track is heard': async (page) => {
    await page.open('?output=track');
    await page.run(`stub.session.output = 'track'`);
    await page.click('call');
    await page.until(state('listening'));
    await page.run(`stub.send('output_audio_buffer.started', { response_id: 'r' })`);
    await page.run(`stub.send('response.output_audio_transcript.delta', { response_id: 'r', item_id: 'i', delta: 'A tone.' })`);
    await page.until(`Number(${last}?.dataset.peak) > 0.3 && Number(${last}.dataset.heardMs) > 300`);
  },
  'a call inside a conversation becomes part of it, and what is typed into it is answered aloud': async (tab, { world }) => {
    await tab.say('Good evening.');
    await tab.settled();
    const [conversation] = [...world.conversations.values()];
    await tab.run(`stub.session.history = 'stored'`);
    await tab.click('call');
    await tab.until(state('listening'));
    assert.match(await tab.run(`stub.received.find((e) => e.request === 'POST').url`), new RegExp(`conversation=${conversation.id}`));
    assert.ok(await tab.run(`stub.received.find((e) => e.request === 'POST').headers['X-CSRF-Token']`));
    const said = await tab.run(`stub.said('Can you hear me?')`);
    await tab.until(`document.querySelectorAll('.caption').length === 3`);
    await tab.see('unsaved');
    await tab.run(`stub.stores('${said}', 3)`);
    await tab.until(`!document.querySelector('[data-testid="unsaved"]')`);
    const reply = await tab.run(`reply = stub.answers('I hear you', 'quite well.')`);
    await tab.until(`${last}.textContent.includes('quite well')`);
    await tab.picture('call-in-thread', ['desk-light', 'phone-dark']);
    await tab.run('stub.ends(reply)');
    await tab.run(`stub.stores(reply.item_id, 4)`);

    await tab.say('And can you read me?');
    await tab.until(`stub.received.some((e) => e.type === 'response.create')`);
    const [clear, create] = await tab.run(`stub.received.filter((e) => e.type && e.type !== 'sotto.playout').slice(-3)`);
    assert.deepEqual([clear.type, create.type, create.item.content[0].text], ['output_audio_buffer.clear', 'conversation.item.create', 'And can you read me?']);
    await tab.run(`stub.stores('${create.item.id}', 5)`);
    const second = await tab.run(`reply = stub.answers('I read', 'you too.')`);
    await tab.until(`${last}.textContent.includes('you too')`);
    await tab.run('stub.ends(reply)');
    await tab.run(`stub.send('sotto.item.not_stored', { item_id: reply.item_id, reason: 'database_away' })`);
    await tab.see('not-saved');
    await tab.until(`${problem} === 'not-stored'`);

    addItem(conversation, { id: said, text: 'Can you hear me?', via: 'voice' });
    addItem(conversation, { id: reply.item_id, role: 'assistant', text: 'I hear you quite well.', via: 'voice' });
    addItem(conversation, { id: create.item.id, text: 'And can you read me?' });
    addItem(conversation, { id: second.item_id, role: 'assistant', text: 'I read you too.', via: 'voice' });
    await tab.key('Escape');
    await tab.press('Escape');
    await tab.click('hang-up');
    await tab.until(state('ended'));
    await tab.until(`!document.querySelector('[data-testid="not-saved"]')`);
    const turns = ['you: Good evening.', 'sotto: You said: Good evening.', 'you: Can you hear me?', 'sotto: I hear you quite well.', 'you: And can you read me?', 'sotto: I read you too.'];
    assert.deepEqual(await tab.turns(), turns);
    await tab.say('In writing again.');
    await tab.settled();
    await tab.reload();
    await tab.until(`document.querySelectorAll('.caption').length === 8`);
    assert.deepEqual((await tab.turns()).slice(0, 6), turns);
  },
  'a call goes on while another conversation is read': async (tab) => {
    await tab.click('call');
    await tab.until(state('listening'));
    await tab.run(`stub.said('Wait a moment.')`);
    await tab.until(`document.querySelectorAll('.caption').length === 1`);
    await tab.click('new');
    await tab.until(`document.querySelectorAll('.caption').length === 0`);
    assert.match(await tab.run(`document.querySelector('#call-elsewhere').textContent`), /The call is in “Wait a moment\.”/);
    await tab.picture('elsewhere', ['desk-light', 'small-dark']);
    await tab.say('Something else');
    await tab.settled();
    await tab.run(`document.querySelector('#call-elsewhere').click()`);
    await tab.until(`document.querySelector('.caption')?.textContent === 'Wait a moment.'`);
    await tab.click('hang-up');
    await tab.until(state('ended'));
  },
  'an ephemeral conversation ends with its call': async (tab, { world }) => {
    await tab.click('tier-ephemeral');
    await tab.click('call');
    await tab.until(state('listening'));
    await tab.run(`stub.said('Between us.')`);
    await tab.until(`document.querySelectorAll('.caption').length === 1`);
    assert.equal(await tab.text('unsaved'), null);
    assert.equal([...world.conversations.values()][0].tier, 'ephemeral');
    await tab.picture('ephemeral-call', ['desk-dark']);
    await tab.click('hang-up');
    await tab.see('over');
    await tab.until(`document.querySelectorAll('[data-testid="entry"]').length === 0 && document.querySelector('#write').disabled`);
  },
};
