/** Calls, against a server inside the page (stubs/call.js). */
import assert from 'node:assert/strict';
import { addItem } from '../stubs/server.mjs';

const state = (wanted) => `document.body.dataset.state === '${wanted}'`;
const last = `[...document.querySelectorAll('#captions .caption[data-role="assistant"]')].at(-1)`;
const waiting = `document.querySelector('#waiting:not([hidden]) #waiting-line')?.textContent`;
/** What a full server answers. */
const full = (retryAfter) => JSON.stringify({
  status: 503,
  headers: { 'Retry-After': String(retryAfter) },
  body: { error: { type: 'server_error', code: 'at_capacity', message: 'all lines are busy', param: null } },
});
const problem = `document.querySelector('#problem:not([hidden])')?.dataset.code`;

/** A turn that hesitated, on a busy server and a bad path. */
export const HESITANT = {
  response_id: 'resp_1', rejected: null, eager: { begun: 1, used: true },
  decision: {
    reason: 'model', silence_ms: 800, patience: 'usual',
    checks: [
      { silence_ms: 160, probability: 0.08, threshold: 0.5 },
      { silence_ms: 160, probability: 0.21, threshold: 0.5 }, { silence_ms: 416, probability: 0.34, threshold: 0.466 },
      { silence_ms: 768, probability: 0.58, threshold: 0.41 },
    ],
  },
  timings: { endpoint_ms: 800, transcript_ms: 800, first_token_ms: 801, first_clause_ms: 872, first_speech_ms: 1172, first_audio_ms: 1204 },
  work: [
    { stage: 'turn', asked_ms: -1400, waited_ms: 0, worked_ms: 60 },
    { stage: 'stt', asked_ms: 96, waited_ms: 140, worked_ms: 230 }, { stage: 'turn', asked_ms: 96, waited_ms: 18, worked_ms: 44 },
    { stage: 'turn', asked_ms: 352, waited_ms: 22, worked_ms: 41 }, { stage: 'llm', asked_ms: 470, waited_ms: 0, worked_ms: 120 },
    { stage: 'turn', asked_ms: 704, waited_ms: 9, worked_ms: 50 }, { stage: 'tts', asked_ms: 872, waited_ms: 96, worked_ms: 204 },
  ],
  network: { packets: 290, lost: 20, late: 3, dropped: 0, concealed_ms: 280, jitter_ms: 41, rtt_ms: 182 },
};

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
  'a turn is seen behind glass': async (page) => {
    await page.click('call');
    await page.until(state('listening'));
    await page.run(`stub.said('Tell me a long story, and then, well, another one.')`);
    await page.run(`reply = stub.answers('Once upon a time there was', 'a king.')`);
    await page.run(`stub.send('sotto.turn', { ...${JSON.stringify(HESITANT)}, turn: 1, item_id: document.querySelector('.caption[data-role="user"]').dataset.itemId })`);
    await page.run('stub.ends(reply)');
    await page.until(`document.querySelectorAll('[data-testid="why"]').length === 1`);
    assert.equal(await page.run(`performance.getEntriesByType('resource').some((entry) => entry.name.includes('glass'))`), false, 'fetched before anybody asked');
    await page.run(`document.querySelector('[data-testid="why"]').focus()`);
    await page.press('Enter');
    await page.see('glass');
    const drawn = await page.run(`(() => {
      const [falls, sure] = [...document.querySelectorAll('.glass figure > svg')];
      const box = falls.getBoundingClientRect();
      const bars = [...falls.querySelectorAll('rect')].map((bar) => bar.getBoundingClientRect());
      return {
        labels: [falls.ariaLabel ?? falls.getAttribute('aria-label'), sure.getAttribute('aria-label')].map((text) => text.replaceAll('\u00a0', ' ')),
        roles: [falls, sure].map((each) => each.getAttribute('role')),
        names: [...falls.querySelectorAll('text:not(.number):not(.name)')].map((each) => each.textContent),
        bars: bars.length,
        inside: bars.every((bar) => bar.left >= box.left - 1 && bar.right <= box.right + 1),
      };
    })()`);
    assert.deepEqual(drawn.names, ['Your pause', 'End of turn', 'Recognition', 'Model', 'Voice', 'Playout']);
    assert.deepEqual(drawn.roles, ['img', 'img']);
    assert.equal(drawn.labels[0], 'From your last word to my first sound: 1204 ms. The numbers follow.');
    assert.match(drawn.labels[1], /^8 % after 160 ms, when 50 % was needed\. You went on\. 21 % after 160 ms, when 50 % was needed; 34 % after 416 ms.*; 58 % after 768 ms, when 41 % was needed\.$/);
    assert.ok(drawn.bars >= 10 && drawn.inside, JSON.stringify(drawn));
    assert.equal((await page.text('network')).replaceAll('\u00a0', ' '), 'Your sound arrived badly: 182 ms there and back, 41 ms jitter, 6.5 % lost, 3 too late, 280 ms made up.');
    await page.picture('glass');
    await page.run(`document.querySelector('[data-testid="numbers"]').focus()`);
    await page.press('Enter');
    await page.until(`document.querySelectorAll('.glass table').length === 3 && document.querySelector('.glass table').checkVisibility()`);
    const cells = await page.run(`[...document.querySelectorAll('.glass table')[1].rows].map((row) => [...row.cells].map((cell) => cell.textContent))`);
    assert.deepEqual(cells.at(-1), ['voice', '872', '96', '204']);
    await page.picture('glass-numbers');
    // It is there as long as the turn is, also when the call is over.
    await page.click('hang-up');
    await page.until(state('ended'));
    await page.see('glass');
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
  'a full server is waited for, and called again by itself': async (page, { world }) => {
    await page.run(`stub.refuse = ${full(2)}`);
    await page.click('call');
    await page.until(`${state('ended')} && ${problem} === 'server-full'`);
    await page.until(`${waiting} === 'Trying again in 2 s (1 of 8).'`);
    // It is asked whether a line is free, without opening the microphone.
    world.full = 1;
    await page.until(`${waiting} === 'Trying again in 1 s (2 of 8).'`, 5_000);
    assert.equal(await page.run('stub.tracks.length'), 1);
    await page.run(`stub.refuse = null`);
    await page.until(state('listening'), 5_000);
    assert.equal(await page.run(`stub.received.filter((e) => e.request === 'POST').length`), 2);
    assert.equal(await page.run(`document.querySelector('#problem').hidden`), true);
  },
  'waiting for a free line can be stopped, and nobody has to hear it counted': async (page) => {
    await page.run(`stub.refuse = ${full(20)}`);
    await page.click('call');
    await page.until(`/^Trying again in (20|19) s/.test(${waiting})`);
    await page.picture('full');
    const spoken = `document.querySelector('#problem [role="alert"]')`;
    assert.match(await page.run(`${spoken}.textContent`), /The server is full.*calls again by itself/s);
    assert.equal(await page.run(`${spoken}.contains(document.querySelector('#waiting-line'))`), false);
    assert.equal(await page.run(`document.querySelector('#waiting-line').ariaLive`), 'off');
    await page.click('stop-waiting');
    assert.equal(await page.run(`document.querySelector('#waiting').hidden`), true);
    assert.equal(await page.run(`document.activeElement.id`), 'call');
    await page.wait(1_500);
    assert.equal(await page.run(`${state('ended')} && ${problem}`), 'server-full');
    assert.equal(await page.run(`stub.received.filter((e) => e.request === 'POST').length`), 1);
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
