import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Interruption, type Lost } from '../src/interruption';
import { idle, type Model } from '../src/model';

let stored: Map<string, string>;
let offers: (string | null)[];

const store = {
  getItem: (key: string) => stored.get(key) ?? null,
  setItem: (key: string, value: string) => void stored.set(key, value),
  removeItem: (key: string) => void stored.delete(key),
};

beforeEach(() => {
  vi.useFakeTimers();
  stored = new Map();
  offers = [];
});

afterEach(() => vi.useRealTimers());

/** A page of this tab. */
function page(): Interruption {
  return new Interruption((lost: Lost | null) => offers.push(lost?.call ?? null), store);
}

function model(changes: Partial<Model>): Model {
  return { ...idle(), ...changes };
}

const talking = model({ state: 'listening', callId: 'call_1', conversation: 'conv_1' });

test('a call that the page was left in is offered for a minute', () => {
  const before = page();
  before.follow(model({ state: 'connecting' }));
  before.follow(talking);
  vi.advanceTimersByTime(120_000);
  before.leave();
  vi.advanceTimersByTime(10_000);
  page().look();
  expect(offers.at(-1)).toBe('call_1');
  vi.advanceTimersByTime(49_999);
  expect(offers.at(-1)).toBe('call_1');
  vi.advanceTimersByTime(1);
  expect(offers.at(-1)).toBe(null);
});

test('it is known in which conversation it was', () => {
  page().follow(talking);
  let found: Lost | null = null;
  new Interruption((lost) => (found = lost), store).look();
  expect(found).toMatchObject({ call: 'call_1', conversation: 'conv_1' });
});

test('one that somebody hung up is not', () => {
  const before = page();
  before.follow(talking);
  before.follow(model({ state: 'ended' }));
  page().look();
  expect([offers.at(-1), stored.size]).toEqual([null, 0]);
});

test('one that was lost is offered at once, until another begins', () => {
  const here = page();
  here.follow(talking);
  here.follow({ ...talking, state: 'ended' });
  expect(offers.at(-1)).toBe('call_1');
  here.follow({ ...talking, state: 'connecting' });
  expect(offers.at(-1)).toBe(null);
  here.follow({ ...talking, state: 'ended' });
  expect(offers.at(-1)).toBe('call_1');
});

test('while it goes on, that is noted now and then', () => {
  const here = page();
  here.follow(talking);
  vi.advanceTimersByTime(59_000);
  here.follow({ ...talking, state: 'speaking' });
  vi.advanceTimersByTime(59_000);
  page().look();
  expect(offers.at(-1)).toBe('call_1');
});

test('junk and a store that is refused are no call', () => {
  for (const junk of ['{', '7', '{"call":1,"atMs":0}', '{"call":"call_1"}']) {
    stored.set('sotto.call', junk);
    page().look();
    expect(offers.at(-1), junk).toBe(null);
  }
  const refused = () => {
    throw new Error('refused');
  };
  const here = new Interruption((lost) => offers.push(lost?.call ?? null), { getItem: refused, setItem: refused, removeItem: refused });
  here.follow(talking);
  here.look();
  here.follow(model({ state: 'ended' }));
  expect(offers.at(-1)).toBe(null);
});
