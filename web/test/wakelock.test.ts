import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WakeLock } from '../src/wakelock';

class FakeLock {
  released = false;
  release = async (): Promise<void> => void (this.released = true);
}

let locks: FakeLock[];
let page: EventTarget & { visibilityState: string };
let refuse: boolean;
let wakeLock: WakeLock;

beforeEach(() => {
  locks = [];
  refuse = false;
  page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  vi.stubGlobal('document', page);
  const request = async () => {
    await Promise.resolve();
    if (refuse) throw new DOMException('', 'NotAllowedError');
    const lock = new FakeLock();
    locks.push(lock);
    return lock;
  };
  vi.stubGlobal('navigator', { wakeLock: { request } });
  wakeLock = new WakeLock();
});

afterEach(() => {
  vi.unstubAllGlobals();
});

test('the screen stays on from the beginning of a call to its end', async () => {
  wakeLock.hold(true);
  wakeLock.hold(true);
  await settled();
  expect(held()).toBe(1);
  wakeLock.hold(false);
  await settled();
  expect([held(), locks.length]).toEqual([0, 1]);
});

test('it is taken again when the page comes back, and only during a call', async () => {
  wakeLock.hold(true);
  await settled();
  await leave();
  expect(held()).toBe(0);
  await comeBack();
  expect(held()).toBe(1);
  wakeLock.hold(false);
  await leave();
  await comeBack();
  expect(held()).toBe(0);
});

test('one that was refused is asked for when the page comes back', async () => {
  refuse = true;
  wakeLock.hold(true);
  await settled();
  refuse = false;
  await comeBack();
  expect(held()).toBe(1);
});

test('there is never a second one that nobody lets go', async () => {
  wakeLock.hold(true);
  await comeBack();
  await comeBack();
  wakeLock.hold(false);
  wakeLock.hold(true);
  await settled();
  expect(held()).toBe(1);
  wakeLock.hold(false);
  await settled();
  expect(held()).toBe(0);
});

test('a call that ends while it is asked for leaves none behind', async () => {
  wakeLock.hold(true);
  wakeLock.hold(false);
  await settled();
  expect([held(), locks.length]).toEqual([0, 1]);
});

test('a browser that knows none is no trouble', async () => {
  vi.stubGlobal('navigator', {});
  wakeLock.hold(true);
  await settled();
  wakeLock.hold(false);
});

function held(): number {
  return locks.filter(({ released }) => !released).length;
}

/** Browsers take the lock away from a page that is hidden. */
async function leave(): Promise<void> {
  page.visibilityState = 'hidden';
  for (const lock of locks) lock.released = true;
  page.dispatchEvent(new Event('visibilitychange'));
  await settled();
}

async function comeBack(): Promise<void> {
  page.visibilityState = 'visible';
  page.dispatchEvent(new Event('visibilitychange'));
  await settled();
}

async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}
