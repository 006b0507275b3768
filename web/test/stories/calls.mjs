/** Calls, against a server inside the page (stubs/call.js). */
import assert from 'node:assert/strict';

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
};
