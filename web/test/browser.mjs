/**
 * The built page in a real Chromium against test/stub.js, under the server's content security policy.
 *
 *   npm run build && node test/browser.mjs [folder for screenshots]
 *
 * Not part of `npm test`: it needs a Chromium (`$CHROMIUM`, else /usr/bin/chromium).
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { preview } from 'vite';

const pictures = process.argv[2];
const root = new URL('..', import.meta.url).pathname;
const server = await preview({ root, logLevel: 'error', preview: { port: 0, host: '127.0.0.1' } });
const address = `http://127.0.0.1:${server.httpServer.address().port}/`;
const profile = await mkdtemp(join(tmpdir(), 'sotto-browser-'));
const chromium = spawn(
  process.env.CHROMIUM ?? '/usr/bin/chromium',
  [
    '--headless=new', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe', `--user-data-dir=${profile}`,
    '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--no-first-run', 'about:blank',
  ],
  { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], detached: true },
);
const ended = new Promise((resolve) => chromium.once('exit', resolve));
const browser = pipe(chromium.stdio[3], chromium.stdio[4]);
let failed = false;

try {
  const { targetInfos } = await browser('Target.getTargets');
  const { targetId } = targetInfos.find((target) => target.type === 'page');
  const { sessionId } = await browser('Target.attachToTarget', { targetId, flatten: true });
  const page = new Page((method, params) => browser(method, params, sessionId));
  await page.start(await readFile(new URL('stub.js', import.meta.url), 'utf8'));

  for (const [name, story] of Object.entries(stories())) {
    const started = performance.now();
    try {
      await page.open(address);
      await story(page);
      assert.deepEqual(await page.run('window.violations'), [], 'content security policy');
      console.log(`ok    ${name} (${Math.round(performance.now() - started)} ms)`);
    } catch (error) {
      failed = true;
      console.log(`FAIL  ${name}: ${error.message}`);
    }
  }
} finally {
  // The wrapper script may have children: the whole group is ours.
  process.kill(-chromium.pid);
  await ended;
  await server.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(failed ? 1 : 0);

function stories() {
  const state = (wanted) => `document.body.dataset.state === '${wanted}'`;
  const last = `[...document.querySelectorAll('#captions [data-role="assistant"]')].at(-1)`;
  const problem = `document.querySelector('#problem:not([hidden])')?.dataset.code`;
  return {
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
      await page.until(`stub.received.some((e) => e.request === 'DELETE' && e.keepalive)`);
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
      await page.open(`${address}?output=track`);
      await page.run(`stub.session.output = 'track'`);
      await page.click('call');
      await page.until(state('listening'));
      await page.run(`stub.send('output_audio_buffer.started', { response_id: 'r' })`);
      await page.run(`stub.send('response.output_audio_transcript.delta', { response_id: 'r', item_id: 'i', delta: 'A tone.' })`);
      await page.until(`Number(${last}?.dataset.peak) > 0.3 && Number(${last}.dataset.heardMs) > 300`);
    },
  };
}

/** Chromium's debugging pipe: JSON messages, each closed by a zero byte. */
function pipe(input, output) {
  const waiting = new Map();
  let buffer = '';
  let id = 0;
  output.setEncoding('utf8');
  output.on('data', (data) => {
    const messages = (buffer + data).split('\0');
    buffer = messages.pop();
    for (const message of messages.map((text) => JSON.parse(text))) {
      const { resolve, reject } = waiting.get(message.id) ?? {};
      waiting.delete(message.id);
      if (message.error) reject?.(new Error(message.error.message));
      else resolve?.(message.result);
    }
  });
  return (method, params = {}, sessionId) =>
    new Promise((resolve, reject) => {
      waiting.set(++id, { resolve, reject });
      input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
}

function Page(send) {
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const run = async (expression) => {
    const { result, exceptionDetails } = await send('Runtime.evaluate', {
      expression, returnByValue: true, awaitPromise: true, userGesture: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  const until = async (condition, limitMs = 8000) => {
    for (const end = performance.now() + limitMs; performance.now() < end; await wait(25)) {
      if (await run(`Boolean(${condition})`)) return;
    }
    throw new Error(`did not happen: ${condition}; the page shows: ${await run('document.body.innerText')}`);
  };
  return {
    wait, run, until,
    async start(stub) {
      const watch = `window.violations = []; window.reply = null;
        addEventListener('securitypolicyviolation', (e) => violations.push(e.violatedDirective + ' ' + e.blockedURI));
        addEventListener('error', (e) => violations.push(e.message));
        addEventListener('unhandledrejection', (e) => violations.push(String(e.reason)));`;
      await send('Page.enable');
      await send('Page.addScriptToEvaluateOnNewDocument', { source: watch + stub });
    },
    async open(url) {
      await send('Page.navigate', { url });
      await until(`location.href === '${url}' && document.readyState === 'complete' && document.body.dataset.hearing`);
    },
    click: (id) => run(`document.querySelector('[data-testid="${id}"]').focus(), document.querySelector('[data-testid="${id}"]').click()`),
    key: (key) => run(`document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: '${key}', bubbles: true }))`),
    async picture(name) {
      if (!pictures) return;
      await mkdir(pictures, { recursive: true });
      for (const [size, width, height] of [['desk', 1280, 800], ['phone', 390, 844], ['small', 360, 640], ['landscape', 780, 360]]) {
        for (const scheme of ['light', 'dark']) {
          await send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: size !== 'desk' });
          await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
          await wait(260);
          assert.equal(await run('document.documentElement.scrollWidth'), width, `${name} is wider than the screen`);
          const { data } = await send('Page.captureScreenshot', { format: 'png' });
          await writeFile(join(pictures, `${name}-${size}-${scheme}.png`), Buffer.from(data, 'base64'));
        }
      }
    },
  };
}
