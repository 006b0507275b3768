import { beforeEach, describe, expect, test } from 'vitest';
import { ApiError } from '../src/api';
import { Conversation } from '../src/conversation';
import { Correspondence } from '../src/correspondence';
import type { StreamEvent } from '../src/sse';
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
    expect(server.log).toEqual([['adopt', 2]]);
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
