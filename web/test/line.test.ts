import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { refusal, type Problem } from '../src/errors';
import { Line, TRIES, type Waiting } from '../src/line';
import { idle, type Model } from '../src/model';
import { askForLine } from '../src/signalling';
import { waitingLine } from '../src/words';

let line: Line;
let shown: (Waiting | null)[];
let calls: number;
let gaveUp: number;
/** What the server says when it is asked: when to ask again, or that a line is free. */
let answers: (number | null)[];
let looked: boolean;
/** When the page asked, in seconds. */
let asked: number[];

beforeEach(() => {
  vi.useFakeTimers();
  const began = Date.now();
  [shown, calls, gaveUp, answers, looked, asked] = [[], 0, 0, [], true, []];
  line = new Line({
    ask: async () => {
      asked.push((Date.now() - began) / 1000);
      return answers.length > 0 ? answers.shift()! : null;
    },
    call: () => {
      calls++;
      line.follow(model({ state: 'connecting' }));
    },
    shown: (waiting) => shown.push(waiting),
    gaveUp: () => gaveUp++,
    looked: () => looked,
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const model = (changes: Partial<Model>): Model => ({ ...idle(), ...changes });
const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);

/** A new refusal each time, as the server's are. */
function full(retryAfter = '3'): Model {
  const problem: Problem = refusal(503, { error: { code: 'at_capacity' } }, retryAfter);
  return model({ state: 'ended', problem });
}

test('it counts down, asks, and calls', async () => {
  line.follow(model({ state: 'connecting' }));
  line.follow(full());
  expect(shown.at(-1)).toEqual({ seconds: 3, attempt: 1, of: TRIES });
  await seconds(1);
  expect(shown.at(-1)?.seconds).toBe(2);
  await seconds(2);
  expect([calls, asked]).toEqual([1, [3]]);
  expect(shown.at(-1)).toBeNull();
});

test('as long as the server is full it asks when the server says, and opens no microphone', async () => {
  answers = [5, 4];
  line.follow(full());
  await seconds(12);
  expect([calls, asked]).toEqual([1, [3, 8, 12]]);
});

test('a refusal of a try counts on, and there is an end', async () => {
  line.follow(full());
  for (let turn = 1; turn <= TRIES; turn++) {
    expect(shown.at(-1)?.attempt).toBe(turn);
    await seconds(3);
    expect(calls).toBe(turn);
    line.follow(full());
  }
  expect([gaveUp, shown.at(-1)]).toEqual([1, null]);
  await seconds(600);
  expect(calls).toBe(TRIES);
});

test('being told to wait again and again has an end, too', async () => {
  answers = Array<number>(100).fill(2);
  line.follow(full());
  await seconds(600);
  expect([calls, gaveUp, asked.length]).toEqual([0, 1, TRIES]);
});

test('whoever stops it is not called back, also when the answer is on its way', async () => {
  const refused = full();
  line.follow(refused);
  await seconds(1);
  line.stop();
  line.follow(refused);
  expect(shown.at(-1)).toBeNull();
  await seconds(60);
  expect([calls, asked]).toEqual([0, []]);

  line.follow(full('1'));
  vi.advanceTimersByTime(1000);
  line.stop();
  await seconds(60);
  expect([calls, asked.length]).toEqual([0, 1]);
});

test.each([
  ['somebody calls by hand', model({ state: 'connecting' })],
  ['the message is closed', model({ state: 'ended', problem: null })],
  ['something else is in front', model({ state: 'idle' })],
])('it ends when %s', async (_, then) => {
  line.follow(full());
  line.follow(then);
  expect(shown.at(-1)).toBeNull();
  await seconds(60);
  expect(calls).toBe(0);
  // The next refusal is the first one again.
  line.follow(full());
  expect(shown.at(-1)?.attempt).toBe(1);
});

test('a call that came about begins anew when the server is full another day', async () => {
  line.follow(full());
  await seconds(3);
  line.follow(model({ state: 'listening' }));
  line.follow(full());
  expect(shown.at(-1)?.attempt).toBe(1);
});

test('nothing opens the microphone behind somebody’s back', async () => {
  looked = false;
  line.follow(full());
  await seconds(30);
  expect([calls, asked, shown.at(-1)?.seconds]).toEqual([0, [], 0]);
  looked = true;
  await seconds(1);
  expect(calls).toBe(1);
});

test('other refusals are not waited for', async () => {
  for (const code of ['server_stopping', 'no_recogniser', 'too_many']) {
    line.follow(model({ state: 'ended', problem: refusal(503, { error: { code } }, '5') }));
  }
  line.follow(model({ state: 'ended', problem: refusal(503, { error: { code: 'at_capacity' } }, null) }));
  await seconds(60);
  expect([calls, shown.filter(Boolean)]).toEqual([0, []]);
});

test('the countdown is said in words', () => {
  expect(waitingLine(null)).toBe('');
  expect(waitingLine({ seconds: 20, attempt: 2, of: 8 })).toBe('Trying again in 20 s (2 of 8).');
  expect(waitingLine({ seconds: 0, attempt: 2, of: 8 })).toBe('Looking for a free line …');
});

test.each([
  ['ready', new Response('ready\n'), null],
  ['full', refused('at_capacity', { 'Retry-After': '7' }), 7],
  ['full, and does not say for how long', refused('at_capacity'), 10],
  ['not able to take calls at all', refused('no_recogniser'), null],
  ['behind something that answers for it', new Response('<html>', { status: 503 }), null],
  ['behind something that hides it', new Response('', { status: 404 }), null],
])('a server that is %s', async (_, response, wanted) => {
  vi.stubGlobal('fetch', async () => response);
  expect(await askForLine()).toBe(wanted);
});

test('a server that does not answer is called: that says why', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  expect(await askForLine()).toBeNull();
});

function refused(code: string, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ error: { code } }), { status: 503, headers });
}
