import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ApiError } from '../src/api';
import { Conversation } from '../src/conversation';
import { Correspondence } from '../src/correspondence';
import type { StreamEvent } from '../src/sse';
import type { TurnRecord } from '../src/turn-record';
import { StubServer } from './stubs/around';

let server: StubServer;
beforeEach(() => (server = new StubServer()));

const reply: StreamEvent[] = [
  { event: 'stored', item_id: 'i1', seq: 1 },
  { event: 'started', item_id: 'i2' },
  { event: 'delta', text: 'Yes.' },
  { event: 'done', item_id: 'i2', status: 'completed', text: 'Yes.' },
  { event: 'stored', item_id: 'i2', seq: 2 },
];

describe('a new conversation', () => {
  test('comes into being with its first message, once', async () => {
    const conversation = new Conversation(server, null, 'standard');
    await conversation.set({ instructions: 'Be brief.', model: null });
    server.stream = [...reply, { event: 'title', title: 'Found' }];
    await new Correspondence(conversation, server).send('Hello?');
    expect(server.log).toEqual([
      'somebody',
      ['new', { tier: 'standard', instructions: 'Be brief.' }],
      ['message', { text: 'Hello?' }],
    ]);
    expect(conversation).toMatchObject({ id: 'conv_1', phase: 'ready', settings: { title: 'Found', title_by: 'model' } });
    expect(conversation.thread.turns.map(({ text, saved }) => [text, saved])).toEqual([['Hello?', 'saved'], ['Yes.', 'saved']]);
  });

  test('is called by its first words until then', async () => {
    const conversation = new Conversation(server, null, 'standard');
    server.stream = reply;
    await new Correspondence(conversation, server).send('Hello?');
    expect(server.summaries.map(({ title }) => title)).toContain('Hello?');
  });

  test('that cannot be made leaves the message marked', async () => {
    const conversation = new Conversation(server, null, 'standard');
    const writing = new Correspondence(conversation, server);
    server.fail = new ApiError(503, 'store_away', 'the store is away');
    await writing.send('Hello?');
    expect(writing.hitch).toMatchObject({ at: 'send', text: 'The store is away.' });
    expect(conversation.thread.turns).toMatchObject([{ text: 'Hello?', saved: 'failed' }]);
    server.fail = null;
    server.stream = reply;
    await writing.retry(conversation.thread.turns[0]!);
    expect(conversation.thread.turns.map(({ saved }) => saved)).toEqual(['saved', 'saved']);
    expect(writing.hitch).toBeNull();
  });
});

describe('a title', () => {
  test('that the person gave stays', async () => {
    const conversation = new Conversation(server, 'conv_1', 'standard');
    await conversation.open();
    await conversation.set({ title: 'Mine' });
    await conversation.titled('Theirs');
    expect(conversation.settings.title).toBe('Mine');
  });

  test('that is not taken goes back to what it was', async () => {
    const conversation = new Conversation(server, 'conv_1', 'standard');
    await conversation.open();
    server.fail = new ApiError(500, 'internal_error', '');
    await expect(conversation.set({ title: 'Mine' })).rejects.toThrow();
    expect(conversation.settings.title).toBe('A title');
  });
});

describe('what was spoken', () => {
  const spoken = { id: 'i1', seq: 1, role: 'user', text: 'Hello?', status: 'completed', via: 'voice', at_ms: 1 } as const;
  const record: TurnRecord = {
    item_id: 'i1', work: [], eager: { begun: 0, used: false }, rejected: null, network: null,
    timings: { endpoint_ms: 1, transcript_ms: 1, first_token_ms: 1, first_clause_ms: 1, first_speech_ms: 1, first_audio_ms: 400 },
    decision: { reason: 'silence', silence_ms: 500, checks: [], patience: 'usual' },
  };

  test('says later, too, how it went', async () => {
    server.items = [spoken];
    server.records = [{ ...record, item_id: 'gone' }, record];
    const conversation = new Conversation(server, 'conv_1', 'standard');
    await conversation.open();
    await vi.waitFor(() => expect(conversation.thread.turns[0]).toMatchObject({ record }));
    expect(conversation.thread.turns[0]!.why).toEqual([expect.stringMatching(/^You paused for 0\.5/)]);
    // It is known, and not asked for again.
    await conversation.open();
    expect(conversation.thread.turns[0]!.record).toBe(record);
    expect(server.log).toEqual(['turns']);
  });

  test('is asked about only where something was', async () => {
    server.items = [{ ...spoken, via: 'text' }];
    await new Conversation(server, 'conv_1', 'standard').open();
    expect(server.log).toEqual([]);
  });
});

