import { describe, expect, test } from 'vitest';
import { heardText, joinText } from '../src/heard';

const chunk = {
  text: 'And so, my fellow Americans: ask.',
  duration_ms: 2000,
  words: ['And', 'so', 'my', 'fellow', 'Americans', 'ask'].map((text, i) => ({ text, start_ms: i * 300, end_ms: i * 300 + 250 })),
};

describe('what was heard of a chunk', () => {
  test.each([
    [0, ''],
    [10, 'And'],
    [310, 'And so,'],
    [899, 'And so, my'],
    [901, 'And so, my fellow'],
    [1300, 'And so, my fellow Americans:'],
    [2000, chunk.text],
    [9000, chunk.text],
  ])('after %i ms', (ms, text) => expect(heardText(chunk, ms)).toBe(text));

  test('a word that is not in the text is passed over', () => {
    const words = [{ text: 'twenty', start_ms: 0, end_ms: 400 }, { text: 'dollars', start_ms: 400, end_ms: 800 }];
    expect(heardText({ text: 'The $20 dollars', words, duration_ms: 900 }, 500)).toBe('The $20 dollars');
  });

  test('without word times, whole words by their length', () => {
    expect(heardText({ text: 'one two three four', words: [], duration_ms: 1800 }, 900)).toBe('one two');
  });

  test('without spaces, letter by letter', () => {
    expect(heardText({ text: '小さな声で', words: [], duration_ms: 1000 }, 600)).toBe('小さな');
  });
});

test('pieces are joined as their language writes', () => {
  expect(joinText('', 'One')).toBe('One');
  expect(joinText('One,', 'two')).toBe('One, two');
  expect(joinText('One,', ' two')).toBe('One, two');
  expect(joinText('小さな', '声で')).toBe('小さな声で');
});
