import { beforeEach, describe, expect, test } from 'vitest';
import { Call } from '../src/call';
import { callGone, CallError, callLost, noMediaPath, type Problem } from '../src/errors';
import type { Model } from '../src/model';
import type { Output, ServerEvent, Session } from '../src/protocol';
import { captionTurn } from '../src/thread';
import { captionText, hint, latency, privacy, stateWord, title } from '../src/words';
import { StubSound, StubTransport } from './stubs/transport';

let call: Call;
let model: Model;
let server: StubTransport;
let sound: StubSound;
let states: string[];
/** Which lost call each call was to go on with. */
let resumed: (string | null)[];

beforeEach(() => {
  states = [];
  resumed = [];
  call = new Call(
    {
      transport: (handlers, resume) => {
        resumed.push(resume);
        return (server = new StubTransport(handlers));
      },
      sound: (handlers) => (sound = new StubSound(handlers)),
      microphone: () => undefined,
    },
    ({ state }) => {
      if (states.at(-1) !== state) states.push(state);
    },
  );
  model = call.model;
});

describe('a turn', () => {
  test('goes from the button to the end of the answer', () => {
    expect([stateWord(model), title(model)]).toEqual(['', 'Sotto']);
    void call.start();
    expect(hint(model)).toMatch(/Allow the microphone/);
    server.opened();
    expect(sound.log).toEqual(['listen']);
    server.receive(created());
    expect([hint(model), privacy(model)]).toEqual([
      'Go ahead, say something.',
      'This call is kept in memory only and forgotten when you hang up.',
    ]);

    server.receive({ type: 'input_audio_buffer.speech_started', item_id: 'i1' });
    expect(model.hearing).toBe(true);
    expect(model.captions).toMatchObject([{ role: 'user', text: '', phase: 'open' }]);
    server.receive(
      { type: 'input_audio_buffer.speech_stopped', item_id: 'i1' },
      { type: 'input_audio_buffer.committed', item_id: 'i1' },
      { type: 'sotto.state', state: 'thinking' },
      { type: 'conversation.item.input_audio_transcription.completed', item_id: 'i1', transcript: ' What is this? ' },
    );
    expect(model.captions).toMatchObject([{ text: 'What is this?', phase: 'done' }]);

    answer('r1', 'i2');
    hear('r1', 'i2', 'A voice', 400);
    expect(model.captions[1]).toMatchObject({ role: 'assistant', text: 'A voice', phase: 'open', heardMs: 400, peak: 0.4 });
    expect(title(model)).toBe('Speaking · Sotto');
    expect(latency(model).join(' · ')).toBe('answered after 0.42 s · transcript 0.31 s · first word 0.36 s');
    server.receive(
      { type: 'response.output_audio_transcript.done', response_id: 'r1', item_id: 'i2', transcript: 'A voice server.' },
      { type: 'response.done', response_id: 'r1', status: 'completed', reason: null, message: null },
    );
    expect(model.captions[1]).toMatchObject({ text: 'A voice', phase: 'open' });
    hear('r1', 'i2', 'A voice server.', 900);
    server.receive({ type: 'output_audio_buffer.stopped', response_id: 'r1' }, { type: 'sotto.state', state: 'listening' });
    expect(model.captions[1]).toMatchObject({ text: 'A voice server.', phase: 'done', heardMs: 900 });

    call.hangUp();
    expect(states).toEqual(['connecting', 'listening', 'thinking', 'speaking', 'listening', 'ended']);
    expect([server.log, sound.log.at(-1), model.problem]).toEqual([['close'], 'close', null]);
    expect(privacy(model)).toMatch(/^The server keeps nothing/);
    expect(model.captions).toHaveLength(2);
  });

  test('reports of what was heard go to the server', () => {
    connect();
    const report = { type: 'sotto.playout', chunk_id: 'c', played_ms: 200 } as const;
    sound.handlers.report(report);
    expect(server.sent).toEqual([report]);
  });

  test('a second call begins with an empty page', () => {
    connect();
    said('i1', 'Hello.');
    call.hangUp();
    expect(model.captions).toHaveLength(1);
    void call.start();
    expect(model).toMatchObject({ state: 'connecting', captions: [], timings: null, problem: null, muted: false });
  });

  test('muting holds until the call ends', () => {
    call.toggleMute();
    expect(model.muted).toBe(false);
    connect();
    call.toggleMute();
    expect([stateWord(model), server.log]).toEqual(['muted', ['mute']]);
    call.hangUp();
    expect(model.muted).toBe(false);
  });

  test('a written answer is shown as it comes', () => {
    connect();
    server.receive(
      { type: 'response.output_text.delta', response_id: 'r', item_id: 'i', delta: 'Read' },
      { type: 'response.output_text.delta', response_id: 'r', item_id: 'i', delta: ' this.' },
      { type: 'response.output_text.done', response_id: 'r', item_id: 'i', text: 'Read this.' },
    );
    expect(model.captions).toMatchObject([{ text: 'Read this.', phase: 'done' }]);
  });

  test('says why it was answered when it was', () => {
    connect();
    said('i1', 'Hello.');
    server.receive(turn('i1'));
    expect(captionTurn(model.captions[0]!).why).toEqual([expect.stringMatching(/^You paused for 0\.3.s\. I was 92.% sure/)]);
    expect(captionTurn(model.captions[0]!).record).toMatchObject({ item_id: 'i1', timings: { first_audio_ms: 421 } });
    const network = { packets: 90, lost: 10, late: 0, dropped: 0, concealed_ms: 60, jitter_ms: 5, rtt_ms: null };
    server.receive({ type: 'sotto.network', network });
    expect(latency(model).at(-1)).toBe('network poor');
  });

  test('of which no words were believed says so until something else is said', () => {
    connect();
    said('i1', '');
    server.receive(turn('i1', 'no_speech'));
    expect([hint(model), model.captions]).toEqual(['It sounded like a noise.', []]);
    said('i2', 'Hello.');
    expect(hint(model)).toBe('');
  });

  test('that nobody took is no caption', () => {
    connect();
    server.receive(
      { type: 'input_audio_buffer.timeout_triggered', item_id: 'i1' },
      { type: 'input_audio_buffer.committed', item_id: 'i1' },
    );
    answer('r1', 'i2');
    hear('r1', 'i2', 'Are you there?', 400);
    expect(model.captions.map(({ id }) => id)).toEqual(['i2']);
  });

  test('what the recogniser found empty leaves no trace', () => {
    connect();
    said('i1', '  ');
    expect(model.captions).toEqual([]);
  });
});

