/** What happens in calls, as far as it is the same in every browser. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { looks, wait } from './page.mjs';

/** 1 % of full scale: quieter than this nobody calls speech. */
const AUDIBLE = 0.01;
/** Recognition, the answer and its speech, on a busy machine and in a debug build. */
const TURN_MS = 40_000;
/** From the caption's cut to silence: a fade, what the measurement spans, and for a track what is still on its way. */
const HUSH_MS = 600;
const CONNECTED_WITHIN_MS = 2_000;
const GONE_WITHIN_MS = 5_000;
/** A full server says when to ask again: at most a minute, and not twice here. */
const LINE_MS = 70_000;
const PAGE_BYTES = 120_000;

/** One turn, from the call to the end of the reply. `speak` is for microphones that wait to be told. */
export async function oneTurn(page, { text, output, speak = async () => undefined, shots = null }) {
  await page.open(output === 'track' ? '?output=track' : '');
  await page.call();
  await speak();
  const user = await page.caption('user', 0, 'done', TURN_MS);
  assert.equal(user.text, text, 'what was heard');
  await page.state('speaking', TURN_MS);
  await page.until(`Number(document.querySelector('[data-role="assistant"]')?.dataset.heardMs) > 400`, TURN_MS);
  if (shots) await page.picture(`${shots}-speaking-desk-light`, looks['desk-light']);
  if (shots) await page.picture(`${shots}-speaking-phone-dark`, looks['phone-dark']);
  const assistant = await page.caption('assistant', 0, 'done', TURN_MS);
  assert.equal(assistant.text, text, 'what was answered');
  await page.state('listening');
  if (shots) await page.pictures(`${shots}-answered`);

  const { states, loudest, problems, violations } = await page.run(
    '({ ...probe, sound: [], connection: null, loudest: probe.loudest() })',
  );
  assert.deepEqual(states.slice(-4), ['listening', 'thinking', 'speaking', 'listening'], `the states were ${states}`);
  assert.ok(assistant.peak > AUDIBLE, `the page says that the reply had a peak of ${assistant.peak}`);
  assert.ok(loudest > AUDIBLE, `the reply had a peak of ${loudest}`);
  assert.ok(assistant.heardMs > 500, `${assistant.heardMs} ms of the reply were heard`);
  const answeredMs = Number(await page.run(`document.querySelector('#latency').dataset.firstAudioMs`));
  assert.ok(answeredMs > 0, 'the times of the turn are missing');
  assert.deepEqual(problems, []);
  assert.deepEqual(violations, []);
  if (output === 'track') await tracksArrive(page);
  const peak = loudest.toFixed(2);
  return `peak ${peak}, heard ${assistant.heardMs} ms, answered after ${answeredMs} ms`;
}

/** The turn that was spoken last, behind glass: what each engine did lies where the server's clock says. */
export async function throughTheGlass(page, shots = null) {
  await page.click('why');
  await page.see('glass');
  const { rows, jobs, said } = await page.run(`(() => {
    const falls = document.querySelector('.glass figure > svg');
    const { left, width } = falls.getBoundingClientRect();
    const part = (x) => (x - left) / width;
    const texts = [...falls.querySelectorAll('text:not(.number):not(.name)')];
    const bars = [...falls.querySelectorAll('rect')].map((bar) => bar.getBoundingClientRect());
    const rows = Object.fromEntries(texts.map((text, index) => {
      const from = text.getBoundingClientRect().top;
      const to = texts[index + 1]?.getBoundingClientRect().top ?? Infinity;
      const own = bars.filter((bar) => bar.top > from && bar.top < to);
      return [text.textContent, [Math.min(...own.map((bar) => part(bar.left))), Math.max(...own.map((bar) => part(bar.right)))]];
    }));
    const table = [...document.querySelectorAll('.glass table')].find((each) => each.caption.textContent.startsWith('What was worked on'));
    const jobs = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent));
    return { rows, jobs, said: document.querySelector('[data-testid="network"]').textContent };
  })()`);
  assert.deepEqual(Object.keys(rows), ['Your pause', 'End of turn', 'Recognition', 'Model', 'Voice', 'Playout']);
  for (const [name, [from, to]] of Object.entries(rows)) assert.ok(from >= -0.01 && to <= 1.01 && from <= to, `${name} lies from ${from} to ${to}`);
  const [, recognised] = rows['Recognition'];
  assert.ok(rows['Model'][0] <= rows['Voice'][0] && rows['Voice'][1] <= rows['Playout'][1], JSON.stringify(rows));
  assert.ok(recognised <= rows['Voice'][0], 'spoken before it was understood');
  assert.ok(Math.abs(rows['Playout'][1] - 1) < 0.01, 'it ends when it is heard');
  assert.match(said, /^Your sound arrived (well|with gaps|badly): /);
  if (shots) await page.pictures(`${shots}-glass`, { end: false });
  await page.click('why');
  return jobs.map(([name, , waited, worked]) => `${name} ${waited}+${worked} ms`).join(', ');
}

