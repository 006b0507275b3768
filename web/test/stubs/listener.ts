/** A playback whose clock is turned by hand, and what it tells. Needs fake timers. */
import { vi } from 'vitest';
import { Playback, type Heard } from '../../src/playback';
import type { ClientEvent } from '../../src/protocol';
import { FakeContext } from './audio';

export interface Listener {
  context: FakeContext;
  playback: Playback;
  /** Chunks and how much of them was played, as the server is told. */
  reports: [string, number][];
  heard: Heard[];
}

export function listen(rate: number): Listener {
  const context = new FakeContext(rate);
  const reports: [string, number][] = [];
  const heard: Heard[] = [];
  const handlers = {
    report: (event: ClientEvent & { type: 'sotto.playout' }) => reports.push([event.chunk_id, event.played_ms]),
    heard: (what: Heard) => heard.push(what),
  };
  const playback = new Playback(context as unknown as AudioContext, handlers, () => context.outputLatency);
  return { context, playback, reports, heard };
}

/** The header of a chunk; its sound follows. */
export function begin(playback: Playback, chunkId: string, durationMs: number, fields: object = {}): void {
  playback.receive(
    JSON.stringify({
      type: 'sotto.audio.chunk', event_id: 'e', response_id: 'response', item_id: 'item', chunk_id: chunkId,
      bytes: durationMs, duration_ms: durationMs, text: '', words: [], ...fields,
    }),
  );
}

/** Time passes, for the sound and for timers. */
export async function pass(context: FakeContext, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    context.currentTime += 0.01;
    await vi.advanceTimersByTimeAsync(10);
  }
}

export function word(text: string, start_ms: number) {
  return { text, start_ms, end_ms: start_ms + 150 };
}
