import { describe, expect, test } from 'vitest';
import { EventLines, readEvents, understood, type StreamEvent } from '../src/sse';

const stream = 'event: stored\ndata: {"item_id":"i1","seq":1}\n\n: a comment\n\nevent: delta\r\ndata: {"text":"Grüße"}\r\n\r\nevent: done\ndata: {"item_id":"i2",\ndata: "status":"completed","text":"Grüße"}\n\n';

const whole: StreamEvent[] = [
  { event: 'stored', item_id: 'i1', seq: 1 },
  { event: 'delta', text: 'Grüße' },
  { event: 'done', item_id: 'i2', status: 'completed', text: 'Grüße' },
];

describe('a stream of events', () => {
  test('is read the same wherever it was cut', async () => {
    const bytes = new TextEncoder().encode(stream);
    for (let size = 1; size <= bytes.length; size += 3) {
      const events: StreamEvent[] = [];
      for await (const event of readEvents(inPieces(bytes, size))) events.push(event);
      expect(events).toEqual(whole);
    }
  });

  test('that breaks off in the middle of an event gives only what is whole', () => {
    const lines = new EventLines();
    expect(lines.push('event: delta\ndata: {"text":"a"}\n\nevent: delta\ndata: {"te')).toHaveLength(1);
  });

  test('that breaks tells so', async () => {
    const body = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error('gone')) });
    await expect(readEvents(body).next()).rejects.toThrow('gone');
  });
});

describe('what is no event of ours', () => {
  test.each([
    ['an unknown name', { event: 'weather', data: '{"rain":true}' }],
    ['broken JSON', { event: 'delta', data: '{"text":' }],
    ['a number where an id belongs', { event: 'started', data: '{"item_id":7}' }],
    ['nothing', { event: 'stored', data: 'null' }],
    ['a title that is none', { event: 'title', data: '{"title":{}}' }],
  ])('%s is passed over', (_, raw) => {
    expect(understood(raw)).toBeNull();
  });
});

function inPieces(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, (at += size)));
    },
  });
}
