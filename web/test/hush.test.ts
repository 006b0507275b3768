/** What happens to a reply while somebody may be speaking over it. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Heard, Playback } from '../src/playback';
import type { FakeContext, FakeGain, FakeSource } from './stubs/audio';
import { begin, listen, pass, word } from './stubs/listener';

const RATE = 48_000;
const QUIET = 10 ** (-12 / 20);

let context: FakeContext;
let playback: Playback;
let reports: [string, number][];
let heard: Heard[];

beforeEach(() => {
  vi.useFakeTimers();
  ({ context, playback, reports, heard } = listen(RATE));
});

afterEach(() => {
  playback.close();
  vi.useRealTimers();
});

describe('a reply that is ducked', () => {
  test('is 12 dB quieter within 15 ms, and as loud as before again, without a jump', async () => {
    await send('a', 2000);
    await advance(100);
    const gain = context.gains[0]!;
    let { currentTime: now } = context;
    playback.duck('response', 'quiet');
    expect(gain.at(now)).toBe(1);
    expect(gain.at(now + 0.01)).toBeCloseTo((1 + QUIET) / 2, 6);
    expect(gain.at(now + 0.015)).toBeCloseTo(QUIET, 6);
    await advance(100);
    now = context.currentTime;
    playback.resume('response', null);
    expect(gain.at(now)).toBeCloseTo(QUIET, 6);
    expect(gain.at(now + 0.015)).toBeCloseTo(1, 6);
    expect(context.sources).toHaveLength(1);
    expect(context.sources[0]!.stoppedAt).toBeNull();
  });

  test('is turned around in the middle of the way without a jump', async () => {
    await send('a', 2000);
    await advance(100);
    const gain = context.gains[0]!;
    playback.duck('response', 'quiet');
    context.currentTime += 0.008;
    const { currentTime: now } = context;
    const before = gain.at(now);
    const soon = gain.at(now + 0.004);
    playback.resume('response', null);
    expect(gain.at(now)).toBeCloseTo(before, 9);
    expect(gain.at(now + 0.004)).toBeCloseTo(soon, 9);
    expect(gain.at(now + 0.1)).toBe(1);
  });

  test('says nothing of the next reply', async () => {
    await send('a', 200);
    playback.duck('response', 'quiet');
    await advance(300);
    await send('b', 500, { response_id: 'next', item_id: 'other' });
    playback.duck('response', 'silent');
    await advance(1000);
    expect(context.gains[1]!.at(context.currentTime)).toBe(1);
    expect(reports.at(-1)).toEqual(['b', 500]);
  });
});

describe('a reply that is held', () => {
  test('fades out, says once more where it is, and stays there', async () => {
    context.outputLatency = 0.05;
    await send('a', 1000);
    await send('b', 1000);
    await advance(430);
    const [first, second] = context.sources as [FakeSource, FakeSource];
    const now = context.currentTime;
    playback.duck('response', 'silent');
    expect(loudness().at(now + 0.015)).toBe(0);
    expect(first.stoppedAt).toBeCloseTo(now + 0.015, 9);
    expect(second.stoppedAt!).toBeLessThan(second.startedAt!);
    // All that has left the context will be heard, whatever it takes to get out of the device.
    const place = Math.round((now + 0.005 - first.startedAt!) * 1000);
    expect(reports.at(-1)).toEqual(['a', place]);
    const said = heard.length;
    await advance(3000);
    expect(reports.at(-1)).toEqual(['a', place]);
    expect(heard).toHaveLength(said);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('goes on at the very sample, and what was queued follows without a gap', async () => {
    await send('a', 1000);
    await send('b', 1000);
    await advance(400);
    playback.duck('response', 'silent');
    const [, place] = reports.at(-1)!;
    await send('c', 500);
    await advance(2000);
    const now = context.currentTime;
    playback.resume('response', null);
    await vi.advanceTimersByTimeAsync(0);
    const [a, b, c] = context.sources.slice(2) as [FakeSource, FakeSource, FakeSource];
    expect(a.offset * 1000).toBeCloseTo(place, 0);
    expect(a.startedAt! - now).toBeLessThan(0.021);
    expect(loudness().at(a.startedAt!)).toBe(0);
    expect(loudness().at(a.startedAt! + 0.01)).toBe(1);
    expect([b.offset, c.offset]).toEqual([0, 0]);
    expect(b.startedAt!).toBeCloseTo(a.startedAt! + 1 - a.offset, 9);
    expect(c.startedAt!).toBeCloseTo(b.startedAt! + 1, 9);
    const before = reports.length;
    await advance(2200);
    const after = reports.slice(before);
    expect(after[0]).toEqual(['a', place]);
    expect(after.filter(([id]) => id === 'a').at(-1)).toEqual(['a', 1000]);
    expect(after.filter(([id]) => id === 'b')[0]).toEqual(['b', 0]);
    expect(after.at(-1)).toEqual(['c', 500]);
  });

  test('goes back to the beginning of the word, and so does the caption', async () => {
    await send('a', 900, { text: 'one two three', words: [word('one', 0), word('two', 300), word('three', 600)] });
    await advance(500);
    expect(heard.at(-1)).toMatchObject({ text: 'one two' });
    playback.duck('response', 'silent');
    playback.resume('response', { chunkId: 'a', fromMs: 300 });
    expect(context.sources.at(-1)!.offset).toBeCloseTo(0.3, 9);
    await advance(40);
    expect(heard.at(-1)!.heardMs).toBeLessThan(330);
    await advance(800);
    expect(heard.at(-1)).toMatchObject({ text: 'one two three', heardMs: 900 });
  });

  test('goes back into the chunk before', async () => {
    await send('a', 600, { text: 'one two', words: [word('one', 0), word('two', 300)] });
    await send('b', 600, { text: 'three four', words: [word('three', 0), word('four', 300)] });
    await advance(700);
    expect(heard.at(-1)).toMatchObject({ text: 'one two three' });
    playback.duck('response', 'silent');
    await advance(500);
    playback.resume('response', { chunkId: 'a', fromMs: 300 });
    const [a, b] = context.sources.slice(2) as [FakeSource, FakeSource];
    expect([a.offset, b.offset]).toEqual([0.3, 0]);
    expect(b.startedAt!).toBeCloseTo(a.startedAt! + 0.3, 9);
    const before = reports.length;
    await advance(40);
    expect(heard.at(-1)).toMatchObject({ text: 'one two', itemId: 'item' });
    await advance(1000);
    expect(heard.at(-1)).toMatchObject({ text: 'one two three four', heardMs: 1200 });
    const after = reports.slice(before);
    expect(after[0]).toEqual(['a', 300]);
    expect(after.filter(([id]) => id === 'b')[0]).toEqual(['b', 0]);
    expect(after.at(-1)).toEqual(['b', 600]);
  });

  test('skips nothing that was not heard, whatever it is told', async () => {
    await send('a', 1000);
    await send('b', 1000);
    await advance(300);
    for (const place of [{ chunkId: 'a', fromMs: 900 }, { chunkId: 'b', fromMs: 500 }, { chunkId: 'unknown', fromMs: 0 }]) {
      playback.duck('response', 'silent');
      const [, ms] = reports.at(-1)!;
      playback.resume('response', place);
      expect(context.sources.at(-2)!.offset * 1000).toBeCloseTo(ms, 0);
      await advance(200);
    }
  });

  test('is not heard when a chunk was being decoded, and that chunk is not lost', async () => {
    context.holdDecoding();
    void send('a', 500);
    playback.duck('response', 'silent');
    context.releaseDecoding();
    await advance(100);
    expect(context.sources).toHaveLength(0);
    playback.resume('response', null);
    await advance(1000);
    expect(reports.at(-1)).toEqual(['a', 500]);
    expect(loudness().at(context.currentTime)).toBe(1);
  });

  test('is held but once, and stays silent when it is told to be quiet', async () => {
    await send('a', 1000);
    await advance(300);
    playback.duck('response', 'quiet');
    playback.duck('response', 'silent');
    const last = reports.length;
    playback.duck('response', 'silent');
    playback.duck('response', 'quiet');
    await advance(200);
    expect(loudness().at(context.currentTime)).toBe(0);
    expect(reports).toHaveLength(last);
  });

  test('is cut like any other, and the next one is as loud as ever', async () => {
    await send('a', 1000);
    await advance(300);
    playback.duck('response', 'silent');
    const last = reports.at(-1);
    playback.clear('response');
    playback.resume('response', null);
    playback.duck('response', 'quiet');
    await send('b', 500);
    await advance(500);
    expect(context.sources).toHaveLength(1);
    expect(reports.at(-1)).toEqual(last);
    await send('c', 300, { response_id: 'next', item_id: 'other' });
    await advance(500);
    expect(reports.at(-1)).toEqual(['c', 300]);
    expect(context.gains.at(-1)!.at(context.currentTime)).toBe(1);
  });

  test('can be held again and again without losing a word', async () => {
    await send('a', 1000, { text: 'a' });
    await send('b', 1000, { text: 'b' });
    for (let i = 0; i < 8; i++) {
      await advance(150);
      playback.duck('response', 'silent');
      await advance(100);
      playback.resume('response', null);
    }
    await advance(2500);
    expect(heard.at(-1)).toMatchObject({ text: 'a b', heardMs: 2000 });
    const played = context.sources.map(({ startedAt, stoppedAt, offset, buffer }) => {
      const end = startedAt! + buffer!.length / RATE - offset;
      return Math.max(0, Math.min(end, stoppedAt ?? end) - startedAt!);
    });
    // Each fade of 10 ms is heard again.
    expect(played.reduce((sum, s) => sum + s)).toBeCloseTo(2 + 8 * 0.01, 2);
  });
});

function loudness(): FakeGain {
  return context.gains[0]!;
}

async function send(chunkId: string, durationMs: number, fields: object = {}): Promise<void> {
  begin(playback, chunkId, durationMs, fields);
  playback.receive(new ArrayBuffer(durationMs));
  await vi.advanceTimersByTimeAsync(0);
}

/** Lets sound and timers go on together. */
async function advance(ms: number): Promise<void> {
  await pass(context, ms);
}
