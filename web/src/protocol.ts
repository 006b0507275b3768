/**
 * The events of docs/protocol.md, both ways, as far as this page uses them.
 * Field names are those on the wire. What arrives is checked once, here; inside the page it is trusted.
 */
import { asNumber, asObject, asString, malformed, numberOrNull, orEmpty, orNull, type Fields } from './fields';
import { network, readTurn, type Network, type TurnRecord } from './turn-record';

/** Reads one message of the events or the audio channel. Unknown events and junk give `undefined`; it never throws. */
export function parseServerEvent(message: unknown): ServerEvent | undefined {
  if (typeof message !== 'string') return undefined;
  try {
    const fields = asObject(JSON.parse(message));
    const type = asString(fields['type']);
    if (!Object.hasOwn(readers, type)) return undefined;
    const read = readers[type as keyof ServerEvents];
    return { type, ...read(fields) } as ServerEvent;
  } catch {
    return undefined;
  }
}

export type ServerEvent = {
  [T in keyof ServerEvents]: { type: T } & ServerEvents[T];
}[keyof ServerEvents];

export type ClientEvent =
  | { type: 'sotto.playout'; chunk_id: string; played_ms: number }
  | { type: 'sotto.replay' }
  | { type: 'output_audio_buffer.clear' }
  | { type: 'conversation.item.create'; item: NewItem }
  | { type: 'response.create' }
  | { type: 'response.cancel'; response_id?: string }
  | { type: 'input_audio_buffer.commit' }
  | { type: 'input_audio_buffer.clear' }
  | { type: 'conversation.item.truncate'; item_id: string; content_index: 0; audio_end_ms: number }
  | { type: 'session.update'; session: SessionChange };

/** What of a session the page sets. */
export interface SessionChange {
  type: 'realtime';
  /** `null`: nothing ends a turn but `input_audio_buffer.commit`. */
  audio?: { input: { turn_detection: null | { type: 'semantic_vad'; eagerness: 'auto' } } };
  sotto?: { interruption: Interruption; min_words?: number };
}

/** What happens to a reply when somebody speaks over it. */
export type Interruption = 'always' | 'after_words' | 'never';

/** A message that did not come by voice: typed, or said in an earlier call. */
export interface NewItem {
  id: string;
  type: 'message';
  role: 'user' | 'assistant' | 'system';
  content: { type: 'input_text' | 'output_text'; text: string }[];
  /** `context`: it was stored before and is not to be stored again. */
  sotto?: { context: true };
}

export type TalkState = 'listening' | 'thinking' | 'speaking';
export type Output = 'track' | 'blob';

export interface Session {
  model: string | null;
  sotto: {
    call_id: string | null;
    output: Output;
    interruption: Interruption | null;
    /** So many words stop a reply with `after_words`. */
    min_words: number | null;
    /** `stored`: what is said is written down. `memory`: it is forgotten when the call ends. */
    history: string | null;
    /** The conversation that the call belongs to. */
    conversation: string | null;
    tier: string | null;
    engines: Engines;
  };
}

/** The name of what is in use at each stage; a stage the server did not name is missing. */
export type Engines = Partial<Record<'vad' | 'turn' | 'stt' | 'llm' | 'tts', string>>;

export interface Word {
  text: string;
  start_ms: number;
  end_ms: number;
}

/** What is said of a chunk of speech before its bytes come. */
export interface ChunkHead {
  response_id: string;
  item_id: string;
  chunk_id: string;
  bytes: number;
  duration_ms: number;
  text: string;
  words: Word[];
}

/** Somebody spoke over a reply, and it was decided what they wanted. */
export interface Overlap {
  response_id: string;
  stopped: boolean;
  /** `words`, `long`, `meant`, `short`, `no_words`, `backchannel`, `echo` or `few_words`. */
  why: string;
  speech_ms: number;
  decided_ms: number;
}

/** How a reply is played while somebody may be speaking over it. */
export type Hush = 'quiet' | 'silent';

