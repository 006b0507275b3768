import { describe, expect, test } from 'vitest';
import type { Check, Job, Timings, TurnRecord } from '../src/turn-record';
import { measures, quality } from '../src/network';
import { at, pauses, waterfall } from '../src/waterfall';

const timings: Timings = {
  endpoint_ms: 230, transcript_ms: 231, first_token_ms: 300, first_clause_ms: 340, first_speech_ms: 420, first_audio_ms: 450,
};
const work: Job[] = [job('stt', 96, 10, 90), job('turn', 96, 0, 14), job('llm', 231, 0, 69), job('tts', 340, 5, 75)];

describe('a waterfall', () => {
  test('has a row for each that worked, and for what was waited for', () => {
    const { rows, from, to, heard, ticks } = waterfall(record())!;
    expect(rows).toEqual([
      { name: 'Your pause', bars: [{ kind: 'wait', from: 0, to: 230 }] },
      { name: 'End of turn', bars: [{ kind: 'work', from: 96, to: 110 }] },
      { name: 'Recognition', bars: [{ kind: 'wait', from: 96, to: 106 }, { kind: 'work', from: 106, to: 196 }] },
      { name: 'Model', bars: [{ kind: 'work', from: 231, to: 300 }, { kind: 'work', from: 300, to: 340 }] },
      { name: 'Voice', bars: [{ kind: 'wait', from: 340, to: 345 }, { kind: 'work', from: 345, to: 420 }] },
      { name: 'Playout', bars: [{ kind: 'wait', from: 420, to: 450 }] },
    ]);
    expect([from, to, heard]).toEqual([0, 450, 450]);
    expect(ticks).toEqual([0, 100, 200, 300, 400]);
  });

  test('begins before the last word where a job did', () => {
    const early = [job('turn', -900, 0, 20), job('stt', -150, 0, 400)];
    const { rows, from, to, ticks } = waterfall(record({ work: early, timings: { ...timings, first_speech_ms: null, first_audio_ms: null } }))!;
    // What was over by then kept nobody waiting.
    expect(rows.map((row) => row.name)).toEqual(['Your pause', 'Recognition']);
    expect([from, to]).toEqual([-150, 250]);
    expect(ticks).toEqual([-100, 0, 100, 200]);
  });

  test('shows that an answer begun early waited for the end of the turn', () => {
    const { rows } = waterfall(record({ work: [job('llm', 120, 0, 60)] }))!;
    expect(rows[1]!.bars).toEqual([
      { kind: 'work', from: 120, to: 180 }, { kind: 'wait', from: 180, to: 300 }, { kind: 'work', from: 300, to: 340 },
    ]);
  });

  test('is not made up where the server says nothing of its work', () => {
    expect(waterfall(record({ work: [] }))).toBeNull();
  });

  test('shows also what took no time', () => {
    const { rows } = waterfall(record({ work: [job('stt', 96, 0, 0)] }))!;
    expect(rows[1]).toEqual({ name: 'Recognition', bars: [{ kind: 'work', from: 96, to: 96 }] });
  });

  test.each([[40, [0, 10, 20, 30, 40]], [900, [0, 200, 400, 600, 800]], [4200, [0, 1000, 2000, 3000, 4000]], [500_000, 9]])(
    'that lasts %d ms has few ticks',
    (to, expected) => {
      const { ticks } = waterfall(record({ work: [job('llm', 0, 0, to)], timings: { ...timings, first_clause_ms: null, first_speech_ms: null, endpoint_ms: 1 } }))!;
      expect(Array.isArray(expected) ? ticks : ticks.length).toEqual(expected);
    },
  );

  test('lies on a clock', () => {
    const clock = { from: -100, to: 300 };
    expect([-100, 0, 300, 900].map((ms) => at(clock, ms))).toEqual([0, 0.25, 1, 1]);
  });
});

describe('the pauses of a turn', () => {
  const decision = { reason: 'model', silence_ms: 450, patience: 'usual' };

  test('lie one after the other, and the last as long as it was', () => {
    const checks = [check(96, 0.2), check(400, 0.3), check(96, 0.4), check(420, 0.7, 0.45)];
    expect(pauses({ ...decision, checks })).toEqual([
      { from: 0, to: 400, checks: checks.slice(0, 2) },
      { from: 500, to: 950, checks: checks.slice(2) },
    ]);
  });

  test('may be one with a single check, or none with any', () => {
    expect(pauses({ ...decision, checks: [check(96, 0.9)] })).toEqual([{ from: 0, to: 450, checks: [check(96, 0.9)] }]);
    expect(pauses({ ...decision, checks: [] })).toEqual([]);
  });
});

describe('a network', () => {
  const fine = { packets: 99, lost: 0, late: 0, dropped: 0, concealed_ms: 0, jitter_ms: 4, rtt_ms: 23 };
  test.each([
    [{}, 'good'],
    [{ rtt_ms: null }, 'good'],
    [{ packets: 0 }, 'good'],
    [{ lost: 1 }, 'good'],
    [{ lost: 2 }, 'fair'],
    [{ lost: 9 }, 'poor'],
    [{ jitter_ms: 31 }, 'fair'],
    [{ jitter_ms: 61 }, 'poor'],
    [{ rtt_ms: 250 }, 'fair'],
    [{ rtt_ms: 401, lost: 2 }, 'poor'],
  ])('with %o is %s', (some, expected) => {
    expect(quality({ ...fine, ...some })).toBe(expected);
  });

  test('is measured', () => {
    expect(measures(fine).map(plain)).toEqual(['23 ms there and back', '4 ms jitter', '0.0 % lost']);
    const bad = { packets: 90, lost: 10, late: 3, dropped: 2, concealed_ms: 200, jitter_ms: 70, rtt_ms: 0 };
    expect(measures(bad).map(plain)).toEqual([
      'under 1 ms there and back', '70 ms jitter', '10.0 % lost', '3 too late', '2 dropped here', '200 ms made up',
    ]);
    expect(measures({ ...fine, rtt_ms: null }).map(plain)).toEqual(['4 ms jitter', '0.0 % lost']);
  });
});

function job(stage: string, asked_ms: number, waited_ms: number, worked_ms: number): Job {
  return { stage, asked_ms, waited_ms, worked_ms };
}

function check(silence_ms: number, probability: number, threshold = 0.5): Check {
  return { silence_ms, probability, threshold };
}

function record(some: Partial<TurnRecord> = {}): TurnRecord {
  return { item_id: 'i', timings, work, decision: null, eager: { begun: 0, used: false }, rejected: null, network: null, ...some };
}

function plain(text: string): string {
  return text.replaceAll('\u00a0', ' ');
}
