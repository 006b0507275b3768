/**
 * Real browsers call the real server: recorded speech goes in at the microphone, captions and sound come out.
 *
 *   npm run e2e [-- part of a story's name]
 *
 * It needs a built server (`SOTTO_BIN`), its models (`SOTTO_MODELS_DIR`), the shared recordings (`SOTTO_SHARED`),
 * espeak-ng, Chromium and Firefox (`CHROMIUM`, `FIREFOX`), and PulseAudio for the latter. Screenshots go to `SOTTO_SHOTS`.
 * With `SOTTO_TEST_STRICT=1` what would be skipped is a failure.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChromium } from './e2e/chromium.mjs';
import { clip, silence, writeWav } from './e2e/clips.mjs';
import { apiIsShown } from './e2e/docs.mjs';
import { startFirefox } from './e2e/firefox.mjs';
import { wordsStayWords } from './e2e/hostile.mjs';
import { ephemeral, fromCallToDeletion, guestBecomesSomebody, reloaded } from './e2e/keeping.mjs';
import { startModel } from './e2e/model.mjs';
import { looks, Page, wait } from './e2e/page.mjs';
import { chromiumProgram, firefoxProgram, sharedFolder, soundProgram, strict } from './e2e/places.mjs';
import { privately } from './e2e/private.mjs';
import { startServer } from './e2e/server.mjs';
import { startSound } from './e2e/sound.mjs';
import { captionsGrow, connects, connectTimes, hangUp, interruption, oneTurn, pageLoad, throughTheGlass, waitsForLine } from './e2e/stories.mjs';

/** The microphone may begin before the call is connected. */
const BEFORE_MS = 1_500;
const AFTER_MS = 20_000;
/** From the end of the first words to the second: by then even a debug build answers, and is not done. */
const OVER_REPLY_AFTER_MS = 4_000;
const CALLS = 20;
const GOODBYE_MS = 200;

const [part] = process.argv.slice(2);
let failed = false;
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