describe('a call in a conversation', () => {
  test('says of every turn whether it is saved', () => {
    void call.start();
    server.opened();
    server.receive(created('blob', 'stored'));
    expect(privacy(model)).toMatch(/written into this conversation, encrypted/);
    said('i1', 'Hello.');
    expect(model.captions).toMatchObject([{ saved: 'pending', seq: null }]);
    server.receive({ type: 'sotto.item.stored', item_id: 'i1', seq: 3 });
    expect(model.captions).toMatchObject([{ saved: 'saved', seq: 3 }]);
    answer('r1', 'i2');
    hear('r1', 'i2', 'Hello yourself.', 900);
    server.receive({ type: 'sotto.item.not_stored', item_id: 'i2', reason: 'database_away' });
    expect(model.captions[1]!.saved).toBe('failed');
    expect(model.problem!.code).toBe('not-stored');
  });

  test('of which nothing is kept promises nothing', () => {
    connect();
    said('i1', 'Hello.');
    expect(model.captions[0]!.saved).toBe('never');
  });

  test('takes what is typed, and stops the reply for it', () => {
    connect();
    call.say('And in writing?');
    expect(model.captions).toMatchObject([{ role: 'user', text: 'And in writing?', phase: 'done', via: 'text' }]);
    expect(server.sent.map(({ type }) => type)).toEqual(['output_audio_buffer.clear', 'conversation.item.create', 'response.create']);
    const [, created] = server.sent;
    const { item } = created as Extract<typeof created, { type: 'conversation.item.create' }>;
    expect(item).toMatchObject({ type: 'message', role: 'user', content: [{ type: 'input_text', text: 'And in writing?' }] });
    server.receive({ type: 'conversation.item.added', item_id: item.id, role: 'user', text: 'And in writing?' });
    expect(model.captions).toHaveLength(1);
  });

  test('shows what was typed elsewhere', () => {
    connect();
    server.receive({ type: 'conversation.item.added', item_id: 'i7', role: 'user', text: 'From a phone.' });
    server.receive({ type: 'conversation.item.added', item_id: 'i8', role: 'user', text: '' });
    expect(model.captions.map(({ text }) => text)).toEqual(['From a phone.']);
  });

  test('reminds the server of what it may not read', () => {
    const context = [{ role: 'user', text: 'a' }, { role: 'assistant', text: 'b' }] as const;
    call = new Call(
      {
        transport: (handlers) => (server = new StubTransport(handlers)),
        sound: (handlers) => (sound = new StubSound(handlers)),
        microphone: () => undefined,
        context: () => [...context],
      },
      () => undefined,
    );
    model = call.model;
    connect();
    const items = server.sent.map((event) => (event.type === 'conversation.item.create' ? event.item : null));
    expect(items).toMatchObject([
      { role: 'user', content: [{ type: 'input_text', text: 'a' }], sotto: { context: true } },
      { role: 'assistant', content: [{ type: 'output_text', text: 'b' }], sotto: { context: true } },
    ]);
    server.receive({ type: 'conversation.item.added', item_id: items[0]!.id, role: 'user', text: 'a' });
    expect(model.captions).toEqual([]);
  });

  test('leaves nothing behind where another conversation begins', () => {
    connect();
    said('i1', 'Hello.');
    call.reset();
    expect(model.state).toBe('listening');
    call.hangUp();
    call.reset();
    expect(model).toMatchObject({ state: 'idle', captions: [] });
  });
});

