/** What waited for what in a turn, as bars on one clock that begins with the last word. Numbers only: nothing is drawn here. */
import type { Check, Decision, Job, Timings, TurnRecord } from './turn-record';
import { byPause } from './why';

export interface Waterfall {
  /** What the clock shows, in ms. */
  from: number;
  to: number;
  rows: Row[];
  /** Where the clock is labelled. */
  ticks: number[];
  /** When the answer began to be heard. */
  heard: number | null;
}

export interface Row {
  name: string;
  bars: Bar[];
}

/** `wait`: nothing was done; `work`: an engine worked on it. */
export interface Bar {
  kind: 'wait' | 'work';
  from: number;
  to: number;
}

/** A pause in which the model was asked. All of them lie on one clock, in ms of silence; an earlier one lasted at least until its last check. */
export interface Pause {
  from: number;
  to: number;
  checks: Check[];
}

const STAGES: [string, string][] = [['turn', 'End of turn'], ['stt', 'Recognition'], ['llm', 'Model'], ['tts', 'Voice']];
const STEPS_MS = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000];
const MOST_TICKS = 5;
/** Between two pauses somebody spoke; how long is not in the record. */
const BETWEEN_MS = 100;
/** Times are whole milliseconds, each rounded by itself. */
const ROUNDING_MS = 2;

/** The bars of a turn; null where the server does not say what the engines did. */
export function waterfall({ timings, work, decision }: TurnRecord): Waterfall | null {
  // What was over before the last word kept nobody waiting.
  const jobs = work.filter((job) => doneMs(job) >= 0);
  if (jobs.length === 0) return null;
  const rows: Row[] = [];
  const pause = timings.endpoint_ms ?? decision?.silence_ms ?? null;
  if (pause !== null) rows.push({ name: 'Your pause', bars: [{ kind: 'wait', from: 0, to: pause }] });
  for (const [stage, name] of STAGES) {
    const bars = jobs.filter((job) => job.stage === stage).flatMap(barsOf);
    if (bars.length === 0) continue;
    rows.push({ name, bars: stage === 'llm' ? [...bars, ...writing(bars.at(-1)!.to, timings)] : bars });
  }
  const { first_speech_ms: made, first_audio_ms: heard } = timings;
  if (made !== null && heard !== null) rows.push({ name: 'Playout', bars: [{ kind: 'wait', from: made, to: heard }] });
  const ends = rows.flatMap((row) => row.bars);
  const from = Math.min(0, ...ends.map((each) => each.from));
  const to = Math.max(1, ...ends.map((each) => each.to));
  return { from, to, rows, ticks: ticks(from, to), heard };
}

/** Where on a clock a time lies, as a part of its length. */
export function at({ from, to }: { from: number; to: number }, ms: number): number {
  return Math.min(1, Math.max(0, (ms - from) / (to - from)));
}

/** How sure the model became in each pause, and how sure it had to be; empty if it was not asked. */
export function pauses({ checks, silence_ms: silenceMs }: Decision): Pause[] {
  const asked = byPause(checks);
  let from = 0;
  return asked.map((own, index) => {
    const lasted = Math.max(1, own.at(-1)!.silence_ms, index === asked.length - 1 ? silenceMs : 0);
    const pause = { from, to: from + lasted, checks: own };
    from = pause.to + BETWEEN_MS;
    return pause;
  });
}

/** The model goes on until there is something to say. What was begun early waits until it is sure that the turn is over. */
function writing(wroteMs: number, { first_token_ms: token, first_clause_ms: clause }: Timings): Bar[] {
  if (token === null || clause === null) return [];
  const held = token - wroteMs > ROUNDING_MS;
  return held ? [...bar('wait', wroteMs, token), ...bar('work', token, clause)] : bar('work', wroteMs, clause);
}

function doneMs({ asked_ms: asked, waited_ms: waited, worked_ms: worked }: Job): number {
  return asked + waited + worked;
}

function barsOf(job: Job): Bar[] {
  const began = job.asked_ms + job.waited_ms;
  return [...bar('wait', job.asked_ms, began), ...bar('work', began, doneMs(job), true)];
}

/** Nothing where there is nothing to see, unless it is to be seen all the same. */
function bar(kind: Bar['kind'], from: number, to: number, always = false): Bar[] {
  return to > from || always ? [{ kind, from, to }] : [];
}

function ticks(from: number, to: number): number[] {
  const step = STEPS_MS.find((each) => (to - from) / each <= MOST_TICKS) ?? STEPS_MS.at(-1)!;
  const marks: number[] = [];
  for (let mark = Math.ceil(from / step) * step; mark <= to; mark += step) marks.push(mark + 0);
  return marks;
}
