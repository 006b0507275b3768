/** Small decisions that have a file of their own. */
import { describe, expect, test } from 'vitest';
import { ApiError } from '../src/api';
import { hitchOf } from '../src/correspondence';
import { CallError, signInFirst } from '../src/errors';
import { fileName, readExport } from '../src/files';
import { outputLatency } from '../src/output-latency';
import { peopleTrouble, refused } from '../src/people';
import { readRoute, writeRoute } from '../src/route';
import { samplesOf } from '../src/sample';
import { marked } from '../src/snippet';
import { tierMeaning, tiers, tierSentence } from '../src/tiers';

describe('a sample of a voice', () => {
  test('is made of 16-bit samples, little end first', () => {
    const bytes = new Uint8Array([0x00, 0x00, 0x00, 0x40, 0x00, 0x80, 0x07]).buffer;
    expect([...samplesOf(bytes)]).toEqual([0, 0.5, -1]);
  });
});

describe('how late sound leaves the device', () => {
  const on = (system: string) => `Mozilla/5.0 (${system}) Gecko/20100101 Firefox/140.0`;
  const MAC = on('Macintosh; Intel Mac OS X 10.15; rv:140.0');

  test('is what the browser says, or the least that it can be', () => {
    expect(outputLatency({ outputLatency: 0.2, baseLatency: 0.01 }, MAC)).toBe(0.2);
    expect(outputLatency({ outputLatency: 0, baseLatency: 0.01 }, MAC)).toBe(0.01);
    expect(outputLatency({ baseLatency: 0.01 } as AudioContext, MAC)).toBe(0.01);
  });

  test.each([[7, 0.5], [-1, 0], [NaN, 0]])('is not what no device can need: %d', (said, taken) => {
    expect(outputLatency({ outputLatency: said, baseLatency: 0 }, MAC)).toBe(taken);
  });

  test('is not asked of Firefox on Linux: the page could stand still', () => {
    const asked = () => {
      throw new Error('it was asked');
    };
    const context = { get outputLatency() { return asked(); }, get baseLatency() { return asked(); } };
    expect(outputLatency(context, on('X11; Linux x86_64; rv:140.0'))).toBe(0.03);
  });
});

describe('an address', () => {
  test.each([
    ['/', '', null, null],
    ['/c/conv_1', '', 'conv_1', null],
    ['/c/conv_1/', '#item_2', 'conv_1', 'item_2'],
    ['/c/a%2Fb', '', 'a/b', null],
    ['/c/%E0%A4%A', '', null, null],
    ['/c/a/b', '', null, null],
  ])('%s%s leads to %s', (pathname, hash, conversation, item) => {
    expect(readRoute({ pathname, hash })).toEqual({ conversation, item });
  });

  test('is written as it is read', () => {
    expect(writeRoute({ conversation: 'a/b', item: 'i 1' }, '?output=track')).toBe('/c/a%2Fb?output=track#i%201');
    expect(writeRoute({ conversation: null, item: null })).toBe('/');
  });
});

describe('a snippet', () => {
  test('marks every word that was searched for', () => {
    expect(marked('The Marmalade is in the cellar', 'the marm')).toEqual([
      { text: 'The', hit: true }, { text: ' ', hit: false }, { text: 'Marm', hit: true }, { text: 'alade is in ', hit: false },
      { text: 'the', hit: true }, { text: ' cellar', hit: false },
    ]);
  });

  test('takes marks of patterns as they are', () => {
    expect(marked('a (b) [c', '(b) [')).toEqual([
      { text: 'a ', hit: false }, { text: '(b)', hit: true }, { text: ' ', hit: false }, { text: '[', hit: true }, { text: 'c', hit: false },
    ]);
    expect(marked('abc', ' ')).toEqual([{ text: 'abc', hit: false }]);
  });
});

describe('a file', () => {
  test.each([
    ['What is this?', 'What is this.json'],
    ['../../etc/passwd', 'etc passwd.json'],
    ['Grüße, 世界', 'Grüße 世界.json'],
    ['???', 'conversation.json'],
  ])('for “%s” is called %s', (title, name) => {
    expect(fileName(title)).toBe(name);
  });

  test('that is none of ours is not taken in', () => {
    expect(() => readExport('{')).toThrow('not JSON');
    expect(() => readExport('null')).toThrow('not exported from Sotto');
    expect(() => readExport('{"format":"sotto.conversations","version":2,"conversations":[]}')).toThrow('newer Sotto');
    expect(readExport('{"format":"sotto.conversations","version":1,"conversations":[]}').conversations).toEqual([]);
  });
});

describe('why signing in did not work', () => {
  test.each([
    [401, 'wrong_credentials', null, 'password', /Name and password/],
    [429, 'locked', '120', null, /Try again in 2 minutes/],
    [503, 'busy', null, null, /Try again in a moment/],
    [409, 'name_taken', null, 'name', /already/],
    [400, 'weak_password', null, 'password', /at least 12 characters/],
    [403, 'invite_needed', null, 'invite', /invitation/],
    [0, 'unreachable', null, null, /does not answer/],
    [500, 'internal_error', null, null, /did not work/],
  ])('%i %s', (status, code, retryAfter, field, text) => {
    const result = refused(new ApiError(status, code, '', retryAfter), 12);
    expect(result.field).toBe(field);
    expect(result.text).toMatch(text);
  });
});

describe('why a message was not taken', () => {
  test.each([
    [0, 'unreachable', 'send', /does not answer/],
    [0, 'unreachable', 'reply', /broke before/],
    [409, 'in_call', 'send', /call is going on/],
    [401, 'sign_in', 'send', /Sign in/],
    [200, 'llm_unreachable', 'reply', /^Cause\.$/],
  ] as const)('%i %s', (status, code, at, text) => {
    expect(hitchOf(new ApiError(status, code, 'cause'), at)).toMatchObject({ code, at, text: expect.stringMatching(text) });
  });

  test('because nobody is signed in', () => {
    expect(hitchOf(new CallError(signInFirst()), 'send').code).toBe('sign-in');
  });
});

test('a server without people is told from one that is in trouble', () => {
  expect(peopleTrouble(new ApiError(404, 'not_found', '')).code).toBe('no-people');
  expect(peopleTrouble(new ApiError(0, 'unreachable', '')).code).toBe('server-unreachable');
  expect(peopleTrouble(new ApiError(503, 'store_away', '')).code).toBe('people-trouble');
});

test('nothing is promised that cannot be kept', () => {
  const words = tiers.flatMap((tier) => [tierSentence[tier], ...tierMeaning[tier]]).join(' ');
  expect(words).not.toMatch(/end-to-end|military|unbreakable|100 ?%/i);
});
