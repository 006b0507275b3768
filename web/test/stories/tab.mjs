/** A Chromium without a window, and its one tab as these stories use it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const KEYS = {
  Tab: [9], Enter: [13, '\r'], Escape: [27], ArrowDown: [40], ArrowUp: [38], ArrowRight: [39], Space: [32, ' '],
};
const looks = [['desk', 1280, 800], ['phone', 390, 844], ['small', 360, 640], ['landscape', 780, 360]];
const REPAINT_MS = 320;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** `pictures`: the folder for screenshots, if there are to be any. */
export async function startTab(address, pictures) {
  const profile = await mkdtemp(join(tmpdir(), 'sotto-browser-'));
  const chromium = spawn(
    process.env.CHROMIUM ?? '/usr/bin/chromium',
    [
      '--headless=new', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe', `--user-data-dir=${profile}`,
      // An address that browsers do not trust as they do their own machine.
      '--host-resolver-rules=MAP elsewhere.test 127.0.0.1',
      '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--no-first-run', 'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], detached: true },
  );
  const ended = new Promise((resolve) => chromium.once('exit', resolve));
  /** What no story may cause: a dialog, a request to somewhere else. */
  const alarms = [];
  const browser = pipe(chromium.stdio[3], chromium.stdio[4], ({ method, params, sessionId }) => {
    if (method === 'Page.javascriptDialogOpening') {
      alarms.push(`dialog: ${params.message}`);
      void browser('Page.handleJavaScriptDialog', { accept: false }, sessionId);
    }
    const url = params?.request?.url ?? params?.url ?? '';
    const requested = method === 'Network.requestWillBeSent' || method === 'Network.webSocketCreated';
    if (requested && !url.startsWith(address) && !url.startsWith('http://elsewhere.test:') && !/^(data|blob|about):/.test(url)) alarms.push(`request: ${url}`);
  });
  const { targetInfos } = await browser('Target.getTargets');
  const { targetId } = targetInfos.find((target) => target.type === 'page');
  const { sessionId } = await browser('Target.attachToTarget', { targetId, flatten: true });
  const tab = new Tab((method, params) => browser(method, params, sessionId), address, alarms, pictures);
  await tab.start();
  return {
    tab,
    async close() {
      // The wrapper script may have children: the whole group is ours.
      process.kill(-chromium.pid);
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

class Tab {
  wait = wait;

  constructor(send, address, alarms, pictures) {
    Object.assign(this, { send, address, alarms, pictures });
  }

  async start() {
    const stub = await readFile(new URL('../stubs/call.js', import.meta.url), 'utf8');
    const watch = `window.violations = []; window.reply = null;
      addEventListener('securitypolicyviolation', (e) => violations.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample));
      addEventListener('error', (e) => violations.push(e.message));
      addEventListener('unhandledrejection', (e) => violations.push(String(e.reason)));`;
    for (const domain of ['Page', 'Network']) await this.send(`${domain}.enable`);
    await this.send('Page.addScriptToEvaluateOnNewDocument', { source: watch + stub });
    await this.look('desk', 'light');
  }

  /** Loads a page; `query` is what follows its address. */
  async open(query = '', address = this.address) {
    const url = address + query;
    await this.send('Page.navigate', { url: 'about:blank' });
    await this.send('Page.navigate', { url });
    await this.until(`document.readyState === 'complete' && document.body?.dataset.hearing && location.href.startsWith('${address}')`);
  }

  async reload() {
    await this.run('window.old = true');
    await this.send('Page.reload');
    await this.until(`!window.old && document.readyState === 'complete' && document.body?.dataset.hearing`);
  }

  /** As somebody who was never here. */
  forget() {
    this.alarms.length = 0;
    return this.send('Network.clearBrowserCookies');
  }

  async run(expression) {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression, returnByValue: true, awaitPromise: true, userGesture: true,
    });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async until(condition, limitMs = 8000) {
    for (const end = performance.now() + limitMs; performance.now() < end; await wait(25)) {
      // While a page is being left there is nobody to ask.
      if (await this.run(`Boolean(${condition})`).catch(() => false)) return;
    }
    throw new Error(`did not happen: ${condition}; the page shows: ${await this.run('document.body.innerText')}`);
  }

  /** Waits for an element that is shown. */
  see(id, limitMs) {
    return this.until(`[...document.querySelectorAll('[data-testid="${id}"]')].some((each) => each.checkVisibility())`, limitMs);
  }

  text(id) {
    return this.run(`document.querySelector('[data-testid="${id}"]')?.textContent ?? null`);
  }

  async click(id, nth = 0) {
    await this.until(`document.querySelectorAll('[data-testid="${id}"]')[${nth}]`);
    await this.run(`(() => { const it = document.querySelectorAll('[data-testid="${id}"]')[${nth}]; it.focus(); it.click(); })()`);
  }

  /** Puts a text into a field as if it had been typed. */
  async fill(id, text) {
    await this.until(`document.querySelector('[data-testid="${id}"]:not(:disabled)')`);
    await this.run(`(() => {
      const field = document.querySelector('[data-testid="${id}"]');
      field.focus(); field.value = ${JSON.stringify(text)};
      field.dispatchEvent(new Event('input', { bubbles: true }));
      field.dispatchEvent(new Event('change', { bubbles: true }));
    })()`);
  }

  /** Writes a message and sends it. */
  async say(text) {
    await this.fill('write', text);
    await this.press('Enter');
  }

  /** Waits until the reply is whole and everything is saved. */
  settled() {
    return this.until(`document.querySelector('[data-testid="stop"]').hidden && !document.querySelector('[data-testid="unsaved"]') && document.querySelectorAll('#captions .caption').length > 0`);
  }

  /** `you: …` and `sotto: …`, as they are read. */
  turns() {
    return this.run(`[...document.querySelectorAll('#captions .caption')].map((each) =>
      (each.dataset.role === 'user' ? 'you: ' : 'sotto: ') + each.querySelector('.words').innerText.trim())`);
  }

  /** A key for whatever has the focus, as scripts send it. */
  key(key) {
    return this.run(`document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: '${key}', bubbles: true, cancelable: true }))`);
  }

  /** A key as a person presses it. */
  async press(key, modifiers = 0) {
    await this.keyDown(key, modifiers);
    await this.keyUp(key, modifiers);
  }

  keyDown(key, modifiers = 0) {
    const [windowsVirtualKeyCode, text] = KEYS[key];
    const named = { key: key === 'Space' ? ' ' : key, code: key, windowsVirtualKeyCode, modifiers };
    return this.send('Input.dispatchKeyEvent', { type: 'keyDown', ...named, ...(text ? { text } : {}) });
  }

  keyUp(key, modifiers = 0) {
    const named = { key: key === 'Space' ? ' ' : key, code: key, windowsVirtualKeyCode: KEYS[key][0], modifiers };
    return this.send('Input.dispatchKeyEvent', { type: 'keyUp', ...named });
  }

  /** The mouse goes down (`mousePressed`) or up (`mouseReleased`) on an element. */
  async mouse(type, id) {
    const at = await this.run(`(() => {
      const { x, y, width, height } = document.querySelector('[data-testid="${id}"]').getBoundingClientRect();
      return { x: x + width / 2, y: y + height / 2 };
    })()`);
    await this.send('Input.dispatchMouseEvent', { type, ...at, button: 'left', clickCount: 1 });
  }

  type(text) {
    return this.send('Input.insertText', { text });
  }

  async look(size, scheme) {
    const [, width, height] = looks.find(([name]) => name === size);
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: size !== 'desk' });
    await this.send('Emulation.setTouchEmulationEnabled', { enabled: size !== 'desk' });
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    await wait(REPAINT_MS);
    return width;
  }

  async picture(name, only = null) {
    if (!this.pictures) return;
    await mkdir(this.pictures, { recursive: true });
    for (const [size] of looks) {
      for (const scheme of ['light', 'dark']) {
        if (only && !only.includes(`${size}-${scheme}`)) continue;
        const width = await this.look(size, scheme);
        const { data } = await this.send('Page.captureScreenshot', { format: 'png' });
        await writeFile(join(this.pictures, `${name}-${size}-${scheme}.png`), Buffer.from(data, 'base64'));
        assert.equal(await this.run('document.documentElement.scrollWidth'), width, `${name} is wider than the screen`);
      }
    }
    await this.look('desk', 'light');
  }
}

/** Chromium's debugging pipe: JSON messages, each closed by a zero byte. */
function pipe(input, output, listen) {
  const waiting = new Map();
  let rest = '';
  let id = 0;
  output.setEncoding('utf8');
  output.on('data', (data) => {
    const messages = (rest + data).split('\0');
    rest = messages.pop();
    for (const message of messages.map((text) => JSON.parse(text))) {
      if (message.method) listen(message);
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