describe('a conversation that is not there', () => {
  test.each([
    [404, 'not_found', 'gone'],
    [503, 'store_away', 'failed'],
  ])('%i', async (status, code, phase) => {
    const conversation = new Conversation(server, 'conv_1', 'standard');
    server.fail = new ApiError(status, code, '');
    await conversation.open();
    expect(conversation.phase).toBe(phase);
  });

  test('because nobody is signed in says so', async () => {
    const conversation = new Conversation(server, 'conv_1', 'standard');
    server.fail = new ApiError(401, 'sign_in', '');
    await expect(conversation.open()).rejects.toMatchObject({ code: 'sign_in' });
  });
});

describe('a private conversation', () => {
  beforeEach(() => {
    server.tier = 'private';
    server.items = [
      { id: 'i1', seq: 1, role: 'user', at_ms: 1, record: 'one' },
      { id: 'i2', seq: 2, role: 'assistant', at_ms: 2, record: 'broken' },
    ];
  });

  test('stays closed without its keys, opens with them and closes again', async () => {
    const conversation = new Conversation(server, 'conv_1', 'standard');
    await conversation.open();
    expect(conversation).toMatchObject({ phase: 'locked', tier: 'private', thread: { turns: [] } });
    server.unlocked = true;
    await conversation.unlocked(true);
    expect(conversation.settings.title).toBe('Opened title');
    expect(conversation.thread.turns.map(({ text, phase }) => [text, phase])).toEqual([['words of one', 'done'], ['', 'lost']]);
    await Promise.resolve();
    expect(server.log).toEqual(['turns', ['adopt', 2]]);
    expect(conversation.damage).toEqual([{ seq: 2, kind: 'missing' }]);
    await conversation.unlocked(false);
    expect(conversation).toMatchObject({ phase: 'locked', thread: { turns: [] }, settings: { title: null } });
  });

  test('is made, named and set by the vault, and brings its own context', async () => {
    server.unlocked = true;
    const conversation = new Conversation(server, null, 'private');
    server.stream = reply;
    const writing = new Correspondence(conversation, server);
    await writing.send('Hello?');
    server.stream = reply.map((event) => ('item_id' in event ? { ...event, item_id: `${event.item_id}b` } : event));
    await writing.send('And?');
    expect(server.log).toEqual([
      'somebody',
      ['new', { tier: 'private', id: 'conv_own', key: 'wrap', meta: 'meta' }],
      ['change', { meta: 'sealed {"title":"Hello?","title_by":"words"}' }],
      ['message', { text: 'Hello?', context: [] }],
      ['message', { text: 'And?', context: [{ role: 'user', text: 'Hello?' }, { role: 'assistant', text: 'Yes.' }] }],
    ]);
  });
});

test('a private conversation is told before something in it goes', async () => {
  Object.assign(server, { tier: 'private', unlocked: true, items: [{ id: 'i1', seq: 1, role: 'user', at_ms: 1, record: 'one' }] });
  const conversation = new Conversation(server, 'conv_1', 'private');
  await conversation.open();
  server.log.length = 0;
  server.stream = reply.map((event) => ('item_id' in event ? { ...event, item_id: `${event.item_id}b` } : event));
  const writing = new Correspondence(conversation, server);
  await writing.send('two', 'i1');
  await writing.regenerate();
  expect(server.log.filter((entry) => (entry as string[])[0] === 'rewind')).toEqual([['rewind', 'i1'], ['rewind', null]]);
});

test('an ephemeral conversation that has ended is over', async () => {
  const conversation = new Conversation(server, null, 'ephemeral');
  server.stream = [new ApiError(404, 'not_found', '')];
  await new Correspondence(conversation, server).send('Hello?');
  expect(conversation.phase).toBe('over');
  expect(conversation.thread.turns).toMatchObject([{ saved: 'failed' }]);
});