describe('an interruption', () => {
  beforeEach(() => {
    connect();
    said('i1', 'Tell me a story.');
    answer('r1', 'i2');
    hear('r1', 'i2', 'Once upon a time,', 900);
  });

  test('ends the caption at the cut', () => {
    server.receive(
      { type: 'input_audio_buffer.speech_started', item_id: 'i3' },
      { type: 'conversation.item.truncated', item_id: 'i2', audio_end_ms: 900, text: null },
      { type: 'sotto.audio.clear', response_id: 'r1' },
      { type: 'output_audio_buffer.cleared', response_id: 'r1' },
      { type: 'response.done', response_id: 'r1', status: 'cancelled', reason: 'turn_detected', message: null },
    );
    expect(sound.log).toContain('clear r1');
    const caption = model.captions[1]!;
    expect(caption.phase).toBe('cut');
    expect(captionText(caption)).toEqual({ text: 'Once upon a time', mark: '…' });
    hear('r1', 'i2', 'Once upon a time, there', 1100);
    server.receive({ type: 'response.output_audio_transcript.done', response_id: 'r1', item_id: 'i2', transcript: 'All of it.' });
    server.receive({ type: 'output_audio_buffer.stopped', response_id: 'r1' });
    expect(caption).toMatchObject({ text: 'Once upon a time,', phase: 'cut' });
    said('i3', 'Stop.');
    expect(model.captions.map(({ text }) => text)).toEqual(['Tell me a story.', 'Once upon a time,', 'Stop.']);
  });

  test('before the first word leaves no caption', () => {
    server.receive({ type: 'response.output_item.added', response_id: 'r2', item_id: 'i9' });
    hear('r2', 'i9', '', 0);
    server.receive({ type: 'output_audio_buffer.cleared', response_id: 'r2' });
    expect(model.captions.map(({ id }) => id)).toEqual(['i1', 'i2']);
  });

  test('that was only a murmur is forgotten, and the answer goes on', () => {
    server.receive(
      { type: 'input_audio_buffer.speech_started', item_id: 'i3' },
      { type: 'sotto.audio.duck', response_id: 'r1', level: 'quiet' },
      { type: 'sotto.audio.duck', response_id: 'r1', level: 'silent' },
      { type: 'input_audio_buffer.speech_stopped', item_id: 'i3' },
    );
    expect(model.captions).toHaveLength(3);
    server.receive(
      { type: 'sotto.interruption', response_id: 'r1', stopped: false, why: 'backchannel', speech_ms: 300, decided_ms: 600 },
      { type: 'sotto.audio.resume', response_id: 'r1', chunk_id: 'c2', from_ms: 320 },
    );
    expect(model.captions.map(({ id }) => id)).toEqual(['i1', 'i2']);
    expect(model.captions[1]!.why).toEqual([expect.stringMatching(/^You only said that you listen, so I went on\./)]);
    expect(sound.log.slice(-3)).toEqual(['duck r1 quiet', 'duck r1 silent', 'resume r1 c2 320']);
    // It goes on a word before.
    hear('r1', 'i2', 'Once upon', 700);
    expect(model.captions[1]).toMatchObject({ text: 'Once upon', heardMs: 700 });
    hear('r1', 'i2', 'Once upon a time, there was', 1400);
    expect(model.captions[1]).toMatchObject({ text: 'Once upon a time, there was', phase: 'open' });
  });

  test('that may be an answer stays, although the reply goes on', () => {
    server.receive(
      { type: 'input_audio_buffer.speech_started', item_id: 'i3' },
      { type: 'sotto.transcript.interim', item_id: 'i3', stable: 'Yes', tail: '' },
      { type: 'sotto.audio.resume', response_id: 'r1', chunk_id: null, from_ms: 0 },
    );
    expect(model.captions.map(({ text }) => text)).toEqual(['Tell me a story.', 'Once upon a time,', 'Yes']);
    expect(sound.log.at(-1)).toBe('resume r1');
  });

  test('by hanging up cuts as well', () => {
    call.hangUp();
    expect(model.captions[1]).toMatchObject({ phase: 'cut' });
  });
});

