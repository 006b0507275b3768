/** A Firefox without a window, over WebDriver BiDi, which it speaks itself: no driver program is needed. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';
import { endGroup, endWithUs } from './children.mjs';
import { Commands } from './commands.mjs';
import { firefoxProgram } from './places.mjs';

/** The first start of a fresh profile on a busy machine takes a while. */
const START_MS = 60_000;
/** It answers every command sooner, or never; what is evaluated much sooner. */
const ANSWER_MS = 20_000;
const VALUE_MS = 5_000;
const KEYS = { Tab: '\uE004', Enter: '\uE006' };
const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  // As after the first touch of a page, so that scripts may play.
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  // A machine without a network has only this address.
  'media.peerconnection.ice.loopback': true,
  'datareporting.policy.dataSubmissionEnabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'app.update.enabled': false,
};

/** Starts one with a microphone that hums a tone. `environment` leads it to a sound device. */
export async function startFirefox({ scripts, environment }) {
  const profile = await mkdtemp(join(tmpdir(), 'sotto-firefox-'));
  const preferences = Object.entries(PREFERENCES).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`);
  await writeFile(join(profile, 'user.js'), preferences.join(''));
  const child = spawn(
    firefoxProgram,
    ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0', 'about:blank'],
    { stdio: ['ignore', 'ignore', 'pipe'], detached: true, env: { ...process.env, ...environment, HOME: profile } },
  );
  endWithUs(child);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const cleanUp = async () => {
    endGroup(child);
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  };
  const address = await said(child.stderr, /WebDriver BiDi listening on (ws:\S+)/, ended).catch(async (error) => {
    await cleanUp();
    throw error;
  });
  const messages = [];
  const { send, socket } = await bidi(`${address}/session`, ({ method, params }) => {
    if (method === 'log.entryAdded') messages.push(`${params.level}: ${params.text}`);
  });
  await send('session.new', { capabilities: {} });
  await send('session.subscribe', { events: ['log.entryAdded'] });
  // The first tab never has the focus, and without it keys press no button.
  const { context } = await send('browsingContext.create', { type: 'tab' });
  for (const source of scripts) {
    await send('script.addPreloadScript', { functionDeclaration: `() => {${source}}` });
  }
  const act = (type, actions) => send('input.performActions', { context, actions: [{ type, id: type, actions }] });

  return {
    name: 'firefox',
    messages,
    open: (url) => send('browsingContext.navigate', { context, url, wait: 'complete' }),
    async run(expression) {
      const { type, result, exceptionDetails } = await send('script.evaluate', {
        // As text, since the protocol has its own shape for values.
        expression: `(async () => JSON.stringify(await (${expression})))()`, target: { context }, awaitPromise: true,
      }, VALUE_MS);
      if (type === 'exception') throw new Error(exceptionDetails.text);
      return result.value === undefined ? undefined : JSON.parse(result.value);
    },
    press: (key) => act('key', [{ type: 'keyDown', value: KEYS[key] }, { type: 'keyUp', value: KEYS[key] }]),
    clickAt: (x, y) =>
      act('pointer', [
        { type: 'pointerMove', x: Math.round(x), y: Math.round(y) },
        { type: 'pointerDown', button: 0 },
        { type: 'pointerUp', button: 0 },
      ]),
    resize: ({ width, height }) => send('browsingContext.setViewport', { context, viewport: { width, height } }),
    screenshot: async () => (await send('browsingContext.captureScreenshot', { context })).data,
    async close() {
      socket.terminate();
      await cleanUp();
    },
  };
}

/** Waits for a line of a stream. */
function said(stream, pattern, ended) {
  return new Promise((resolve, reject) => {
    let text = '';
    const late = setTimeout(() => reject(new Error(`Firefox did not start: ${text}`)), START_MS);
    void ended.then(() => reject(new Error(`Firefox ended: ${text}`))).finally(() => clearTimeout(late));
    stream.setEncoding('utf8').on('data', (more) => {
      text += more;
      const found = pattern.exec(text)?.[1];
      if (!found) return;
      clearTimeout(late);
      resolve(found);
    });
  });
}

async function bidi(url, listener) {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const commands = new Commands('Firefox', (message) => socket.send(message));
  socket.on('message', (data) => {
    const { type, id, method, params, result, error, message } = JSON.parse(data);
    if (type === 'event') listener({ method, params });
    else commands.answer(id, result, type === 'error' ? `${error}: ${message}` : undefined);
  });
  socket.on('close', () => commands.end());
  const send = (method, params = {}, limitMs = ANSWER_MS) => commands.send({ method, params }, limitMs);
  return { send, socket };
}
