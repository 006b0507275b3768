import { beforeEach, describe, expect, test } from 'vitest';
import { Api, ApiError } from '../src/api';

let asked: { path: string; method: string; token: string | undefined; body: unknown }[];
let answers: (Response | Error)[];
let api: Api;

beforeEach(() => {
  asked = [];
  answers = [];
  api = new Api(async (input, init = {}) => {
    const headers = init.headers as Record<string, string> | undefined;
    const body: unknown = typeof init.body === 'string' ? JSON.parse(init.body) : undefined;
    asked.push({ path: String(input), method: init.method ?? 'GET', token: headers?.['X-CSRF-Token'], body });
    const answer = answers.shift() ?? json({});
    if (answer instanceof Error) throw answer;
    return answer;
  }, 'from-the-page');
});

describe('a change', () => {
  test('carries the token of the page, a question does not', async () => {
    await api.models();
    await api.stop('conv_1');
    expect(asked.map(({ path, token }) => [path, token])).toEqual([
      ['/api/v1/models', undefined],
      ['/api/v1/conversations/conv_1/stop', 'from-the-page'],
    ]);
  });

  test('is sent once more with a new token when the old one is refused', async () => {
    answers = [refused(403, 'csrf'), json({ token: 'new' }), json({ id: 'conv_1' })];
    await expect(api.newConversation({ tier: 'standard' })).resolves.toEqual({ id: 'conv_1' });
    expect(asked.map(({ method, path, token }) => [method, path, token])).toEqual([
      ['POST', '/api/v1/conversations', 'from-the-page'],
      ['GET', '/api/v1/csrf', undefined],
      ['POST', '/api/v1/conversations', 'new'],
    ]);
    expect(asked[2]!.body).toEqual({ tier: 'standard' });
  });

  test('that is refused again is refused', async () => {
    answers = [refused(403, 'csrf'), json({ token: 'new' }), refused(403, 'csrf')];
    await expect(api.stop('c')).rejects.toMatchObject({ status: 403, code: 'csrf' });
    expect(asked).toHaveLength(3);
  });

  test('that is refused for another reason is not repeated', async () => {
    answers = [refused(403, 'guests_off')];
    await expect(api.guest()).rejects.toMatchObject({ code: 'guests_off' });
    expect(asked).toHaveLength(1);
  });
});

test('a server without tokens is called without one', async () => {
  api = new Api(async (input, init) => {
    asked.push({ path: String(input), method: init?.method ?? 'GET', token: undefined, body: undefined });
    return String(input).endsWith('csrf') ? refused(404, 'not_found') : new Response('answer', { status: 201 });
  }, null);
  expect((await api.send('/v1/realtime/calls', { method: 'POST' })).status).toBe(201);
});

test('who comes in gets a token of their own', async () => {
  answers = [json({ person: { id: 'p' }, csrf: 'mine' }, 201)];
  await expect(api.signIn({ name: 'ada', password: 'x', remember: true })).resolves.toEqual({ id: 'p' });
  await api.stop('c');
  expect(asked[1]!.token).toBe('mine');
  expect(asked[0]!.body).toEqual({ name: 'ada', password: 'x', remember: true });
});

test('names in addresses are escaped', async () => {
  await api.conversation('a/b?c', 10, 7);
  await api.search('a&b=c');
  expect(asked.map(({ path }) => path)).toEqual([
    '/api/v1/conversations/a%2Fb%3Fc?limit=10&before=7',
    '/api/v1/search?q=a%26b%3Dc',
  ]);
});

describe('what goes wrong', () => {
  test('on the way is told apart from a refusal', async () => {
    answers = [new TypeError('Failed to fetch')];
    await expect(api.me()).rejects.toMatchObject({ status: 0, code: 'unreachable' });
  });

  test('brings the words and the wait of the server', async () => {
    answers = [refused(429, 'locked', { 'Retry-After': '30' })];
    await expect(api.signIn({ name: 'a', password: 'b', remember: false })).rejects.toMatchObject({
      status: 429, code: 'locked', message: 'refused: locked', retryAfter: '30',
    });
  });

  test('without JSON still has a code', async () => {
    answers = [new Response('<html>', { status: 502 }), new Response('<html>')];
    await expect(api.me()).rejects.toMatchObject({ code: 'status_502' });
    await expect(api.me()).rejects.toBeInstanceOf(ApiError);
  });
});

test('the last request of a page goes out at once and outlives it', () => {
  api.removeWhileLeaving('conv_1');
  expect(asked).toMatchObject([{ method: 'DELETE', path: '/api/v1/conversations/conv_1', token: 'from-the-page' }]);
});

test('a reply is read as it is written', async () => {
  answers = [new Response('event: delta\ndata: {"text":"a"}\n\nevent: delta\ndata: {"text":"b"}\n\n')];
  const events = [];
  for await (const event of api.message('c', { text: 'hello' })) events.push(event);
  expect(events).toEqual([{ event: 'delta', text: 'a' }, { event: 'delta', text: 'b' }]);
});

function json(body: unknown, status = 200): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });
}

function refused(status: number, code: string, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ error: { type: 'x', code, message: `refused: ${code}` } }), { status, headers });
}