describe('the reply as a track', () => {
  test('is heard through the element and captioned as it is spoken', () => {
    connect('track');
    server.handlers.track({} as MediaStream);
    expect(sound.log).toContain('attach');
    server.receive(
      { type: 'output_audio_buffer.started', response_id: 'r' },
      { type: 'response.output_audio_transcript.delta', response_id: 'r', item_id: 'i', delta: 'One clause,' },
      { type: 'response.output_audio_transcript.delta', response_id: 'r', item_id: 'i', delta: 'and another.' },
    );
    sound.handlers.measured({ responseId: 'r', heardMs: 700, peak: 0.3 });
    expect(model.captions).toMatchObject([{ text: 'One clause, and another.', heardMs: 700, peak: 0.3 }]);
    server.receive({ type: 'output_audio_buffer.cleared', response_id: 'r' });
    expect(sound.log).toEqual(expect.arrayContaining(['begin r', 'end']));
    expect(model.captions[0]!.phase).toBe('cut');
  });

  test('is cut although its whole text is known already', () => {
    connect('track');
    const place = { response_id: 'r', item_id: 'i' };
    server.receive(
      { type: 'output_audio_buffer.started', response_id: 'r' },
      { type: 'response.output_audio_transcript.delta', ...place, delta: 'One long clause.' },
      { type: 'response.output_audio_transcript.done', ...place, transcript: 'One long clause.' },
      { type: 'response.done', response_id: 'r', status: 'completed', reason: null, message: null },
      { type: 'conversation.item.truncated', item_id: 'i', audio_end_ms: 300, text: null },
      { type: 'output_audio_buffer.cleared', response_id: 'r' },
    );
    expect(model.captions[0]!.phase).toBe('cut');
  });

  test('ends at the words that the server says were heard', () => {
    connect('track');
    server.receive(
      { type: 'output_audio_buffer.started', response_id: 'r' },
      { type: 'response.output_audio_transcript.delta', response_id: 'r', item_id: 'i', delta: 'One long clause.' },
      { type: 'conversation.item.truncated', item_id: 'i', audio_end_ms: 300, text: 'One long' },
    );
    expect(model.captions).toMatchObject([{ text: 'One long', phase: 'cut' }]);
  });

  test('is used when the server chose it although chunks were asked for', () => {
    void call.start();
    server.opened();
    server.handlers.track({} as MediaStream);
    expect(sound.log).not.toContain('attach');
    server.receive(created('track'));
    expect(sound.log).toContain('attach');
  });

  test('stays unheard when chunks are used', () => {
    connect('blob');
    server.handlers.track({} as MediaStream);
    server.receive(
      { type: 'output_audio_buffer.started', response_id: 'r' },
      { type: 'response.output_audio_transcript.delta', response_id: 'r', item_id: 'i', delta: 'Ahead of the sound.' },
    );
    expect(sound.log).not.toContain('attach');
    expect(model.captions).toEqual([]);
  });
});

