import { describe, expect, test } from 'vitest';
import { parseServerEvent, type ServerEvent } from '../src/protocol';
import events from './fixtures/events.json';

const parsed = (event: unknown): ServerEvent | undefined => parseServerEvent(JSON.stringify(event));

describe('events of the server', () => {
  test.each(events.map((event) => [event.type, event] as const))('%s is read', (type, event) => {
    expect(parsed(event)?.type).toBe(type);
  });

  test('a session says what is in use and what is kept', () => {
    const event = parsed(events[0]);
    expect(event).toMatchObject({
      session: { model: 'echo', sotto: { output: 'blob', history: 'stored', conversation: 'conv_1', tier: 'standard', engines: { stt: 'whisper-tiny.en', tts: 'kokoro-82m' } } },
    });
  });

  test('a session of another server has the defaults', () => {
    expect(parsed({ type: 'session.created', session: { type: 'realtime' } })).toMatchObject({
      session: { sotto: { output: 'track', engines: {}, history: null, conversation: null, tier: null } },
    });
  });

  test('a failed response brings its error', () => {
    const event = events.find((each) => each.type === 'response.done');
    expect(parsed(event)).toMatchObject({ status: 'failed', message: 'the model is not reachable' });
    const coded = { type: 'response.done', response: { status: 'failed', status_details: { error: { code: 'model_failed' } } } };
    expect(parsed(coded)).toMatchObject({ response_id: '', message: 'model_failed' });
  });

  test('phases that did not happen are null', () => {
    const event = parsed({ type: 'sotto.turn', timings: { transcript_ms: 300, first_audio_ms: null } });
    expect(event).toMatchObject({ timings: { transcript_ms: 300, first_token_ms: null, first_audio_ms: null } });
  });

  test('a turn says why it ended, as far as the server tells', () => {
    expect(parsed(events.find((each) => each.type === 'sotto.turn'))).toMatchObject({
      item_id: 'item_1',
      decision: { reason: 'model', silence_ms: 210, checks: [{ probability: 0.93, threshold: 0.5 }], patience: 'number' },
      eager: { begun: 1, used: true },
      rejected: null,
      work: [{ stage: 'stt' }, { stage: 'turn' }, { stage: 'llm' }, { stage: 'tts', asked_ms: 371, waited_ms: 2, worked_ms: 36 }],
      network: { packets: 210, rtt_ms: 23 },
    });
    const broken = { type: 'sotto.turn', timings: {}, decision: { reason: 'model', silence_ms: 1, checks: [3] }, work: [{}], network: {}, eager: null };
    expect(parsed(broken)).toMatchObject({ decision: null, work: [], network: null, eager: { begun: 0, used: false } });
  });

  test('a reply is made quiet where nothing else is said, and goes on where it is told', () => {
    expect(parsed({ type: 'sotto.audio.duck', response_id: 'r' })).toMatchObject({ level: 'quiet' });
    expect(parsed({ type: 'sotto.audio.duck', response_id: 'r', level: 'silent' })).toMatchObject({ level: 'silent' });
    expect(parsed({ type: 'sotto.audio.resume', response_id: 'r' })).toMatchObject({ chunk_id: null, from_ms: 0 });
    expect(parsed({ type: 'sotto.audio.resume', response_id: 'r', chunk_id: 'c', from_ms: 320 })).toMatchObject({ chunk_id: 'c', from_ms: 320 });
    expect(parsed({ type: 'sotto.audio.duck', level: 'quiet' })).toBeUndefined();
  });

  test('what was typed has its words, what was spoken none yet', () => {
    const added = (content: unknown) => parsed({ type: 'conversation.item.added', item: { id: 'i', role: 'user', content } });
    expect(added([{ type: 'input_text', text: 'And' }, { type: 'input_text', text: ' this.' }])).toMatchObject({ text: 'And this.' });
    expect(added([{ type: 'input_audio', transcript: null }])).toMatchObject({ item_id: 'i', role: 'user', text: '' });
    expect(added(undefined)).toMatchObject({ text: '' });
  });

  test('a chunk with broken words is still heard', () => {
    const chunk = { type: 'sotto.audio.chunk', response_id: 'r', item_id: 'i', chunk_id: 'c', bytes: 4, duration_ms: 1 };
    expect(parsed({ ...chunk, words: [{ text: 3 }] })).toMatchObject({ words: [], text: '' });
  });
});

describe('what is not an event', () => {
  test.each([
    ['an unknown event', '{"type":"sotto.weather","rain":true}'],
    ['a name every object has', '{"type":"constructor"}'],
    ['a type that is no text', '{"type":7}'],
    ['no type', '{}'],
    ['a missing field', '{"type":"input_audio_buffer.committed"}'],
    ['a field of the wrong kind', '{"type":"conversation.item.truncated","item_id":"i","audio_end_ms":"soon"}'],
    ['an unknown state', '{"type":"sotto.state","state":"dancing"}'],
    ['an object where there is none', '{"type":"response.done","response":null}'],
    ['a list', '[]'],
    ['null', 'null'],
    ['broken JSON', '{"type":'],
    ['nothing', ''],
    ['bytes', new ArrayBuffer(8)],
    ['undefined', undefined],
  ])('%s is passed over', (_, message) => {
    expect(parseServerEvent(message)).toBeUndefined();
  });
});
