import { describe, expect, test } from 'vitest';
import type { Summary } from '../src/contract';
import { byDay, Conversations, dayName, firstWords } from '../src/conversations';

const now = new Date(2026, 10, 25, 15, 0);
const at = (...date: [number, number, number, number?]) => new Date(...date).getTime();

describe('days', () => {
  test.each([
    ['Today', [2026, 10, 25, 0]],
    ['Yesterday', [2026, 10, 24, 23]],
    ['The last seven days', [2026, 10, 18, 0]],
    ['November', [2026, 10, 17, 23]],
    ['January', [2026, 0, 1, 0]],
    ['December 2025', [2025, 11, 31, 23]],
  ] as const)('%s', (name, [year, month, day, hour]) => {
    expect(dayName(new Date(year, month, day, hour), now, 'en')).toBe(name);
  });

  test('follow each other, each once', () => {
    const list = [summary('a', at(2026, 10, 25)), summary('b', at(2026, 10, 25)), summary('c', at(2026, 10, 24)), summary('d', at(2026, 9, 1))];
    expect(byDay(list, now, 'en').map(({ name, conversations }) => [name, conversations.length])).toEqual([
      ['Today', 2], ['Yesterday', 1], ['October', 1],
    ]);
  });
});

describe('the list', () => {
  test('has what was said last first', () => {
    const list = new Conversations();
    list.begin({ conversations: [summary('a', 3), summary('b', 2)], next: null });
    list.put(summary('b', 9));
    list.put(summary('c', 1));
    expect(list.list.map(({ id }) => id)).toEqual(['b', 'a', 'c']);
    list.remove('a');
    expect(list.byId('a')).toBeNull();
  });

  test('grows page by page, and keeps older pages when the first is read anew', () => {
    const list = new Conversations();
    list.begin({ conversations: [summary('a', 9), summary('b', 8)], next: 'p2' });
    list.more({ conversations: [summary('c', 7), summary('d', 6)], next: 'p3' });
    list.begin({ conversations: [summary('e', 10), summary('a', 9)], next: 'p2' });
    expect([list.list.map(({ id }) => id).join(''), list.next]).toEqual(['eabcd', 'p3']);
  });

  test('that is whole loses what was deleted elsewhere', () => {
    const list = new Conversations();
    list.begin({ conversations: [summary('a', 9), summary('b', 8)], next: null });
    list.begin({ conversations: [summary('a', 9)], next: null });
    expect(list.list.map(({ id }) => id)).toEqual(['a']);
  });
});

test('the first words are a title for a while', () => {
  expect(firstWords('  What is\n a sotto voce? ')).toBe('What is a sotto voce?');
  const long = firstWords('one two three four five six seven eight nine ten eleven twelve thirteen fourteen');
  expect(long).toBe('one two three four five six seven eight nine ten eleven…');
  expect(firstWords('x'.repeat(200))).toBe(`${'x'.repeat(60)}…`);
});

function summary(id: string, updated_ms: number): Summary {
  return {
    id, updated_ms, created_ms: 0, tier: 'standard', title: id, title_by: 'words', items: 0, model: null, voice: null,
    instructions: null, in_call: false, expires_ms: null, sealed: null,
  };
}