describe('what goes wrong', () => {
  test('while the call is opened ends it', async () => {
    void call.start();
    await server.fail(new CallError(noMediaPath()));
    expect(model).toMatchObject({ state: 'ended', answered: false, problem: { code: 'no-media-path' } });
    expect([stateWord(model), server.log, sound.log]).toEqual(['no call', ['close'], ['close']]);
  });

  test('in ways nobody thought of is still said', async () => {
    void call.start();
    await server.fail(new TypeError('the answer is broken'));
    expect(model.problem).toMatchObject({ code: 'unexpected', advice: expect.stringContaining('The answer is broken.') });
  });

  test('after hanging up is of no interest', async () => {
    void call.start();
    call.hangUp();
    await server.fail(new CallError(noMediaPath()));
    expect(model.problem).toBeNull();
  });

  test('in the language model is told, and the call goes on', () => {
    connect();
    said('i1', 'Hello?');
    server.receive(
      { type: 'response.done', response_id: 'r', status: 'failed', reason: null, message: 'the model is not reachable' },
      { type: 'sotto.state', state: 'listening' },
    );
    expect(model).toMatchObject({ state: 'listening', problem: { code: 'model-failed' } });
    expect(model.problem!.advice).toMatch(/^The model is not reachable\./);
    said('i2', 'Hello again?');
    expect(model.problem).toBeNull();
  });

  test('in the recogniser is told at the words that were lost', () => {
    connect();
    server.receive(
      { type: 'input_audio_buffer.committed', item_id: 'i1' },
      { type: 'conversation.item.input_audio_transcription.failed', item_id: 'i1', message: '' },
    );
    expect(model.captions).toMatchObject([{ phase: 'failed' }]);
    expect(model.problem).toMatchObject({ code: 'transcription-failed', advice: 'Say it again.' });
  });

  test('on the way: the state comes back with the path', () => {
    connect();
    server.receive({ type: 'sotto.state', state: 'thinking' });
    server.handlers.broken(true);
    expect(stateWord(model)).toBe('reconnecting');
    server.handlers.broken(false);
    expect(model.state).toBe('thinking');
    server.handlers.closed(callLost());
    // It is tried once to go on in another call.
    expect(model).toMatchObject({ state: 'connecting', waiting: 'path', problem: null });
  });

  test('at the server: it says why before it ends the call', () => {
    connect();
    server.receive({ type: 'sotto.call.ending', reason: 'server_stopping', in_ms: 4800 });
    expect(model.problem!.advice).toBe('The call ends in 5 s.');
    said('i1', 'Wait!');
    expect(model.problem!.code).toBe('ending-soon');
    server.handlers.closed(null);
    expect(model).toMatchObject({ state: 'ended', problem: { code: 'server-stopping' } });
  });

  test('without a word of the server', () => {
    connect();
    server.handlers.closed(null);
    expect(model.problem!.code).toBe('ended-by-server');
  });

  test('with a call that is over does not touch the next', () => {
    connect();
    const first = server;
    call.hangUp();
    connect();
    first.handlers.closed(callLost());
    first.receive({ type: 'sotto.state', state: 'speaking' });
    expect(model).toMatchObject({ state: 'listening', problem: null });
  });
});

