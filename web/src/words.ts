/** Every sentence of the page that depends on the call, in one place. */
import type { Caption } from './captions';
import type { Waiting } from './line';
import type { Model, State } from './model';
import { quality } from './network';
import type { Engines } from './protocol';

export function stateWord(model: Model): string {
  if (model.holding && inCall(model.state)) return 'listening';
  const words: Record<State, string> = {
    idle: '',
    connecting: model.waiting === 'path' ? 'reconnecting' : 'connecting',
    listening: model.muted ? 'muted' : model.pushToTalk ? 'ready' : 'listening',
    thinking: 'thinking',
    speaking: 'speaking',
    ended: model.answered ? 'call ended' : 'no call',
  };
  return words[model.state];
}

export function title(model: Model, conversation: string | null = null): string {
  const word = stateWord(model);
  if (conversation !== null && (!word || model.state === 'ended')) return `${conversation} · Sotto`;
  return word ? `${word.charAt(0).toUpperCase()}${word.slice(1)} · Sotto` : 'Sotto';
}

/** One quiet line below the state: what the person may do now. */
export function hint(model: Model): string {
  if (model.state === 'connecting') {
    const waits = {
      microphone: 'Allow the microphone, if the browser asks.',
      server: 'The server is being called.',
      path: 'The connection broke. A new way is being looked for.',
    };
    return waits[model.waiting];
  }
  if (!inCall(model.state)) return '';
  if (model.holding) return 'Let go when you have finished.';
  if (model.muted) return 'Nothing you say is heard.';
  if (model.unheard && model.state === 'listening') return model.unheard;
  if (model.pushToTalk) return model.captions.length === 0 ? 'You are heard only while you hold the button.' : '';
  return model.state === 'listening' && model.captions.length === 0 ? 'Go ahead, say something.' : '';
}

/** Until the page tries again where the server was full. */
export function waitingLine(waiting: Waiting | null): string {
  if (!waiting) return '';
  const { seconds, attempt, of } = waiting;
  return seconds > 0 ? `Trying again in ${seconds} s (${attempt} of ${of}).` : 'Looking for a free line …';
}

/** How long the last turn took, and that the path is bad if it is, in parts that stay together; none when nothing is known. */
export function latency({ timings, network }: Pick<Model, 'timings' | 'network'>): string[] {
  const path = network && quality(network) !== 'good' ? [`network ${quality(network)}`] : [];
  if (!timings) return path;
  const parts: [string, number | null][] = [
    ['answered after', timings.first_audio_ms],
    ['transcript', timings.transcript_ms],
    ['first word', timings.first_token_ms],
  ];
  return parts
    .filter((part): part is [string, number] => part[1] !== null)
    .map(([name, ms]) => `${name} ${(ms / 1000).toFixed(2)} s`)
    .concat(path);
}

/** Which engines are in use, in parts that stay together. */
export function engines(names: Engines | null): string[] {
  if (!names) return [];
  const parts: [string, string][] = [
    ['hears with', [names.stt, names.vad, names.turn].filter(Boolean).join(', ')],
    ['thinks with', names.llm ?? ''],
    ['speaks with', names.tts ?? ''],
  ];
  return parts.filter(([, name]) => name).map(([what, name]) => `${what} ${name}`);
}

export function privacy(model: Model): string {
  if (model.state === 'idle' || model.state === 'connecting') return 'The microphone is open only during a call.';
  if (model.history === 'stored') {
    if (model.state === 'ended') return '';
    return model.tier === 'private'
      ? 'What is said is sealed with your key turn by turn. The server cannot read it again.'
      : 'What is said is written into this conversation, encrypted, turn by turn.';
  }
  if (model.history !== 'memory') return '';
  return model.state === 'ended'
    ? 'The server keeps nothing of this call. What you still read here goes when you call again or leave.'
    : 'This call is kept in memory only and forgotten when you hang up.';
}

/** The end of an interrupted reply: a mark instead of the comma or dash it was cut at. */
export function captionText({ text, phase }: { text: string; phase: Caption['phase'] | 'lost' }): { text: string; mark: string } {
  return phase === 'cut' ? { text: text.replace(/[\s,;:–—-]+$/, ''), mark: '…' } : { text, mark: '' };
}

export function inCall(state: State): boolean {
  return state === 'listening' || state === 'thinking' || state === 'speaking';
}