/** Words are shown while they are spoken, and those that stand stay as they are. */
export async function captionsGrow(page, { shots }) {
  await page.open();
  await page.run(`
    window.grown = [];
    new MutationObserver(() => {
      const caption = document.querySelector('.caption[data-role="user"][data-phase="open"]');
      if (!caption) return;
      const tail = caption.querySelector('.tail')?.textContent ?? '';
      const text = caption.textContent;
      const stable = text.endsWith(tail) ? text.slice(0, text.length - tail.length).trim() : text;
      if (grown.at(-1) !== stable) grown.push(stable);
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  `);
  await page.call();
  await page.until(`document.querySelector('.caption[data-role="user"][data-phase="open"]')?.textContent.split(' ').length > 4`, TURN_MS);
  await page.picture(`${shots}-desk-light`, looks['desk-light']);
  await page.caption('user', 0, 'done', TURN_MS);
  const grown = await page.run('grown');
  const words = (text) => text.split(/\s+/).filter(Boolean);
  grown.reduce((before, now) => {
    const bare = (text) => words(text).map((word) => word.replace(/[.,;:!?…]+$/, '')).join(' ');
    assert.ok(bare(now).startsWith(bare(before)), `“${before}” became “${now}”`);
    return now;
  }, '');
  const longest = Math.max(...grown.map((text) => words(text).length));
  assert.ok(longest >= 3, `only ${longest} words stood before the end`);
  return `${grown.length} captions, ${longest} words stood before the end`;
}

/** A long reply is talked over; `second` is what was said over it. */
export async function interruption(page, { first, second, output, shots = null }) {
  await page.open(output === 'track' ? '?output=track' : '');
  await page.call();
  const user = await page.caption('user', 0, 'done', TURN_MS);
  assert.equal(user.text, first.text, 'what was heard');
  const cut = await page.caption('assistant', 0, 'cut', TURN_MS);
  await wait(HUSH_MS);
  const after = await page.run('probe.loudest(200)');
  assert.ok(after < AUDIBLE, `the reply went on with a peak of ${after}`);
  assert.ok(cut.heardMs > 0, 'nothing of the reply was heard');
  const words = cut.text.replace(/…$/, '');
  assert.ok(first.text.startsWith(words), `the cut reply reads: ${cut.text}`);
  // The words of a track come clause by clause, those of chunks as they are heard.
  if (output === 'blob') assert.ok(words.length < first.text.length, `all of the cut reply was heard: ${cut.text}`);
  const next = await page.caption('user', 1, 'done', TURN_MS);
  assert.equal(next.text, second.text, 'what was heard over the reply');
  const reply = await page.caption('assistant', 1, 'done', TURN_MS);
  assert.equal(reply.text, second.text, 'what was answered to it');
  assert.deepEqual(await page.run('probe.violations'), []);
  if (shots) await page.pictures(shots);
  return `cut after ${cut.heardMs} ms: ${cut.text}`;
}

/** The only line is taken by somebody else. The page waits for it, and has it when they have hung up. */
export async function waitsForLine(page, server, { shots }) {
  const other = new WebSocket(`${server.url.replace(/^http/, 'ws')}/v1/realtime`);
  await once(other, 'open');
  await page.open();
  await page.click('call');
  await page.until(`/^Trying again in \\d+ s \\(1 of/.test(document.querySelector('#waiting:not([hidden]) #waiting-line')?.textContent)`);
  assert.equal(await page.run(`document.querySelector('#problem').dataset.code`), 'server-full');
  for (const look of ['desk-light', 'phone-dark']) await page.picture(`${shots}-${look}`, looks[look]);
  await page.browser.resize(looks['desk-light']);
  other.close();
  const started = performance.now();
  await page.state('listening', LINE_MS);
  assert.equal(await page.run(`document.querySelector('#problem').hidden`), true);
  assert.deepEqual(await page.run('probe.violations'), []);
  return `called again by itself ${Math.round((performance.now() - started) / 1000)} s after the line was free`;
}

/** The button ends the call on both sides. */
export async function hangUp(page, server) {
  assert.equal(await server.activeCalls(), 1);
  await page.hangUp();
  const started = performance.now();
  while ((await server.activeCalls()) > 0) {
    assert.ok(performance.now() - started < GONE_WITHIN_MS, 'the server still has the call');
    await wait(20);
  }
  assert.equal(await page.run('document.querySelector("#problem").hidden'), true, 'a hang-up is no problem');
  return `gone after ${Math.round(performance.now() - started)} ms`;
}

/** From the answer to `connected`, over so many calls. */
export async function connectTimes(page, server, calls) {
  await page.open();
  for (let call = 0; call < calls; call++) {
    await page.call();
    await hangUp(page, server);
  }
  const times = (await page.run('probe.connectedMs')).sort((a, b) => a - b);
  assert.equal(times.length, calls);
  const median = (times[calls / 2 - 1] + times[calls / 2]) / 2;
  assert.ok(median < CONNECTED_WITHIN_MS, `connecting took ${median} ms`);
  const [least, most] = [times[0], times.at(-1)].map(Math.round);
  return `median ${Math.round(median)} ms from answer to connected, ${least} to ${most} ms`;
}

/** A first visit costs little, also on a slow line. */
export async function pageLoad(page) {
  await page.open();
  await page.until(`performance.getEntriesByType('resource').some((entry) => entry.name.endsWith('.js'))`);
  // The icon is fetched last, by the browser itself.
  await wait(500);
  const bytes = page.browser.receivedBytes();
  assert.ok(bytes > 10_000 && bytes <= PAGE_BYTES, `${bytes} bytes`);
  return `${(bytes / 1000).toFixed(1)} kB`;
}

/** A call connects, and hears the browser's own microphone. */
export async function connects(page) {
  await page.open();
  await page.call();
  await page.until(`Number(document.querySelector('#level').ariaValueNow) > 0`);
  assert.deepEqual(await page.run('probe.violations'), []);
  return `connected after ${Math.round(await page.run('probe.connectedMs[0]'))} ms`;
}

async function tracksArrive(page) {
  const { packets, lost } = await page.run('probe.received()');
  assert.ok(packets > 50, `${packets} packets came`);
  assert.ok(lost <= packets / 50, `${lost} of ${packets} packets were lost`);
}
