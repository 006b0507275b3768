/** What the page shows of a call. */
import type { Caption } from './captions';
import type { Problem } from './errors';
import type { Engines } from './protocol';
import type { Network, Timings } from './turn-record';

export type State = 'idle' | 'connecting' | 'listening' | 'thinking' | 'speaking' | 'ended';

export interface Model {
  state: State;
  /** What `connecting` waits for. */
  waiting: 'microphone' | 'server' | 'path';
  /** The person is being heard. */
  hearing: boolean;
  muted: boolean;
  /** The microphone is open only while a button is held, and whether one is. */
  pushToTalk: boolean;
  holding: boolean;
  /** Why nothing came of what was said last. */
  unheard: string | null;
  /** The call came about: the server spoke. */
  answered: boolean;
  captions: readonly Caption[];
  /** The times of the last turn. */
  timings: Timings | null;
  /** How the person's sound arrives. */
  network: Network | null;
  engines: Engines | null;
  /** `memory`: the server stores nothing. */
  history: string | null;
  /** How the conversation of this call is kept. */
  tier: string | null;
  /** The call, as long as it can be gone on with; null before it came about, and once somebody hung up. */
  callId: string | null;
  /** The conversation that the server has it in. */
  conversation: string | null;
  /** Part of a reply was missed when the call before was lost, and can be heard. */
  missed: boolean;
  problem: Problem | null;
}

/** Before a call. */
export function idle(): Model {
  return {
    state: 'idle',
    waiting: 'microphone',
    hearing: false,
    muted: false,
    pushToTalk: false,
    holding: false,
    unheard: null,
    answered: false,
    captions: [],
    timings: null,
    network: null,
    engines: null,
    history: null,
    tier: null,
    callId: null,
    conversation: null,
    missed: false,
    problem: null,
  };
}
