import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Recovery } from '../src/recovery';
import { fragment, Trickle } from '../src/trickle';

const OFFER = [
  'v=0', 'a=group:BUNDLE 0 1', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=ice-ufrag:abcd', 'a=ice-pwd:secret',
  'a=mid:0', 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel', 'a=mid:1', '',
].join('\r\n');
const host = (n: number) => ({ candidate: `candidate:${n} 1 udp 1 192.0.2.${n} 5000 typ host`, sdpMid: '0' });

describe('candidates that come after the offer', () => {
  test('are written as a fragment of the offer', () => {
    expect(fragment(OFFER, [host(1)], true).split('\r\n')).toEqual([
      'a=ice-ufrag:abcd',
      'a=ice-pwd:secret',
      'm=audio 9 UDP/TLS/RTP/SAVPF 111',
      'a=mid:0',
      'a=candidate:1 1 udp 1 192.0.2.1 5000 typ host',
      'a=end-of-candidates',
      '',
    ]);
  });

  test('wait for the server to know the call, then go one request at a time', async () => {
    const sent: string[] = [];
    let done: () => void = () => undefined;
    const trickle = new Trickle(() => OFFER, (text) => {
      sent.push(text);
      return new Promise((resolve) => (done = resolve));
    });
    trickle.add(host(1));
    trickle.hold();
    trickle.add(host(2));
    trickle.add(host(3));
    expect(sent).toEqual([]);
    trickle.release();
    expect(sent).toHaveLength(1);
    expect(sent[0]).not.toContain('192.0.2.1');
    expect(sent[0]).toContain('192.0.2.3');
    trickle.add(host(4));
    expect(sent).toHaveLength(1);
    done();
    await Promise.resolve();
    await Promise.resolve();
    expect(sent).toHaveLength(2);
    expect(sent[1]).toContain('192.0.2.4');
  });
});

describe('a broken path', () => {
  let log: string[];
  let connected: boolean;
  let exists: boolean;
  let recovery: Recovery;

  beforeEach(() => {
    vi.useFakeTimers();
    log = [];
    connected = false;
    exists = true;
    recovery = new Recovery({
      restart: async () => {
        log.push('restart');
        return exists;
      },
      connected: () => connected,
      broken: (broken) => log.push(broken ? 'broken' : 'healed'),
      lost: () => log.push('lost'),
    });
  });

  afterEach(() => {
    recovery.stop();
    vi.useRealTimers();
  });

  test('may heal by itself', async () => {
    recovery.state('disconnected');
    await vi.advanceTimersByTimeAsync(1500);
    recovery.state('connected');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(log).toEqual(['broken', 'healed']);
  });

  test('is made anew after two seconds', async () => {
    recovery.state('disconnected');
    await vi.advanceTimersByTimeAsync(2000);
    expect(log).toEqual(['broken', 'restart']);
    recovery.state('connected');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(log).toEqual(['broken', 'restart', 'healed']);
  });

  test('is made anew at once when ICE gave up', async () => {
    recovery.state('failed');
    await vi.advanceTimersByTimeAsync(0);
    expect(log).toEqual(['broken', 'restart']);
  });

  test('is given up in the end', async () => {
    recovery.state('failed');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(log.at(-1)).toBe('lost');
    expect(log.filter((line) => line === 'restart').length).toBeGreaterThan(4);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is given up when the server forgot the call', async () => {
    exists = false;
    recovery.state('failed');
    await vi.advanceTimersByTimeAsync(0);
    expect(log).toEqual(['broken', 'restart', 'lost']);
  });

  test('that ICE still believes in is renewed without a word', async () => {
    connected = true;
    recovery.networkChanged();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(log).toEqual(['restart']);
  });
});
