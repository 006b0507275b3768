/** A Chromium without a window, over its debugging pipe: JSON messages, each closed by a zero byte. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { endGroup, endWithUs } from './children.mjs';
import { Commands } from './commands.mjs';
import { chromiumProgram } from './places.mjs';

const KEYS = {
  Tab: { key: 'Tab', code: 'Tab', windowsVirtualKeyCode: 9 },
  Enter: { key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 13, text: '\r' },
  Escape: { key: 'Escape', code: 'Escape', windowsVirtualKeyCode: 27 },
};

/** Starts one whose microphone plays a file, from its beginning whenever it is opened. */
export async function startChromium({ microphoneFile, scripts }) {
  const profile = await mkdtemp(join(tmpdir(), 'sotto-chromium-'));
  const child = spawn(
    chromiumProgram,
    [
      '--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--remote-debugging-pipe',
      `--user-data-dir=${profile}`, '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
      `--use-file-for-fake-audio-capture=${microphoneFile}%noloop`,
      ...(onlyLoopback() ? ['--allow-loopback-in-peer-connection'] : []),
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], detached: true },
  );
  endWithUs(child);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const browser = debuggingPipe(child.stdio[3], child.stdio[4], ended);
  const { targetInfos } = await browser.send('Target.getTargets');
  const { targetId } = targetInfos.find((target) => target.type === 'page');
  const { sessionId } = await browser.send('Target.attachToTarget', { targetId, flatten: true });
  const send = (method, params) => browser.send(method, params, sessionId);

  const messages = [];
  const requests = [];
  const dialogs = [];
  let receivedBytes = 0;
  browser.listen(({ method, params }) => {
    if (method === 'Network.requestWillBeSent') requests.push(params.request.url);
    if (method === 'Network.webSocketCreated') requests.push(params.url);
    if (method === 'Page.javascriptDialogOpening') {
      dialogs.push(params.message);
      void send('Page.handleJavaScriptDialog', { accept: false });
    }
    if (method === 'Network.loadingFinished') receivedBytes += params.encodedDataLength;
    if (method === 'Runtime.consoleAPICalled') messages.push(params.args.map((each) => each.value ?? each.description).join(' '));
    if (method === 'Runtime.exceptionThrown') messages.push(params.exceptionDetails.exception?.description);
    if (method === 'Log.entryAdded') messages.push(`${params.entry.text} ${params.entry.url ?? ''}`);
  });
  for (const domain of ['Page', 'Runtime', 'Network', 'Log']) await send(`${domain}.enable`);
  for (const source of scripts) await send('Page.addScriptToEvaluateOnNewDocument', { source });

  return {
    name: 'chromium',
    messages,
    /** Everything that was asked for, wherever. */
    requests,
    /** What scripts said in windows of their own. */
    dialogs,
    /** As somebody who was never here. */
    async forget(origin) {
      await send('Storage.clearDataForOrigin', { origin, storageTypes: 'all' });
      await send('Network.clearBrowserCookies');
    },
    /** Loads a page as on a first visit. */
    async open(url) {
      await send('Network.clearBrowserCache');
      receivedBytes = 0;
      await send('Page.navigate', { url });
    },
    /** Bytes that came over the wire for the page, headers and all. */
    receivedBytes: () => receivedBytes,
    async run(expression) {
      const { result, exceptionDetails } = await send('Runtime.evaluate', {
        expression, returnByValue: true, awaitPromise: true,
      });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    },
    async press(key) {
      await send('Input.dispatchKeyEvent', { type: 'keyDown', ...KEYS[key] });
      await send('Input.dispatchKeyEvent', { type: 'keyUp', ...KEYS[key] });
    },
    async clickAt(x, y) {
      const where = { x, y, button: 'left', clickCount: 1 };
      await send('Input.dispatchMouseEvent', { type: 'mousePressed', ...where });
      await send('Input.dispatchMouseEvent', { type: 'mouseReleased', ...where });
    },
    async resize({ width, height, scheme, phone }) {
      await send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: phone });
      await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    },
    async screenshot() {
      return (await send('Page.captureScreenshot', { format: 'png' })).data;
    },
    async close() {
      endGroup(child);
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** On a machine without a network browsers offer no address at all, unless told to. */
export function onlyLoopback() {
  return Object.values(networkInterfaces()).flat().every((address) => address.internal);
}

function debuggingPipe(input, output, ended) {
  const commands = new Commands('Chromium', (message) => input.write(`${message}\0`));
  const listeners = [];
  let rest = '';
  input.on('error', () => undefined);
  output.setEncoding('utf8').on('data', (text) => {
    const messages = (rest + text).split('\0');
    rest = messages.pop();
    for (const message of messages.map((each) => JSON.parse(each))) {
      if (message.method) listeners.forEach((listener) => listener(message));
      else commands.answer(message.id, message.result, message.error?.message);
    }
  });
  void ended.then(() => commands.end());
  return {
    listen: (listener) => listeners.push(listener),
    send: (method, params = {}, sessionId) => commands.send({ method, params, sessionId }),
  };
}