function connect(output: Output = 'blob'): void {
  void call.start();
  server.opened();
  server.receive(created(output));
}

describe('a call that is lost', () => {
  test('goes on in another, with what was said', () => {
    connect();
    said('i1', 'Hello.');
    const first = server;
    server.handlers.closed(callLost());
    expect(resumed).toEqual([null, 'rtc_1']);
    expect(server).not.toBe(first);
    server.opened();
    server.receive(created(), { type: 'sotto.resumed', call_id: 'rtc_1', missed: '' });
    expect(model).toMatchObject({ state: 'listening', problem: null, missed: false });
    expect(model.captions).toMatchObject([{ id: 'i1', text: 'Hello.' }]);
    expect(states).toEqual(['connecting', 'listening', 'connecting', 'listening']);
  });

  test('is tried once, then the person is told', async () => {
    connect();
    server.handlers.closed(callLost());
    await server.fail(new CallError(noMediaPath()));
    expect(resumed).toHaveLength(2);
    expect(model).toMatchObject({ state: 'ended', callId: 'rtc_1', problem: { code: 'call-lost' } });
    await again(callGone());
    expect(model).toMatchObject({ state: 'ended', callId: null, problem: { code: 'call-gone' } });
  });

  test('is tried again when it had come about', () => {
    connect();
    server.handlers.closed(callLost());
    server.opened();
    server.receive(created());
    server.handlers.closed(callLost());
    expect(resumed).toEqual([null, 'rtc_1', 'rtc_1']);
  });

  test('what was missed is heard when the person asks for it, once', () => {
    void call.start('rtc_0');
    server.opened();
    server.receive(created(), { type: 'sotto.resumed', call_id: 'rtc_0', missed: 'and so on.' });
    expect(model.missed).toBe(true);
    call.hearRest();
    call.hearRest();
    expect([model.missed, server.sent]).toEqual([false, [{ type: 'sotto.replay' }]]);
  });

  test('is no longer missed when something else is said', () => {
    void call.start('rtc_0');
    server.opened();
    server.receive(created(), { type: 'sotto.resumed', call_id: 'rtc_0', missed: 'and so on.' });
    server.receive({ type: 'response.created', response_id: 'r1' });
    expect(model.missed).toBe(false);
  });

  test('can be continued when the page was left, and not when somebody hung up', () => {
    connect();
    call.leave();
    expect([model.state, model.callId, server.log[0]]).toEqual(['ended', 'rtc_1', 'leave']);
    connect();
    call.hangUp();
    expect([model.callId, server.log]).toEqual([null, ['close']]);
    connect();
    server.handlers.closed(null);
    expect(model.callId).toBe(null);
  });

  test('says so when it goes on elsewhere', () => {
    connect();
    server.receive({ type: 'sotto.call.ending', reason: 'resumed', in_ms: 0 });
    server.handlers.closed(null);
    expect(model).toMatchObject({ state: 'ended', callId: null, problem: { code: 'continued-elsewhere' } });
  });

  async function again(problem: Problem): Promise<void> {
    void call.start(model.callId);
    await server.fail(new CallError(problem));
  }
});