interface ServerEvents {
  'error': { code: string | null; message: string };
  'session.created': { session: Session };
  'session.updated': { session: Session };
  'input_audio_buffer.speech_started': { item_id: string };
  'input_audio_buffer.speech_stopped': { item_id: string };
  'input_audio_buffer.committed': { item_id: string };
  'input_audio_buffer.timeout_triggered': { item_id: string };
  'conversation.item.input_audio_transcription.delta': { item_id: string; delta: string };
  'conversation.item.input_audio_transcription.completed': { item_id: string; transcript: string };
  'conversation.item.input_audio_transcription.failed': { item_id: string; message: string };
  'conversation.item.added': { item_id: string; role: string | null; text: string };
  'conversation.item.truncated': { item_id: string; audio_end_ms: number; text: string | null };
  'response.created': { response_id: string };
  'response.output_item.added': { response_id: string; item_id: string };
  'response.output_text.delta': { response_id: string; item_id: string; delta: string };
  'response.output_text.done': { response_id: string; item_id: string; text: string };
  'response.output_audio_transcript.delta': { response_id: string; item_id: string; delta: string };
  'response.output_audio_transcript.done': { response_id: string; item_id: string; transcript: string };
  'response.done': { response_id: string; status: string; reason: string | null; message: string | null };
  'output_audio_buffer.started': { response_id: string };
  'output_audio_buffer.stopped': { response_id: string };
  'output_audio_buffer.cleared': { response_id: string };
  'sotto.state': { state: TalkState };
  'sotto.transcript.interim': { item_id: string; stable: string; tail: string };
  'sotto.turn': TurnRecord;
  'sotto.network': { network: Network };
  'sotto.interruption': Overlap;
  'sotto.audio.chunk': ChunkHead;
  'sotto.audio.duck': { response_id: string; level: Hush };
  /** `chunk_id`: where it goes on, if it was silent. */
  'sotto.audio.resume': { response_id: string; chunk_id: string | null; from_ms: number };
  'sotto.audio.clear': { response_id: string };
  'sotto.item.stored': { item_id: string; seq: number };
  'sotto.item.not_stored': { item_id: string; reason: string };
  'sotto.call.ending': { reason: string; in_ms: number };
  /** This call goes on where another was lost; `missed`: what was made and not heard of its last reply. */
  'sotto.resumed': { call_id: string; missed: string };
}

