import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Heard, Playback } from '../src/playback';
import type { FakeContext } from './stubs/audio';
import { begin, listen, pass, word } from './stubs/listener';

const RATE = 48_000;

describe('playback', () => {
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

  test('chunks follow one another without a gap, on whole frames', async () => {
    await send('a', 500);
    await send('b', 333);
    await send('c', 250);
    const starts = context.sources.map((source) => source.startedAt!);
    expect(starts[0]).toBeGreaterThan(0);
    expect(starts[0]).toBeLessThan(0.05);
    for (let i = 1; i < 3; i++) {
      const previous = context.sources[i - 1]!;
      expect(starts[i]! - starts[i - 1]!).toBeCloseTo(previous.buffer!.length / RATE, 9);
      expect(Math.abs(starts[i]! * RATE - Math.round(starts[i]! * RATE))).toBeLessThan(1e-6);
    }
  });

  test('a chunk that comes late starts at once, not in the past', async () => {
    await send('a', 100);
    await advance(1000);
    await send('b', 100);
    expect(context.sources[1]!.startedAt).toBeGreaterThanOrEqual(context.currentTime);
    expect(context.sources[1]!.startedAt! - context.currentTime).toBeLessThan(0.05);
  });

  test('what was heard is reported: beginning, progress, end', async () => {
    await send('a', 500);
    await send('b', 300);
    await advance(1000);
    const of = (id: string) => reports.filter(([chunk]) => chunk === id).map(([, ms]) => ms);
    expect(of('a')[0]).toBe(0);
    expect(of('a').at(-1)).toBe(500);
    expect(of('b')[0]).toBe(0);
    expect(of('b').at(-1)).toBe(300);
    const steps = of('a').slice(0, -1);
    for (let i = 1; i < steps.length; i++) expect(steps[i]! - steps[i - 1]!).toBeGreaterThanOrEqual(200);
    expect(of('a')).toHaveLength(4);
    expect(of('b')).toHaveLength(3);
  });

  test('sound is heard when it has left the device, not when it was computed', async () => {
    context.outputLatency = 0.2;
    await send('a', 500);
    await advance(200);
    expect(reports).toEqual([]);
    await advance(40);
    expect(reports).toEqual([['a', 0]]);
    await advance(1000);
    expect(reports.at(-1)).toEqual(['a', 500]);
  });

  test('the caption grows with the sound', async () => {
    await send('a', 400, { text: 'one two', words: [word('one', 0), word('two', 200)] });
    await send('b', 400, { text: 'three', words: [word('three', 0)] });
    await advance(160);
    expect(heard.at(-1)).toMatchObject({ itemId: 'item', text: 'one', peak: 0 });
    context.sample = -0.5;
    await advance(160);
    expect(heard.at(-1)).toMatchObject({ text: 'one two', peak: 0.5 });
    context.sample = 0.1;
    await advance(1000);
    expect(heard.at(-1)).toMatchObject({ text: 'one two three', heardMs: 800, peak: 0.5 });
  });

  test('a clear stops at once with a short fade, says how far it got, and discards what comes late', async () => {
    await send('a', 1000);
    await send('b', 1000);
    begin(playback, 'c', 1000);
    await advance(400);
    playback.clear('response');
    const [first, second] = context.sources;
    expect(first!.stoppedAt! - context.currentTime).toBeCloseTo(0.003, 6);
    expect(second!.stoppedAt!).toBeLessThan(second!.startedAt!);
    expect(context.gains[0]!.ramps.at(-1)).toEqual([0, first!.stoppedAt]);
    const [chunk, ms] = reports.at(-1)!;
    expect(chunk).toBe('a');
    expect(ms).toBeGreaterThan(350);
    expect(ms).toBeLessThanOrEqual(400);
    expect(reports.some(([id]) => id === 'b')).toBe(false);

    // The rest of the third chunk was under way, and a whole fourth.
    playback.receive(new ArrayBuffer(1000));
    await send('d', 500);
    await advance(2000);
    expect(context.sources).toHaveLength(2);
    expect(reports.at(-1)).toEqual([chunk, ms]);
  });

  test('a chunk that is cleared while it is decoded is not heard', async () => {
    context.holdDecoding();
    void send('a', 500);
    playback.clear('response');
    context.releaseDecoding();
    await advance(100);
    expect(context.sources).toHaveLength(0);
  });

  test('the next response begins at once after a clear', async () => {
    await send('a', 5000);
    await advance(100);
    playback.clear('response');
    await send('b', 200, { response_id: 'next', item_id: 'other' });
    expect(context.sources[1]!.startedAt! - context.currentTime).toBeLessThan(0.05);
    await advance(500);
    expect(reports.at(-1)).toEqual(['b', 200]);
  });

  test('an unfinished chunk is given up when a new header comes', async () => {
    begin(playback, 'a', 500);
    playback.receive(new ArrayBuffer(100));
    await send('b', 500);
    await advance(1000);
    expect(context.sources).toHaveLength(1);
    expect(reports.every(([chunk]) => chunk === 'b')).toBe(true);
  });

  test('parts beyond the stated size and parts without a header are discarded', async () => {
    playback.receive(new ArrayBuffer(64));
    begin(playback, 'a', 500);
    playback.receive(new ArrayBuffer(2000));
    playback.receive('nonsense');
    await advance(100);
    expect(context.sources).toHaveLength(0);
    await send('b', 100);
    expect(context.sources).toHaveLength(1);
  });

  test('a chunk that cannot be decoded is reported as not heard, and the next one plays', async () => {
    context.failDecoding = true;
    await send('a', 500);
    context.failDecoding = false;
    await send('b', 500);
    expect(reports).toEqual([['a', 0]]);
    expect(context.sources).toHaveLength(1);
  });

  test('no more is decoded ahead than is needed', async () => {
    for (let i = 0; i < 10; i++) await send(`c${i}`, 4000);
    expect(context.sources).toHaveLength(3);
    await advance(4000);
    expect(context.sources).toHaveLength(4);
  });

  test('closing reports the last position and rests', async () => {
    await send('a', 1000);
    await advance(300);
    playback.close();
    expect(reports.at(-1)![1]).toBeGreaterThan(200);
    expect(vi.getTimerCount()).toBe(0);
  });

  async function send(chunkId: string, durationMs: number, fields: object = {}): Promise<void> {
    begin(playback, chunkId, durationMs, fields);
    playback.receive(new ArrayBuffer(durationMs - 40));
    playback.receive(new ArrayBuffer(40));
    await vi.advanceTimersByTimeAsync(0);
  }

  /** Lets sound and timers go on together. */
  async function advance(ms: number): Promise<void> {
    await pass(context, ms);
  }
});
