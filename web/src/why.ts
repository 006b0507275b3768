/** Why the server waited, answered, stopped or went on: what it recorded, in plain words. */
import type { Overlap } from './protocol';
import type { Check, Decision, TurnRecord } from './turn-record';

/** Why a turn ended when it did; empty where the server does not say. */
export function whyTurn({ decision, eager, timings }: TurnRecord): string {
  if (!decision) return '';
  const sentences = [
    waited(decision),
    hesitated(decision),
    decided(decision),
    early(eager),
    timings.first_audio_ms === null ? '' : `You heard my answer ${seconds(timings.first_audio_ms)} after your last word.`,
  ];
  return sentences.filter(Boolean).join(' ');
}

/** Why a reply stopped or went on when somebody spoke over it. */
export function whyReply({ stopped, why, speech_ms: speechMs, decided_ms: decidedMs }: Overlap): string {
  const reasons: Record<string, string> = {
    words: 'I stopped because you said something.',
    long: 'I stopped because you went on speaking.',
    meant: 'I stopped because it sounded as if you wanted to say something.',
    short: 'That was too short to be speech, so I went on.',
    no_words: 'It sounded like a noise, so I went on.',
    backchannel: 'You only said that you listen, so I went on.',
    echo: 'I heard my own voice, so I went on.',
    few_words: 'You said too few words to stop me, so I went on.',
  };
  const usual = stopped ? 'I stopped because you spoke.' : 'I went on.';
  return `${reasons[why] ?? usual} I heard ${seconds(speechMs)} of it, and knew after ${seconds(decidedMs)}.`;
}

/** What became of a turn in which something was heard, and no words were believed. */
export function whyNoWords(rejected: string): string {
  if (rejected === 'too_short') return 'That was too short to be understood.';
  if (rejected === 'no_speech') return 'It sounded like a noise.';
  return 'I heard something, but could not make out the words.';
}

/** How long the pause was that ended the turn, and why it was given so much. */
function waited({ reason, silence_ms: silenceMs, patience }: Decision): string {
  const because: Record<string, string> = {
    number: 'you were dictating a number',
    spelling: 'you were spelling something',
    address: 'you were giving an address',
    unfinished: 'your sentence was not finished',
    dangling: 'your last words did not end a sentence',
    asked: 'I had asked you for something that takes a while to say',
  };
  if (reason === 'client') return 'I answered because you let the button go.';
  const pause = seconds(silenceMs);
  return because[patience] ? `I waited ${pause} because ${because[patience]}.` : `You paused for ${pause}.`;
}

/** That it waited before, at an earlier pause or at this one. */
function hesitated({ reason, checks }: Decision): string {
  if (reason === 'client') return '';
  const pauses = byPause(checks);
  const [first, ...more] = pauses.pop() ?? [];
  const sentences: string[] = [];
  if (pauses.some((pause) => !isSure(pause.at(-1)!))) sentences.push('When you paused before, it did not sound finished.');
  if (first && more.length > 0 && !isSure(first)) sentences.push(`At first I was only ${percent(first.probability)} sure that you had finished.`);
  return sentences.join(' ');
}

/** What ended it. */
function decided({ reason, checks }: Decision): string {
  const last = checks.at(-1);
  if (reason === 'silence') return 'That is as long as I wait.';
  if (reason === 'limit') {
    const limit = 'I never wait longer than that.';
    return last ? `I was only ${percent(last.probability)} sure that you had finished, but ${limit}` : limit;
  }
  if (reason !== 'model') return '';
  if (!last) return 'It sounded finished.';
  const sure = `${percent(last.probability)} sure that you had finished`;
  // The longer a pause lasts the less sure one has to be.
  if (!isSure(last)) return `I was only ${sure}, but after so long a pause that was enough.`;
  return `I was ${sure} (${percent(last.threshold)} was needed).`;
}

function early({ begun, used }: TurnRecord['eager']): string {
  if (used) return 'I had begun to think of my answer while you paused.';
  return begun > 0 ? 'I had begun an answer too early, and thought again.' : '';
}

/** The checks of each pause: where the silence is shorter than before, another pause has begun. */
export function byPause(checks: Check[]): Check[][] {
  const pauses: Check[][] = [];
  for (const [at, check] of checks.entries()) {
    if (at > 0 && check.silence_ms > checks[at - 1]!.silence_ms) pauses.at(-1)!.push(check);
    else pauses.push([check]);
  }
  return pauses;
}

function isSure({ probability, threshold }: Check): boolean {
  return probability >= threshold;
}

function percent(part: number): string {
  return together(Math.round(part * 100), '%');
}

function seconds(ms: number): string {
  return together((ms / 1000).toFixed(1), 's');
}

/** A number and its unit, between which no line breaks. */
function together(number: number | string, unit: string): string {
  return `${number}\u00a0${unit}`;
}
