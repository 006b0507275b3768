import { beforeEach, describe, expect, test } from 'vitest';
import { Captions } from '../src/captions';
import { Thread, type Known } from '../src/thread';

let thread: Thread;
beforeEach(() => (thread = new Thread()));

const said = () => thread.turns.map(({ role, text, phase, saved }) => [role, text, phase, saved]);

describe('a message', () => {
  test('is not saved before the server says so, nor is its reply', () => {
    thread.say('Hello?', 1);
    expect(said()).toEqual([['user', 'Hello?', 'done', 'pending'], ['assistant', '', 'open', 'pending']]);
    thread.follow({ event: 'stored', item_id: 'i1', seq: 1 });
    thread.follow({ event: 'started', item_id: 'i2' });
    thread.follow({ event: 'delta', text: 'Here ' });
    thread.follow({ event: 'delta', text: 'I am.' });
    expect(said()).toEqual([['user', 'Hello?', 'done', 'saved'], ['assistant', 'Here I am.', 'open', 'pending']]);
    thread.follow({ event: 'done', item_id: 'i2', status: 'completed', text: 'Here I am.' });
    expect(thread.turns[1]).toMatchObject({ phase: 'done', saved: 'pending' });
    thread.follow({ event: 'stored', item_id: 'i2', seq: 2 });
    thread.close(false);
    expect(said()).toEqual([['user', 'Hello?', 'done', 'saved'], ['assistant', 'Here I am.', 'done', 'saved']]);
    expect(thread.turns.map(({ id, seq }) => [id, seq])).toEqual([['i1', 1], ['i2', 2]]);
  });

  test('that does not arrive stays, marked, and can be taken back', () => {
    const turn = thread.say('Hello?', 1);
    thread.close(true);
    expect(said()).toEqual([['user', 'Hello?', 'done', 'failed']]);
    thread.discard(turn);
    expect(said()).toEqual([]);
  });

  test('whose reply breaks off keeps what was written of it', () => {
    thread.say('Hello?', 1);
    thread.follow({ event: 'stored', item_id: 'i1', seq: 1 });
    thread.follow({ event: 'delta', text: 'Here' });
    thread.close(true);
    expect(said()).toEqual([['user', 'Hello?', 'done', 'saved'], ['assistant', 'Here', 'cut', 'failed']]);
  });

  test('that nobody writes down has nothing to wait for, but can fail', () => {
    thread = new Thread(() => false);
    thread.say('Between us', 1);
    expect(thread.turns[0]!.saved).toBe('never');
    thread.close(true);
    expect(said()).toEqual([['user', 'Between us', 'done', 'failed']]);
  });
});

describe('an edited message', () => {
  beforeEach(() => thread.know([item(1, 'user', 'a'), item(2, 'assistant', 'A'), item(3, 'user', 'b'), item(4, 'assistant', 'B')]));

  test('takes the place of what was there, and of all after it', () => {
    const turn = thread.say('c', 9, 'i1');
    expect(said().map(([, text]) => text)).toEqual(['c', '']);
    expect(turn.replaces).toBe('i1');
    thread.follow({ event: 'stored', item_id: 'i5', seq: 5 });
    thread.close(true);
    expect(said().map(([, text]) => text)).toEqual(['c']);
  });

  test('that is not taken gives back what was there', () => {
    const turn = thread.say('c', 9, 'i3');
    thread.close(true);
    thread.discard(turn);
    expect(said().map(([, text]) => text)).toEqual(['a', 'A', 'b', 'B']);
  });

  test('a reply that is not written anew stays', () => {
    thread.sayAgain(9);
    expect(said().map(([, text]) => text)).toEqual(['a', 'A', 'b', '']);
    thread.close(true);
    expect(said().map(([, text]) => text)).toEqual(['a', 'A', 'b', 'B']);
  });

  test('a reply that is written anew takes the place of the last', () => {
    thread.sayAgain(9);
    thread.follow({ event: 'started', item_id: 'i5' });
    thread.follow({ event: 'done', item_id: 'i5', status: 'completed', text: 'B2' });
    thread.follow({ event: 'stored', item_id: 'i5', seq: 5 });
    thread.close(false);
    expect(said().map(([, text]) => text)).toEqual(['a', 'A', 'b', 'B2']);
  });
});

describe('what the server has', () => {
  test('comes before what is on its way, and is shown under the same key', () => {
    thread.say('a', 1);
    thread.follow({ event: 'stored', item_id: 'i1', seq: 1 });
    thread.close(false);
    const { key } = thread.turns[0]!;
    thread.say('b', 2);
    thread.know([item(1, 'user', 'a'), item(2, 'assistant', 'A')]);
    expect(said().map(([, text]) => text)).toEqual(['a', 'A', 'b', '']);
    expect(thread.turns[0]!.key).toBe(key);
  });

  test('is read back page by page', () => {
    thread.know([item(5, 'user', 'e'), item(6, 'assistant', 'f')]);
    thread.knowOlder([item(3, 'user', 'c'), item(4, 'assistant', 'd'), item(5, 'user', 'e')]);
    thread.know([item(5, 'user', 'e'), item(6, 'assistant', 'f'), item(7, 'user', 'g')]);
    expect(thread.turns.map(({ text }) => text).join('')).toBe('cdefg');
  });
});

describe('a call', () => {
  test('becomes part of the conversation', () => {
    const captions = new Captions(() => 7);
    captions.keep(true);
    captions.personSaid('i1', 'Hello');
    captions.append('i2', 'r', 'Yes?');
    captions.stored('i1', 1);
    captions.close();
    thread.absorb(captions.list);
    thread.absorb(captions.list);
    expect(said()).toEqual([['user', 'Hello', 'done', 'saved'], ['assistant', 'Yes?', 'cut', 'pending']]);
    thread.know([item(1, 'user', 'Hello'), item(2, 'assistant', 'Yes')]);
    expect(said()).toEqual([['user', 'Hello', 'done', 'saved'], ['assistant', 'Yes', 'done', 'saved']]);
  });

  test('of which the server knows nothing is given up', () => {
    const captions = new Captions();
    captions.keep(true);
    captions.personSaid('i1', 'Hello');
    thread.absorb(captions.list);
    thread.giveUp();
    expect(thread.turns[0]!.saved).toBe('failed');
  });
});

test('what was said before goes along, up to the message itself, without what was lost', () => {
  thread.know([item(1, 'user', 'a'), { ...item(2, 'assistant', ''), phase: 'lost' }, { ...item(3, 'assistant', 'c'), phase: 'cut' }]);
  const turn = thread.say('d', 1);
  expect(thread.context(turn)).toEqual([{ role: 'user', text: 'a' }, { role: 'assistant', text: 'c' }]);
  const long = new Thread();
  long.know([item(1, 'user', 'x'.repeat(50_000)), item(2, 'assistant', 'y'.repeat(50_000)), item(3, 'user', 'z')]);
  expect(long.context().map(({ text }) => text.length)).toEqual([50_000, 1]);
});

function item(seq: number, role: 'user' | 'assistant', text: string): Known {
  return { id: `i${seq}`, seq, role, text, phase: 'done', via: 'text', atMs: seq };
}
