/** The page as a person meets it, in any browser. */
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shotsFolder } from './places.mjs';

const POLL_MS = 25;
const PATIENCE_MS = 15_000;
/** Until a changed size or colour scheme is drawn. */
const REPAINT_MS = 150;
const TABS = 12;

const DESK = { width: 1280, height: 800, phone: false };
const PHONE = { width: 390, height: 844, phone: true };
const SMALL = { width: 360, height: 640, phone: true };
export const looks = Object.fromEntries(
  [['desk', DESK], ['phone', PHONE], ['small', SMALL]].flatMap(([size, shape]) =>
    ['light', 'dark'].map((scheme) => [`${size}-${scheme}`, { ...shape, scheme }]),
  ),
);

export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Page {
  constructor(browser, url) {
    this.browser = browser;
    this.url = url;
    this.run = browser.run;
  }

  /** Opens the page; `query` asks for something other than its default: what follows its address. */
  async open(query = '') {
    await this.browser.open(`${this.url}/${query}`);
    await this.until(`(location.pathname + location.search).slice(1) === '${query}' && document.readyState === 'complete' && document.body.dataset.hearing`);
  }

  /** Waits until an expression is true in the page. */
  async until(condition, limitMs = PATIENCE_MS) {
    for (const end = performance.now() + limitMs; performance.now() < end; await wait(POLL_MS)) {
      // While a page is being left there is nobody to ask.
      if (await this.run(`Boolean(${condition})`).catch(() => false)) return;
    }
    throw new Error(`did not happen: ${condition}; the page shows:\n${await this.shows()}`);
  }

  /** The same page anew: what is not kept is gone. */
  async reload() {
    await this.run('window.old = true');
    await this.run('location.reload()').catch(() => undefined);
    await this.until(`!window.old && document.readyState === 'complete' && document.body?.dataset.hearing`);
  }

  /** As somebody who was never here. */
  async forget() {
    await this.browser.open('about:blank');
    await this.browser.forget(new URL(this.url).origin);
  }

  /** Waits for something that is shown. */
  see(id, limitMs) {
    return this.until(`[...document.querySelectorAll('[data-testid="${id}"]')].some((each) => each.checkVisibility())`, limitMs);
  }

  /** Clicks on what is shown under this name. */
  async click(id) {
    await this.see(id);
    await this.run(`(() => {
      const it = [...document.querySelectorAll('[data-testid="${id}"]')].find((each) => each.checkVisibility());
      it.focus();
      it.click();
    })()`);
  }

  /** Puts a text into a field as if it had been typed. */
  async fill(id, text) {
    await this.until(`document.querySelector('[data-testid="${id}"]:not(:disabled)')`);
    await this.run(`(() => {
      const field = document.querySelector('[data-testid="${id}"]');
      field.focus();
      field.value = ${JSON.stringify(text)};
      for (const type of ['input', 'change']) field.dispatchEvent(new Event(type, { bubbles: true }));
    })()`);
  }

  /** Writes a message and sends it. */
  async say(text) {
    await this.fill('write', text);
    await this.browser.press('Enter');
  }

  /** Waits until nothing is being written, and everything is saved. */
  settled(limitMs) {
    return this.until(
      `document.querySelector('[data-testid="stop"]').hidden && document.querySelectorAll('#captions .turn').length > 0 &&
        [...document.querySelectorAll('#captions .turn')].every((each) => ['saved', 'never'].includes(each.dataset.saved))`,
      limitMs,
    );
  }

  /** `you: …` and `sotto: …`, as they are read. */
  turns() {
    return this.run(`[...document.querySelectorAll('#captions .caption')].map((each) =>
      (each.dataset.role === 'user' ? 'you: ' : 'sotto: ') + each.querySelector('.words').innerText.trim())`);
  }

  /** Waits until exactly these turns are shown. */
  async shownTurns(wanted, limitMs) {
    await this.until(`document.querySelectorAll('#captions .caption').length === ${wanted.length}`, limitMs);
    assert.deepEqual(await this.turns(), wanted);
  }

  state(wanted, limitMs) {
    return this.until(`document.body.dataset.state === '${wanted}'`, limitMs);
  }

  /** Calls as one does without a mouse. */
  async call() {
    for (let tab = 0; tab < TABS && (await this.run('document.activeElement.id')) !== 'call'; tab++) {
      await this.browser.press('Tab');
    }
    await this.browser.press('Enter');
    await this.state('listening');
  }

  /** Hangs up as one does with a mouse. */
  async hangUp() {
    const [x, y] = await this.run(`(() => {
      const { left, top, width, height } = document.querySelector('#hang-up').getBoundingClientRect();
      return [left + width / 2, top + height / 2];
    })()`);
    await this.browser.clickAt(x, y);
    await this.state('ended');
  }

  /** What was said so far: `{ role, text, phase, heardMs, peak }`. */
  captions() {
    return this.run(`[...document.querySelectorAll('#captions .caption')].map((caption) => ({
      role: caption.dataset.role,
      text: caption.textContent,
      phase: caption.dataset.phase,
      heardMs: Number(caption.dataset.heardMs ?? 0),
      peak: Number(caption.dataset.peak ?? 0),
    }))`);
  }

  /** Waits until one side's caption number `index` has come to this end; gives it. */
  async caption(role, index, phase, limitMs) {
    const which = `[...document.querySelectorAll('#captions [data-role="${role}"]')][${index}]?.dataset.phase`;
    await this.until(`${which} === '${phase}'`, limitMs);
    return (await this.captions()).filter((caption) => caption.role === role)[index];
  }

  shows() {
    return this.run('document.body.innerText').catch((error) => `(nothing: ${error.message})`);
  }

  async picture(name, look) {
    if (look) await this.browser.resize(look);
    if (look) await wait(REPAINT_MS);
    await mkdir(shotsFolder, { recursive: true });
    const path = this.pathOf(name);
    await writeFile(path, Buffer.from(await this.browser.screenshot(), 'base64'));
    return path;
  }

  /** Removes what an earlier run left. */
  forgetPicture(name) {
    return rm(this.pathOf(name), { force: true });
  }

  pathOf(name) {
    return join(shotsFolder, `${this.browser.name}-${name}.png`);
  }

  /** In every size and colour scheme; what was said last has to be in sight in all of them, unless something else is looked at. */
  async pictures(name, { end = true } = {}) {
    for (const [look, shape] of Object.entries(looks)) {
      await this.picture(`${name}-${look}`, shape);
      const { width, hiddenPx } = await this.run(`(() => {
        const list = document.querySelector('#captions');
        const end = (element) => element.getBoundingClientRect().bottom;
        return { width: document.documentElement.scrollWidth, hiddenPx: end(list.lastElementChild) - end(list) };
      })()`);
      assert.equal(width, shape.width, `${look}: wider than the screen`);
      assert.ok(!end || hiddenPx < 1, `${look}: ${hiddenPx} px of the captions' end are out of sight`);
    }
    await this.browser.resize(looks['desk-light']);
  }
}