if (!existsSync(sharedFolder)) {
  // Not even strictly: whoever has no recordings cannot be asked for them.
  console.log(`SKIPPED: calls from browsers: there are no recordings at ${sharedFolder} (SOTTO_SHARED)`);
  process.exit(0);
}
const folder = await mkdtemp(join(tmpdir(), 'sotto-clips-'));
const script = (name) => readFile(new URL(`e2e/${name}`, import.meta.url), 'utf8');
const [probe, microphone, noEcho] = await Promise.all(['probe.js', 'microphone.js', 'no-echo.js'].map(script));
const short = await clip('libri_1089-134691-0000');
const long = await clip('ss_0870');
const over = await clip('sb_spk1_snt4');
const model = await startModel();
let server;
try {
  server = await startServer(model.url);
  await inChromium();
  await inFirefox();
} catch (error) {
  fail('calls from browsers', error);
} finally {
  const code = await server?.stop();
  if (code) fail('the server stops in order', new Error(`it ended with ${code}`));
  await model.close();
  await rm(folder, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);

async function inChromium() {
  if (!chromiumProgram) return skip('Chromium');
  const words = join(folder, 'words.wav');
  await writeWav(words, [silence(BEFORE_MS), short.pcm, silence(AFTER_MS)]);
  await withBrowser(() => startChromium({ microphoneFile: words, scripts: [probe] }), async (page, tell) => {
    await tell('a page load is small', () => pageLoad(page));
    for (const output of ['blob', 'track']) {
      await tell(`a turn, heard as ${output}`, () => oneTurn(page, { text: short.text, output, shots: output }));
      await tell(`a turn, heard as ${output}, behind glass`, () => throughTheGlass(page, output === 'blob' ? output : null));
      await tell('hanging up', () => hangUp(page, server));
    }
    await tell('the API is shown', () => apiIsShown(page, server));
    await tell(`${CALLS} calls connect`, () => connectTimes(page, server, CALLS));
  });

  await withBrowser(() => startChromium({ microphoneFile: words, scripts: [probe] }), async (page, tell) => {
    const story = { text: short.text, model, server };
    await tell('from signing up over a call to deleting', () => fromCallToDeletion(page, story));
    await tell('a guest makes an account', () => guestBecomesSomebody(page, story));
    await tell('a private conversation', () => privately(page, story));
    await tell('an ephemeral conversation', () => ephemeral(page, story));
    await tell('a page is reloaded in a call', () => reloaded(page, story));
    await tell('hostile words', () => wordsStayWords(page, story));
  });

  const small = await startServer(model.url, { LIMITS__CALLS: '1' });
  try {
    await withBrowser(() => startChromium({ microphoneFile: words, scripts: [probe] }), async (page, tell) => {
      await tell('a full server is waited for', () => waitsForLine(page, small, { shots: 'full' }));
      await tell('hanging up', () => hangUp(page, small));
    }, small);
  } finally {
    await small.stop();
  }

  const talkedOver = join(folder, 'talked-over.wav');
  await writeWav(talkedOver, [silence(BEFORE_MS), long.pcm, silence(OVER_REPLY_AFTER_MS), over.pcm, silence(AFTER_MS)]);
  await withBrowser(() => startChromium({ microphoneFile: talkedOver, scripts: [noEcho, probe] }), async (page, tell) => {
    await tell('words are shown while they are spoken', () => captionsGrow(page, { shots: 'growing' }));
    await tell('hanging up', () => hangUp(page, server));
    for (const output of ['blob', 'track']) {
      const story = { first: long, second: over, output, shots: output === 'blob' ? 'interrupted' : null };
      await tell(`a reply is talked over, heard as ${output}`, () => interruption(page, story));
      await tell('hanging up', () => hangUp(page, server));
    }
  });
}

async function inFirefox() {
  if (!firefoxProgram) return skip('Firefox');
  if (!soundProgram) return skip('Firefox', 'PulseAudio');
  const sound = await startSound();
  const start = (...scripts) => startFirefox({ scripts, environment: sound.environment });
  await withBrowser(() => start(probe), async (page, tell) => {
    await tell('a call connects', () => connects(page));
    await tell('hanging up', () => hangUp(page, server));
  });
  // Its own microphone cannot speak.
  await withBrowser(() => start(microphone, probe), async (page, tell) => {
    // Firefox does it also when its answer is lost, which happens; whether it was said is seen in what was heard.
    const speak = () => page.run(`say('${short.pcm.toString('base64')}')`).catch(() => undefined);
    for (const output of ['blob', 'track']) {
      await tell(`a turn, heard as ${output}`, () => oneTurn(page, { text: short.text, output, speak }));
      await page.picture(`${output}-answered`, looks['desk-light']);
      await tell('hanging up', () => hangUp(page, server));
    }
  });
  await sound.close();
}

/** Tells stories in one browser; the first that fails shows all that is known, and ends it. */
async function withBrowser(start, stories, at = server) {
  const browser = await start().catch((error) => fail('a browser starts', error));
  if (!browser) return;
  const page = new Page(browser, at.url);
  await page.browser.resize?.(looks['desk-light']);
  const told = new Set();
  const tell = async (name, story) => {
    if (part !== undefined && !name.includes(part)) return;
    const started = performance.now();
    try {
      const figures = await story();
      console.log(`ok    ${browser.name}: ${name} (${((performance.now() - started) / 1000).toFixed(1)} s): ${figures}`);
    } catch (error) {
      fail(`${browser.name}: ${name}`, error);
      console.log(`--- captions\n${(await page.turns().catch(() => [])).join('\n')}`);
      console.log(`--- states, problems\n${await page.run('`${probe.states}; ${probe.problems}`').catch(() => '')}`);
      console.log(`--- events\n${await page.run('probe.events.join("\\n")').catch(() => '')}`);
      console.log(`--- console\n${browser.messages.join('\n')}\n--- server\n${at.tail()}`);
      console.log(`--- picture: ${await page.picture(`failed-${name.replaceAll(/\W+/g, '-')}`).catch((problem) => problem.message)}`);
      told.add(error);
      throw error;
    }
  };
  await stories(page, tell).catch((error) => {
    if (!told.has(error)) fail(browser.name, error);
  });
  // A call that a failed story left goes on in the server until the page has said goodbye.
  await browser.open('about:blank').catch(() => undefined);
  await wait(GOODBYE_MS);
  await browser.close();
}

function skip(browser, missing = browser) {
  console.log(`SKIPPED: calls from ${browser}: ${missing} is not installed`);
  if (strict) failed = true;
}

function fail(name, error) {
  failed = true;
  console.log(`FAIL  ${name}: ${error.message}`);
}
