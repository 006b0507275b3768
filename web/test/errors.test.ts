import { describe, expect, test } from 'vitest';
import { endedByServer, microphoneProblem, obstacle, refusal, stillFull, unreachable } from '../src/errors';

describe('a page that cannot call', () => {
  const able = { secure: true, microphone: true, webrtc: true, port: '8080' };

  test('is told so before anyone presses the button', () => {
    expect(obstacle(able)).toBeNull();
    expect(obstacle({ ...able, secure: false, microphone: false })).toMatchObject({
      code: 'insecure-origin',
      advice: expect.stringContaining('http://localhost:8080'),
    });
    expect(obstacle({ ...able, webrtc: false })?.code).toBe('browser-unsupported');
    expect(obstacle({ ...able, microphone: false })?.code).toBe('browser-unsupported');
  });
});

describe('no microphone', () => {
  test.each([
    ['NotAllowedError', 'permission-denied'],
    ['SecurityError', 'permission-denied'],
    ['NotFoundError', 'no-microphone'],
    ['OverconstrainedError', 'no-microphone'],
    ['NotReadableError', 'microphone-busy'],
    ['AbortError', 'microphone-busy'],
    ['TypeError', 'unexpected'],
  ])('%s is %s', (name, code) => expect(microphoneProblem({ name }).code).toBe(code));
});

describe('a refusal', () => {
  test.each([
    [401, 'not-allowed'],
    [404, 'no-calls-here'],
    [429, 'too-many-calls'],
    [502, 'server-unreachable'],
    [503, 'not-now'],
    [500, 'refused'],
  ])('%i is %s', (status, code) => expect(refusal(status, null, null).code).toBe(code));

  test('of a stranger says what the operator sets', () => {
    expect(refusal(401, null, null).advice).toContain('auth.open_calls');
  });

  test('that is only for now says when to come back', () => {
    const now = Date.parse('Sun, 22 Nov 2026 10:00:00 GMT');
    const advice = (retryAfter: string | null) => refusal(503, null, retryAfter, now).advice;
    expect(advice('20')).toMatch(/Try again in 20 s\.$/);
    expect(advice('600')).toMatch(/Try again in 10 minutes\.$/);
    expect(advice('Sun, 22 Nov 2026 10:00:30 GMT')).toMatch(/Try again in 30 s\.$/);
    for (const unclear of [null, '', 'soon', '0', '-5']) expect(advice(unclear)).toMatch(/Try again in a moment\.$/);
  });

  test('of a full server is waited for when it says for how long', () => {
    const now = Date.parse('Sun, 22 Nov 2026 10:00:00 GMT');
    const refused = (code: string, retryAfter: string | null) => refusal(503, { error: { code } }, retryAfter, now);
    const waits = refused('at_capacity', 'Sun, 22 Nov 2026 10:00:30 GMT');
    expect(waits).toMatchObject({ code: 'server-full', retryS: 30, advice: expect.stringMatching(/calls again by itself/) });
    expect(refused('at_capacity', null)).toMatchObject({ code: 'server-full', advice: expect.stringMatching(/Try again in a moment\.$/) });
    expect(refused('at_capacity', null).retryS).toBeUndefined();
    expect(stillFull()).toMatchObject({ code: 'server-full', advice: expect.stringMatching(/stopped trying/) });
  });

  test.each([
    ['all 40 lines are busy; try again in a moment', 'All 40 lines are busy. This page calls again by itself when a line is free.'],
    ['this server is too busy for another call; try again in a moment', 'This server is too busy for another call. This page calls again by itself when a line is free.'],
  ])('of a full server says why: %s', (message, advice) => {
    expect(refusal(503, { error: { code: 'at_capacity', message } }, '20')).toMatchObject({ title: 'The server is full', advice });
  });

  test('for another reason is not that of a full server', () => {
    const refused = (code: string, message: string) => refusal(503, { error: { code, message } }, '5');
    expect(refused('unavailable', 'what this server keeps cannot be reached at the moment')).toEqual({
      code: 'not-now',
      title: 'The server cannot take a call now',
      advice: 'What this server keeps cannot be reached at the moment. Try again in 5 s.',
    });
    expect(refused('too_many', 'too many are open; end one first').advice).toBe('Too many are open; end one first. Try again in 5 s.');
    expect(refused('too_many', '').advice).toBe('Try again in 5 s.');
  });

  test('of a stopping server is not taken for a full one', () => {
    expect(refusal(503, { error: { code: 'server_stopping' } }, '5').code).toBe('server-stopping');
  });

  test('carries what the server says', () => {
    const body = { error: { type: 'invalid_request_error', code: 'no_audio', message: 'the offer has no audio', param: null } };
    expect(refusal(422, body, null).advice).toBe('The offer has no audio.');
    for (const junk of [null, 'text', [], { error: 7 }, { error: { message: 7 } }]) {
      expect(refusal(422, junk, null).advice).toContain('422');
    }
  });
});

test('no network is not the fault of the server', () => {
  expect([unreachable(true).code, unreachable(false).code]).toEqual(['server-unreachable', 'offline']);
});

test.each([
  ['server_stopping', 'server-stopping'],
  ['slow_client', 'slow-client'],
  ['engine_failed', 'engine-failed'],
  ['a reason of tomorrow', 'ended-by-server'],
  [null, 'ended-by-server'],
])('the server ended the call: %s', (reason, code) => expect(endedByServer(reason).code).toBe(code));
