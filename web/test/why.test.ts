import { describe, expect, test } from 'vitest';
import type { Check, Decision, Timings, TurnRecord } from '../src/turn-record';
import { whyNoWords, whyReply, whyTurn } from '../src/why';

describe('why a turn ended', () => {
  test('because the model was sure', () => {
    expect(why({ silence_ms: 288, checks: [check(96, 0.92)] })).toBe(
      'You paused for 0.3 s. I was 92 % sure that you had finished (50 % was needed).',
    );
  });

  test('because the model was sure enough in the end', () => {
    expect(why({ silence_ms: 800, checks: [check(96, 0.3), check(350, 0.4), check(700, 0.61, 0.42)] })).toBe(
      'You paused for 0.8 s. At first I was only 30 % sure that you had finished. I was 61 % sure that you had finished (42 % was needed).',
    );
  });

  test('because the pause was long, although the model was not sure', () => {
    expect(why({ silence_ms: 1400, checks: [check(1200, 0.3, 0.35)] })).toBe(
      'You paused for 1.4 s. I was only 30 % sure that you had finished, but after so long a pause that was enough.',
    );
  });

  test('after pauses that were none', () => {
    expect(why({ silence_ms: 288, checks: [check(96, 0.1), check(96, 0.9)] })).toBe(
      'You paused for 0.3 s. When you paused before, it did not sound finished. I was 90 % sure that you had finished (50 % was needed).',
    );
    expect(why({ silence_ms: 288, checks: [check(96, 0.8), check(96, 0.9)] })).not.toMatch(/before/);
  });

  test.each([
    ['number', 'you were dictating a number'],
    ['spelling', 'you were spelling something'],
    ['address', 'you were giving an address'],
    ['unfinished', 'your sentence was not finished'],
    ['dangling', 'your last words did not end a sentence'],
    ['asked', 'I had asked you for something that takes a while to say'],
  ])('late, because of %s', (patience, because) => {
    expect(why({ silence_ms: 1400, patience, checks: [check(1200, 0.95, 0.9)] })).toBe(
      `I waited 1.4 s because ${because}. I was 95 % sure that you had finished (90 % was needed).`,
    );
  });

  test.each([
    ['silence', [], 'You paused for 2.5 s. That is as long as I wait.'],
    ['limit', [check(1800, 0.12, 0.2)], 'You paused for 2.5 s. I was only 12 % sure that you had finished, but I never wait longer than that.'],
    ['limit', [], 'You paused for 2.5 s. I never wait longer than that.'],
    ['model', [], 'You paused for 2.5 s. It sounded finished.'],
    ['client', [check(96, 0.1)], 'I answered because you let the button go.'],
    ['something new', [], 'You paused for 2.5 s.'],
  ])('for the reason %s', (reason, checks, words) => {
    expect(why({ reason, silence_ms: 2500, checks })).toBe(words);
  });

  test('with what was begun early, and how long it took', () => {
    const record = { eager: { begun: 2, used: true }, timings: { ...nothing, first_audio_ms: 421 } };
    expect(why({ silence_ms: 300 }, record)).toMatch(/I had begun to think of my answer while you paused\. You heard my answer 0\.4 s after your last word\.$/);
    expect(why({ silence_ms: 300 }, { eager: { begun: 1, used: false } })).toMatch(/too early, and thought again\.$/);
  });

  test('is not made up where the server does not say it', () => {
    expect(whyTurn({ ...empty, decision: null })).toBe('');
  });
});

describe('why a reply', () => {
  test.each([
    [true, 'words', 'I stopped because you said something.'],
    [true, 'long', 'I stopped because you went on speaking.'],
    [true, 'meant', 'I stopped because it sounded as if you wanted to say something.'],
    [false, 'short', 'That was too short to be speech, so I went on.'],
    [false, 'no_words', 'It sounded like a noise, so I went on.'],
    [false, 'backchannel', 'You only said that you listen, so I went on.'],
    [false, 'echo', 'I heard my own voice, so I went on.'],
    [false, 'few_words', 'You said too few words to stop me, so I went on.'],
    [true, 'something new', 'I stopped because you spoke.'],
    [false, 'something new', 'I went on.'],
  ])('was stopped: %s, because of %s', (stopped, why, words) => {
    expect(plain(whyReply({ response_id: 'r', stopped, why, speech_ms: 320, decided_ms: 640 }))).toBe(
      `${words} I heard 0.3 s of it, and knew after 0.6 s.`,
    );
  });
});

test.each([
  ['too_short', 'That was too short to be understood.'],
  ['no_speech', 'It sounded like a noise.'],
  ['repetition', 'I heard something, but could not make out the words.'],
])('why a turn has no words: %s', (rejected, words) => {
  expect(whyNoWords(rejected)).toBe(words);
});

const nothing: Timings = {
  endpoint_ms: null, transcript_ms: null, first_token_ms: null, first_clause_ms: null, first_speech_ms: null, first_audio_ms: null,
};
const empty: TurnRecord = {
  item_id: 'i', timings: nothing, work: [], decision: null, eager: { begun: 0, used: false }, rejected: null, network: null,
};

function check(silence_ms: number, probability: number, threshold = 0.5): Check {
  return { silence_ms, probability, threshold };
}

function why(decision: Partial<Decision>, record: Partial<TurnRecord> = {}): string {
  const whole = { reason: 'model', silence_ms: 0, checks: [], patience: 'usual', ...decision };
  return plain(whyTurn({ ...empty, decision: whole, ...record }));
}

/** Numbers and their units stay together on the page; here they are easier to read apart. */
function plain(text: string): string {
  return text.replaceAll('\u00a0', ' ');
}
