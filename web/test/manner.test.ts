/** How the person wants to talk: holding a button, and what speaking over a reply does. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Call } from '../src/call';
import { rememberManner, rememberedManner, usualManner, type Manner } from '../src/manner';
import type { Model } from '../src/model';
import type { ServerEvent, Session } from '../src/protocol';
import { TAIL_MS } from '../src/push-to-talk';
import { hint, stateWord } from '../src/words';
import { StubSound, StubTransport } from './stubs/transport';

let call: Call;
let model: Model;
let server: StubTransport;
let manner: Manner;

const CLEAR = 'output_audio_buffer.clear input_audio_buffer.clear';
const MANUAL = { type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection: null } } } };
const USUAL = { type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection: { type: 'semantic_vad', eagerness: 'auto' } } } } };

beforeEach(() => {
  vi.useFakeTimers();
  manner = usualManner;
  call = new Call(
    {
      transport: (handlers) => (server = new StubTransport(handlers)),
      sound: (handlers) => new StubSound(handlers),
      microphone: () => undefined,
      manner: () => manner,
    },
    () => undefined,
  );
  model = call.model;
});

afterEach(() => {
  vi.useRealTimers();
});

describe('holding a button to talk', () => {
  beforeEach(() => {
    manner = { ...usualManner, pushToTalk: true };
    connect();
    server.sent.length = 0;
    server.log.length = 0;
  });

  test('is agreed with the server, and the microphone is off before anything is said', () => {
    connect();
    expect(server.log).toEqual(['mute']);
    expect(server.sent).toEqual([MANUAL]);
    expect([stateWord(model), hint(model)]).toEqual(['ready', 'You are heard only while you hold the button.']);
  });

  test('opens the microphone, and letting go ends the turn', () => {
    call.press();
    expect([sent(), server.log]).toEqual([CLEAR, ['unmute']]);
    expect([stateWord(model), hint(model)]).toEqual(['listening', 'Let go when you have finished.']);
    call.press();
    call.release();
    // The last syllable is still on its way.
    expect([model.holding, server.log, sent()]).toEqual([false, ['unmute'], CLEAR]);
    vi.advanceTimersByTime(TAIL_MS);
    expect([sent(), server.log]).toEqual([`${CLEAR} input_audio_buffer.commit`, ['unmute', 'mute']]);
    call.release();
    vi.advanceTimersByTime(TAIL_MS);
    expect(server.sent).toHaveLength(3);
  });

  test('taken up again at once is the same turn', () => {
    call.press();
    call.release();
    vi.advanceTimersByTime(TAIL_MS - 1);
    call.press();
    vi.advanceTimersByTime(10 * TAIL_MS);
    expect([sent(), server.log, model.holding]).toEqual([CLEAR, ['unmute'], true]);
  });

  test('stops a reply, also one that begins only then', () => {
    server.receive({ type: 'sotto.state', state: 'speaking' });
    call.press();
    expect(server.sent[0]).toEqual({ type: 'output_audio_buffer.clear' });
    server.receive({ type: 'response.created', response_id: 'r' });
    expect(sent()).toBe(`${CLEAR} output_audio_buffer.clear`);
    call.release();
    vi.advanceTimersByTime(TAIL_MS);
    server.receive({ type: 'response.created', response_id: 'r2' });
    expect(sent()).toBe(`${CLEAR} output_audio_buffer.clear input_audio_buffer.commit`);
  });

  test('and saying nothing bothers nobody', () => {
    call.press();
    call.release();
    vi.advanceTimersByTime(TAIL_MS);
    server.receive({ type: 'error', code: 'input_audio_buffer_commit_empty', message: 'nothing was said since the last turn' });
    expect([model.problem, hint(model)]).toEqual([null, 'I heard nothing.']);
    call.press();
    expect(hint(model)).toBe('Let go when you have finished.');
  });

  test('forgets captions of what was picked up before', () => {
    server.receive({ type: 'sotto.transcript.interim', item_id: 'i1', stable: 'A noise', tail: '' });
    call.press();
    expect(model.captions).toEqual([]);
  });

  test('has nothing to mute, and nothing to hold while there is no call', () => {
    call.toggleMute();
    expect(model.muted).toBe(false);
    server.handlers.broken(true);
    call.press();
    expect(model.holding).toBe(false);
    server.handlers.broken(false);
    call.press();
    call.hangUp();
    vi.advanceTimersByTime(TAIL_MS);
    expect(sent()).toBe(CLEAR);
    call.press();
    expect(model.holding).toBe(false);
  });

  test('can be given up, also with the button held', () => {
    call.press();
    call.behave(usualManner);
    expect(server.sent.slice(2)).toEqual([{ type: 'input_audio_buffer.commit' }, USUAL]);
    expect(server.log.at(-1)).toBe('unmute');
    expect(model).toMatchObject({ pushToTalk: false, holding: false });
    call.press();
    expect(server.sent).toHaveLength(4);
  });

  test('can be given up and taken up during a call', () => {
    call.behave(usualManner);
    expect(server.sent).toEqual([{ type: 'input_audio_buffer.clear' }, USUAL]);
    call.toggleMute();
    call.behave(manner);
    expect(server.sent.at(-1)).toEqual(MANUAL);
    expect([server.log.at(-1), model.muted, model.pushToTalk]).toEqual(['mute', false, true]);
  });
});

describe('speaking over a reply', () => {
  test('does what the server is set to, unless something else was chosen', () => {
    connect();
    expect(server.sent).toEqual([]);
    manner = { ...usualManner, interruption: 'after_words', minWords: 3 };
    connect();
    expect(server.sent).toEqual([update({ interruption: 'after_words', min_words: 3 })]);
  });

  test('can be chosen during a call, and left to the server again', () => {
    connect();
    call.behave({ ...usualManner, interruption: 'never' });
    call.behave(usualManner);
    expect(server.sent).toEqual([update({ interruption: 'never' }), update({ interruption: 'always', min_words: 4 })]);
  });

  test('can be chosen while the call is being opened', () => {
    call.hangUp();
    void call.start();
    call.behave({ ...usualManner, interruption: 'never' });
    expect(server.sent).toEqual([]);
    server.opened();
    server.receive(created());
    expect(server.sent).toEqual([update({ interruption: 'never' })]);
  });
});

describe('what is remembered', () => {
  const kept = new Map<string, string>();

  beforeEach(() => {
    kept.clear();
    vi.stubGlobal('localStorage', { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value) });
  });

  afterEach(() => {
    vi.unstubAllGlobals();
  });

  test('comes back', () => {
    expect(rememberedManner()).toEqual(usualManner);
    const chosen: Manner = { pushToTalk: true, interruption: 'after_words', minWords: 5 };
    rememberManner(chosen);
    expect(rememberedManner()).toEqual(chosen);
    rememberManner(usualManner);
    expect(rememberedManner()).toEqual(usualManner);
  });

  test('counts for nothing where it is nonsense', () => {
    kept.set('sotto.interruption', 'sometimes');
    kept.set('sotto.min-words', '1000');
    expect(rememberedManner()).toEqual(usualManner);
  });
});

function connect(): void {
  call.hangUp();
  void call.start();
  server.opened();
  server.receive(created());
}

function sent(): string {
  return server.sent.map(({ type }) => type).join(' ');
}

function update(sotto: object): object {
  return { type: 'session.update', session: { type: 'realtime', sotto } };
}

function created(): ServerEvent {
  const sotto: Session['sotto'] = { call_id: 'rtc_1', output: 'blob', interruption: 'always', min_words: 4, history: 'memory', conversation: null, tier: null, engines: {} };
  return { type: 'session.created', session: { model: 'echo', sotto } };
}