describe('what the person is saying', () => {
  const speaking: ServerEvent = { type: 'input_audio_buffer.speech_started', item_id: 'i1' };
  const delta = (delta: string): ServerEvent => ({ type: 'conversation.item.input_audio_transcription.delta', item_id: 'i1', delta });
  const interim = (stable: string, tail: string): ServerEvent => ({ type: 'sotto.transcript.interim', item_id: 'i1', stable, tail });

  test('grows while they speak, and is replaced when it is final', () => {
    void call.start();
    server.receive(created(), speaking, interim('', 'And sew'), delta('And'), interim('And', ' so my'));
    expect(model.captions).toMatchObject([{ id: 'i1', text: 'And', tail: ' so my', phase: 'open' }]);
    expect(captionTurn(model.captions[0]!)).toMatchObject({ key: 'i1', text: 'And', tail: ' so my' });
    said('i1', 'And so, my fellow Americans.');
    expect(model.captions).toMatchObject([{ id: 'i1', text: 'And so, my fellow Americans.', tail: '', phase: 'done' }]);
    server.receive(delta(' late'), interim('late', ''));
    expect(model.captions).toMatchObject([{ text: 'And so, my fellow Americans.', tail: '', phase: 'done' }]);
  });

  test('grows with a server that tells only what is sure', () => {
    void call.start();
    server.receive(created(), speaking, delta('And'), delta(' so'));
    expect(model.captions).toMatchObject([{ text: 'And so', tail: '', phase: 'open' }]);
  });

  test('is gone when it was no turn, or cannot be understood', () => {
    void call.start();
    server.receive(created(), speaking, interim('And', ' so'));
    server.receive({ type: 'input_audio_buffer.speech_started', item_id: 'i2' });
    expect(model.captions).toMatchObject([{ id: 'i2', text: '' }]);
    server.receive({ type: 'conversation.item.input_audio_transcription.failed', item_id: 'i2', message: '' });
    expect(model.captions).toMatchObject([{ id: 'i2', text: '', tail: '', phase: 'failed' }]);
  });
});

function created(output: Output = 'blob', history = 'memory'): ServerEvent {
  const sotto: Session['sotto'] = { call_id: 'rtc_1', output, interruption: 'always', min_words: 2, history, conversation: null, tier: null, engines: { llm: 'echo' } };
  return { type: 'session.created', session: { model: 'echo', sotto } };
}

function said(item_id: string, transcript: string): void {
  server.receive(
    { type: 'input_audio_buffer.speech_started', item_id },
    { type: 'input_audio_buffer.speech_stopped', item_id },
    { type: 'input_audio_buffer.committed', item_id },
    { type: 'conversation.item.input_audio_transcription.completed', item_id, transcript },
  );
}

function answer(response_id: string, item_id: string): void {
  server.receive(
    { type: 'response.created', response_id },
    { type: 'response.output_item.added', response_id, item_id },
    { type: 'output_audio_buffer.started', response_id },
    { type: 'sotto.state', state: 'speaking' },
    turn('i1'),
  );
}

function turn(item_id: string, rejected: string | null = null): ServerEvent {
  return {
    type: 'sotto.turn', item_id, rejected, eager: { begun: 0, used: false }, work: [], network: null,
    timings: {
      endpoint_ms: 300, transcript_ms: 312, first_token_ms: 358, first_clause_ms: 371, first_speech_ms: 409, first_audio_ms: 421,
    },
    decision: { reason: 'model', silence_ms: 300, checks: [{ silence_ms: 96, probability: 0.92, threshold: 0.5 }], patience: 'usual' },
  };
}

function hear(responseId: string, itemId: string, text: string, heardMs: number): void {
  sound.handlers.heard({ responseId, itemId, text, heardMs, peak: 0.4 });
}