const readers: { [T in keyof ServerEvents]: (fields: Fields) => ServerEvents[T] } = {
  'error': (f) => {
    const error = asObject(f['error']);
    return { code: orNull(error['code']), message: asString(error['message']) };
  },
  'session.created': session,
  'session.updated': session,
  'input_audio_buffer.speech_started': item,
  'input_audio_buffer.speech_stopped': item,
  'input_audio_buffer.committed': item,
  'input_audio_buffer.timeout_triggered': item,
  'conversation.item.input_audio_transcription.delta': (f) => ({ ...item(f), delta: orNull(f['delta']) ?? '' }),
  'conversation.item.input_audio_transcription.completed': (f) => ({
    ...item(f),
    transcript: asString(f['transcript']),
  }),
  'conversation.item.input_audio_transcription.failed': (f) => ({
    ...item(f),
    message: orNull(orEmpty(f['error'])['message']) ?? '',
  }),
  'conversation.item.added': (f) => {
    const added = asObject(f['item']);
    return { item_id: asString(added['id']), role: orNull(added['role']), text: written(added['content']) };
  },
  'conversation.item.truncated': (f) => ({
    ...item(f),
    audio_end_ms: asNumber(f['audio_end_ms']),
    text: orNull(orEmpty(f['sotto'])['text']),
  }),
  'response.created': (f) => ({ response_id: orNull(asObject(f['response'])['id']) ?? '' }),
  'response.output_item.added': (f) => ({ ...response(f), item_id: asString(asObject(f['item'])['id']) }),
  'response.output_text.delta': (f) => ({ ...response(f), ...item(f), delta: asString(f['delta']) }),
  'response.output_text.done': (f) => ({ ...response(f), ...item(f), text: asString(f['text']) }),
  'response.output_audio_transcript.delta': (f) => ({ ...response(f), ...item(f), delta: asString(f['delta']) }),
  'response.output_audio_transcript.done': (f) => ({
    ...response(f),
    ...item(f),
    transcript: asString(f['transcript']),
  }),
  'response.done': (f) => {
    const done = asObject(f['response']);
    const details = orEmpty(done['status_details']);
    const error = orEmpty(details['error']);
    return {
      response_id: orNull(done['id']) ?? '',
      status: asString(done['status']),
      reason: orNull(details['reason']),
      message: orNull(error['message']) ?? orNull(error['code']) ?? orNull(error['type']),
    };
  },
  'output_audio_buffer.started': response,
  'output_audio_buffer.stopped': response,
  'output_audio_buffer.cleared': response,
  'sotto.state': (f) => {
    const state = asString(f['state']);
    if (state !== 'listening' && state !== 'thinking' && state !== 'speaking') throw malformed('state');
    return { state };
  },
  'sotto.transcript.interim': (f) => ({ ...item(f), stable: asString(f['stable']), tail: asString(f['tail']) }),
  'sotto.turn': readTurn,
  'sotto.network': (f) => ({ network: network(f) }),
  'sotto.interruption': (f) => ({
    ...response(f),
    stopped: f['stopped'] === true,
    why: asString(f['why']),
    speech_ms: asNumber(f['speech_ms']),
    decided_ms: asNumber(f['decided_ms']),
  }),
  'sotto.audio.chunk': (f) => ({
    ...response(f),
    ...item(f),
    chunk_id: asString(f['chunk_id']),
    bytes: asNumber(f['bytes']),
    duration_ms: asNumber(f['duration_ms']),
    text: orNull(f['text']) ?? '',
    words: words(f['words']),
  }),
  'sotto.audio.duck': (f) => ({ ...response(f), level: f['level'] === 'silent' ? 'silent' : 'quiet' }),
  'sotto.audio.resume': (f) => ({
    ...response(f),
    chunk_id: orNull(f['chunk_id']),
    from_ms: numberOrNull(f['from_ms']) ?? 0,
  }),
  'sotto.audio.clear': response,
  'sotto.item.stored': (f) => ({ ...item(f), seq: asNumber(f['seq']) }),
  'sotto.item.not_stored': (f) => ({ ...item(f), reason: orNull(f['reason']) ?? '' }),
  'sotto.call.ending': (f) => ({ reason: asString(f['reason']), in_ms: numberOrNull(f['in_ms']) ?? 0 }),
  'sotto.resumed': (f) => ({ call_id: asString(f['call_id']), missed: orNull(f['missed']) ?? '' }),
};

function session(fields: Fields): { session: Session } {
  const session = asObject(fields['session']);
  const sotto = orEmpty(session['sotto']);
  return {
    session: {
      model: orNull(session['model']),
      sotto: {
        call_id: orNull(sotto['call_id']),
        output: sotto['output'] === 'blob' ? 'blob' : 'track',
        interruption: interruption(sotto['interruption']),
        min_words: numberOrNull(sotto['min_words']),
        history: orNull(sotto['history']),
        conversation: orNull(sotto['conversation']),
        tier: orNull(sotto['tier']),
        engines: engines(orEmpty(sotto['engines'])),
      },
    },
  };
}

function engines(fields: Fields): Engines {
  const names: Engines = {};
  for (const stage of ['vad', 'turn', 'stt', 'llm', 'tts'] as const) {
    const name = orNull(fields[stage]);
    if (name) names[stage] = name;
  }
  return names;
}

function interruption(value: unknown): Interruption | null {
  return value === 'always' || value === 'after_words' || value === 'never' ? value : null;
}

function item(fields: Fields): { item_id: string } {
  return { item_id: asString(fields['item_id']) };
}

function response(fields: Fields): { response_id: string } {
  return { response_id: asString(fields['response_id']) };
}

/** Speech is worth hearing without word times, so a broken list is an empty one. */
function words(value: unknown): Word[] {
  if (!Array.isArray(value)) return [];
  try {
    return value.map(asObject).map((fields) => ({
      text: asString(fields['text']),
      start_ms: asNumber(fields['start_ms']),
      end_ms: asNumber(fields['end_ms']),
    }));
  } catch {
    return [];
  }
}

/** The written words of an item; what was spoken has none here. */
function written(content: unknown): string {
  if (!Array.isArray(content)) return '';
  return content.map((part: unknown) => orNull(orEmpty(part)['text']) ?? '').join('');
}
