/** How a turn went, as the server records it: in the event `sotto.turn`, and of turns that are over by its API. */
import { asNumber, asObject, asString, numberOrNull, orEmpty, orNull, type Fields } from './fields';

/** Milliseconds after the last speech; null for what did not happen in this turn. */
export interface Timings {
  endpoint_ms: number | null;
  transcript_ms: number | null;
  first_token_ms: number | null;
  first_clause_ms: number | null;
  first_speech_ms: number | null;
  first_audio_ms: number | null;
}

/** How a turn of the person went. */
export interface TurnRecord {
  /** The person's item. */
  item_id: string | null;
  timings: Timings;
  /** What the engines did for it, in the order in which they were asked. */
  work: Job[];
  decision: Decision | null;
  /** Replies that were begun before the turn was over, and whether the last of them was the answer. */
  eager: { begun: number; used: boolean };
  /** Why it has no words although something was heard. */
  rejected: string | null;
  /** How the person's sound arrived since the turn before; null where it comes in no packets. */
  network: Network | null;
}

/** What an engine did: `turn`, `stt`, `llm` or `tts`. */
export interface Job {
  stage: string;
  /** After the last speech; before it if negative. */
  asked_ms: number;
  waited_ms: number;
  worked_ms: number;
}

/** Why a turn ended when it did. */
export interface Decision {
  /** `model`, `silence`, `limit` or `client`. */
  reason: string;
  silence_ms: number;
  checks: Check[];
  /** `usual`, `number`, `spelling`, `address`, `unfinished`, `dangling` or `asked`. */
  patience: string;
}

/** A model was asked whether the person had finished. */
export interface Check {
  silence_ms: number;
  probability: number;
  /** What it would have taken to end the turn then. */
  threshold: number;
}

/** How packets arrived, and how long the way is. */
export interface Network {
  packets: number;
  lost: number;
  late: number;
  /** The server was too slow for them. */
  dropped: number;
  concealed_ms: number;
  jitter_ms: number;
  rtt_ms: number | null;
}

export function readTurn(fields: Fields): TurnRecord {
  const timings = asObject(fields['timings']);
  const eager = orEmpty(fields['eager']);
  return {
    item_id: orNull(fields['item_id']),
    timings: {
      endpoint_ms: numberOrNull(timings['endpoint_ms']),
      transcript_ms: numberOrNull(timings['transcript_ms']),
      first_token_ms: numberOrNull(timings['first_token_ms']),
      first_clause_ms: numberOrNull(timings['first_clause_ms']),
      first_speech_ms: numberOrNull(timings['first_speech_ms']),
      first_audio_ms: numberOrNull(timings['first_audio_ms']),
    },
    work: orNothing(() => listOf(fields['work']).map(job)) ?? [],
    decision: orNothing(() => decision(asObject(fields['decision']))),
    eager: { begun: numberOrNull(eager['begun']) ?? 0, used: eager['used'] === true },
    rejected: orNull(fields['rejected']),
    network: orNothing(() => network(asObject(fields['network']))),
  };
}

export function network(fields: Fields): Network {
  return {
    packets: asNumber(fields['packets']),
    lost: asNumber(fields['lost']),
    late: asNumber(fields['late']),
    dropped: asNumber(fields['dropped']),
    concealed_ms: asNumber(fields['concealed_ms']),
    jitter_ms: asNumber(fields['jitter_ms']),
    rtt_ms: numberOrNull(fields['rtt_ms']),
  };
}

function job(fields: Fields): Job {
  return {
    stage: asString(fields['stage']),
    asked_ms: asNumber(fields['asked_ms']),
    waited_ms: asNumber(fields['waited_ms']),
    worked_ms: asNumber(fields['worked_ms']),
  };
}

function decision(fields: Fields): Decision {
  return {
    reason: asString(fields['reason']),
    silence_ms: asNumber(fields['silence_ms']),
    checks: listOf(fields['checks']).map((check) => ({
      silence_ms: asNumber(check['silence_ms']),
      probability: asNumber(check['probability']),
      threshold: asNumber(check['threshold']),
    })),
    patience: orNull(fields['patience']) ?? 'usual',
  };
}

function listOf(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(asObject) : [];
}

/** A turn is worth its times without it, so what is broken is not there. */
function orNothing<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
