/**
 * A server that speaks the HTTP API from memory, for test/browser.mjs: the built page under the real content security
 * policy, people with cookies and CSRF tokens, conversations, replies as event streams. What it answers is set by the
 * story through `world`.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const POLICY = JSON.parse(await readFile(new URL('../../policy.json', import.meta.url), 'utf8')).page.join('; ');
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.wasm': 'application/wasm' };

const id = (kind) => `${kind}_${randomBytes(16).toString('hex')}`;
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export async function startStub(dist) {
  const world = fresh();
  const server = createServer((request, response) => {
    response.setHeader('Content-Security-Policy', POLICY);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Referrer-Policy', 'no-referrer');
    handle(world, dist, request, response).catch((error) => {
      if (error instanceof Refusal) return refuse(response, error);
      console.error(error);
      response.statusCode = 500;
      response.end();
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}/`,
    world,
    /** As on a machine nobody has used yet. */
    reset: () => Object.assign(world, fresh()),
    close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))),
  };
}

function fresh() {
  return {
    guests: true,
    sign_up: 'open',
    people: new Map(),
    logins: new Map(),
    conversations: new Map(),
    tokens: [],
    requests: [],
    /** What was asked to be read aloud. */
    spoken: [],
    /** `[method, path pattern, status, code, message, headers]`: refused once each, in order. */
    refusals: [],
    /** So often it says that it is full when it is asked whether a line is free. */
    full: 0,
    /** Between the words of a reply. */
    paceMs: 5,
    /** What is answered; gets the text it is asked. */
    reply: (text) => `You said: ${text}`,
    /** Null: no title comes. */
    title: (text) => `About ${text.split(' ').slice(0, 3).join(' ')}`,
    titleAfterMs: 30,
    /** Set to make an event stream break before this event. */
    breakBefore: null,
    /** Before an item is confirmed. */
    storeMs: 0,
    stops: new Set(),
  };
}

class Refusal extends Error {
  constructor(status, code, message = code, headers = {}) {
    super(message);
    Object.assign(this, { status, code, headers });
  }
}

function refuse(response, { status, code, message, headers }) {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(JSON.stringify({ error: { type: 'invalid_request_error', code, message, param: null } }));
}

async function handle(world, dist, request, response) {
  const url = new URL(request.url, 'http://stub');
  if (url.pathname === '/v1/audio/speech') return speak(world, request, response);
  if (url.pathname === '/readyz') {
    if (world.full-- > 0) throw new Refusal(503, 'at_capacity', 'full', { 'Retry-After': '1' });
    return response.end('ready\n');
  }
  if (!url.pathname.startsWith('/api/v1/')) return page(dist, url, response);
  const path = url.pathname.slice('/api/v1/'.length);
  const body = await read(request);
  world.requests.push({ method: request.method, path: path + url.search, body, csrf: request.headers['x-csrf-token'] ?? null });
  const at = world.refusals.findIndex(([method, pattern]) => method === request.method && new RegExp(pattern).test(path));
  if (at >= 0) {
    const [[, , status, code, message, headers]] = world.refusals.splice(at, 1);
    throw new Refusal(status, code, message, headers);
  }
  const login = loginOf(world, request, response, /^(me|csrf)$/.test(path));
  if (!['GET', 'HEAD'].includes(request.method) && request.headers['x-csrf-token'] !== login.csrf) throw new Refusal(403, 'csrf');
  const match = routes.find(([method, pattern]) => method === request.method && pattern.test(path));
  if (!match) throw new Refusal(404, 'not_found');
  const [, pattern, route] = match;
  const params = pattern.exec(path).slice(1).map(decodeURIComponent);
  const person = world.people.get(login.person) ?? null;
  const need = () => person ?? (() => { throw new Refusal(401, 'sign_in'); })();
  const result = await route({ world, login, person, need, body, query: url.searchParams, response, params });
  if (result === STREAMED) return;
  const [status, json] = Array.isArray(result) ? result : result === undefined ? [204] : [200, result];
  response.writeHead(status, json === undefined ? {} : { 'Content-Type': 'application/json' });
  response.end(json === undefined ? undefined : JSON.stringify(json));
}

const STREAMED = Symbol('streamed');

/** Two seconds of a quiet tone, for whoever asks. */
async function speak(world, request, response) {
  const body = await read(request);
  world.spoken.push(body);
  if (body.voice === 'gone') {
    response.writeHead(400, { 'Content-Type': 'application/json' });
    return response.end(JSON.stringify({ error: { code: 'unknown_voice', message: 'there is no voice `gone`' } }));
  }
  const samples = Int16Array.from({ length: 48_000 }, (_, at) => 1_000 * Math.sin(at / 10));
  response.writeHead(200, { 'Content-Type': 'audio/pcm' });
  response.end(Buffer.from(samples.buffer));
}

async function page(dist, url, response) {
  const path = normalize(/^\/(c\/.*)?$/.test(url.pathname) ? '/index.html' : url.pathname);
  try {
    const file = await readFile(join(dist, path));
    response.writeHead(200, { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream' });
    response.end(file);
  } catch {
    response.writeHead(404).end();
  }
}

async function read(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const text = Buffer.concat(parts).toString();
  return text ? JSON.parse(text) : null;
}

/** Only those who ask for it get a cookie: of two that are given at once one would be lost. */
function loginOf(world, request, response, give) {
  const [, cookie] = /sotto_sid=([\w-]+)/.exec(request.headers.cookie ?? '') ?? [];
  const known = world.logins.get(cookie);
  if (known) return known;
  const login = { id: id('login'), csrf: randomBytes(16).toString('hex'), person: null, created_ms: Date.now() };
  if (!give) return login;
  const sid = randomBytes(16).toString('hex');
  world.logins.set(sid, login);
  response.setHeader('Set-Cookie', `sotto_sid=${sid}; HttpOnly; SameSite=Lax; Path=/`);
  return login;
}

function welcome(world, login, person) {
  world.people.set(person.id, person);
  login.person = person.id;
  login.csrf = randomBytes(16).toString('hex');
  return { person: shown(person), csrf: login.csrf };
}

function shown({ password: _, ...person }) {
  return person;
}

function newPerson(fields) {
  return {
    id: id('person'), kind: 'account', name: null, admin: false, default_tier: 'standard', created_ms: Date.now(),
    expires_ms: null, private: false, ...fields,
  };
}

export function newConversation(world, person, fields = {}) {
  const now = Date.now();
  const conversation = {
    id: id('conv'), tier: 'standard', title: null, title_by: null, created_ms: now, updated_ms: now, model: null, voice: null,
    instructions: null, in_call: false, expires_ms: null, sealed: null, person, list: [], problems: [], ...fields,
  };
  world.conversations.set(conversation.id, conversation);
  return conversation;
}

export function addItem(conversation, fields) {
  const item = {
    id: id('item'), seq: (conversation.list.at(-1)?.seq ?? 0) + 1, role: 'user', text: '', status: 'completed', via: 'text',
    at_ms: Date.now(), ...fields,
  };
  conversation.list.push(item);
  conversation.updated_ms = Date.now();
  return item;
}

function summary({ list, person: _, problems: __, busy: ___, turns: ____, ...rest }) {
  return { ...rest, items: list.length };
}

function own({ world, need, params: [conversation] }) {
  const found = world.conversations.get(conversation);
  if (!found || found.person !== need().id) throw new Refusal(404, 'not_found', 'there is no such conversation');
  return found;
}

const mine = ({ world, need }) => {
  const { id: person } = need();
  return [...world.conversations.values()].filter((each) => each.person === person).sort((a, b) => b.updated_ms - a.updated_ms);
};

const routes = [
  ['GET', /^csrf$/, ({ login }) => ({ token: login.csrf })],
  ['GET', /^me$/, ({ world, login, person }) => ({
    person: person && shown(person), guests: world.guests, sign_up: world.sign_up, csrf: login.csrf,
    default_tier: 'standard', minimum_password: 8, guest_days: 30,
  })],
  ['POST', /^guest$/, ({ world, login }) => {
    if (!world.guests) throw new Refusal(403, 'guests_off');
    return [201, welcome(world, login, newPerson({ kind: 'guest', expires_ms: Date.now() + 30 * 86_400_000 }))];
  }],
  ['POST', /^sign-up$/, ({ world, login, person, body }) => {
    if (world.sign_up === 'closed') throw new Refusal(403, 'sign_up_closed');
    if (world.sign_up === 'invite' && !body.invite) throw new Refusal(403, 'invite_needed');
    if ([...world.people.values()].some(({ name }) => name === body.name)) throw new Refusal(409, 'name_taken');
    if (body.password.length < 8) throw new Refusal(400, 'weak_password', '');
    const account = { name: body.name, password: body.password, kind: 'account', expires_ms: null };
    return [201, welcome(world, login, person?.kind === 'guest' ? { ...person, ...account } : newPerson(account))];
  }],
  ['POST', /^login$/, ({ world, login, person, body }) => {
    const found = [...world.people.values()].find(({ name }) => name === body.name);
    if (!found || found.password !== body.password) throw new Refusal(401, 'wrong_credentials');
    if (person?.kind === 'guest') for (const each of world.conversations.values()) if (each.person === person.id) each.person = found.id;
    return welcome(world, login, found);
  }],
  ['POST', /^logout$/, ({ login }) => void (login.person = null)],
  ['PATCH', /^me$/, ({ need, body }) => ({ person: shown(Object.assign(need(), body)) })],
  ['POST', /^me\/password$/, ({ need, login, body }) => {
    const person = need();
    if (person.password !== body.current) throw new Refusal(401, 'wrong_credentials');
    person.password = body.new;
    return { csrf: (login.csrf = randomBytes(16).toString('hex')) };
  }],
  ['DELETE', /^me$/, ({ world, need, login, body }) => {
    const person = need();
    if (person.kind === 'account' && person.password !== body?.password) throw new Refusal(401, 'wrong_credentials');
    for (const each of mine({ world, need })) world.conversations.delete(each.id);
    world.people.delete(person.id);
    login.person = null;
  }],
  ['GET', /^logins$/, ({ world, need, login }) => {
    const person = need();
    const logins = [...world.logins.values()].filter((each) => each.person === person.id);
    return {
      logins: logins.map((each) => ({
        id: each.id, current: each === login, label: each.label ?? 'Chromium on Linux', created_ms: each.created_ms,
        seen_ms: Date.now(), expires_ms: Date.now() + 86_400_000,
      })),
    };
  }],
  ['DELETE', /^logins\/(.+)$/, ({ world, params: [which] }) => {
    for (const [sid, each] of world.logins) if (each.id === which) world.logins.delete(sid);
  }],
  ['DELETE', /^logins$/, ({ world, need, login }) => {
    const person = need();
    for (const [sid, each] of world.logins) if (each.person === person.id && each !== login) world.logins.delete(sid);
  }],
  ['GET', /^tokens$/, ({ world }) => ({ tokens: world.tokens })],
  ['POST', /^tokens$/, ({ world, body }) => {
    const token = { id: id('token'), label: body.label, scopes: body.scopes, created_ms: Date.now(), used_ms: null, expires_ms: body.days ? Date.now() + body.days * 86_400_000 : null };
    world.tokens.push(token);
    return [201, { ...token, token: `sotto_${randomBytes(24).toString('base64url')}` }];
  }],
  ['DELETE', /^tokens\/(.+)$/, ({ world, params: [which] }) => void (world.tokens = world.tokens.filter((each) => each.id !== which))],
  ['GET', /^models$/, () => ({
    models: [{ name: 'qwen3-8b', tier: 'on_premises', abilities: ['chat'] }, { name: 'claude', tier: 'cloud', abilities: ['chat'] }],
    default: 'qwen3-8b',
  })],
  ['GET', /^voices$/, () => ({ voices: [{ id: 'heart', name: 'Heart', language: 'en-us' }, { id: 'michael', name: 'Michael', language: 'en-us' }], default: 'heart' })],
  ['GET', /^conversations$/, (at) => {
    const all = mine(at);
    const from = Number(at.query.get('before') ?? 0);
    const limit = Number(at.query.get('limit') ?? 50);
    return { conversations: all.slice(from, from + limit).map(summary), next: from + limit < all.length ? String(from + limit) : null };
  }],
  ['POST', /^conversations$/, ({ world, need, body }) => [201, summary(newConversation(world, need().id, body))]],
  ['GET', /^conversations\/([^/]+)$/, (at) => {
    const conversation = own(at);
    const before = Number(at.query.get('before') ?? Infinity);
    const items = conversation.list.filter(({ seq }) => seq < before).slice(-Number(at.query.get('limit') ?? 1000));
    return { conversation: summary(conversation), items, problems: conversation.problems };
  }],
  ['PATCH', /^conversations\/([^/]+)$/, (at) => {
    const conversation = Object.assign(own(at), at.body);
    if (at.body.title !== undefined) conversation.title_by = 'person';
    return summary(conversation);
  }],
  ['DELETE', /^conversations\/([^/]+)$/, (at) => void at.world.conversations.delete(own(at).id)],
  ['GET', /^conversations\/([^/]+)\/turns$/, (at) => ({ turns: own(at).turns ?? [] })],
  ['POST', /^conversations\/([^/]+)\/messages$/, reply],
  ['POST', /^conversations\/([^/]+)\/stop$/, (at) => void at.world.stops.add(own(at).id)],
  ['GET', /^conversations\/([^/]+)\/export$/, (at) => exported([own(at)])],
  ['GET', /^export$/, (at) => exported(mine(at))],
  ['POST', /^import$/, ({ world, need, body }) => {
    const { id: person } = need();
    const made = body.conversations.map(({ title, items }) => {
      const conversation = newConversation(world, person, { title, title_by: 'person' });
      for (const item of items) addItem(conversation, item);
      return summary(conversation);
    });
    return [201, { conversations: made }];
  }],
  ['GET', /^search$/, (at) => {
    const query = at.query.get('q').toLowerCase();
    const matches = mine(at).flatMap((conversation) => [
      ...(conversation.title?.toLowerCase().includes(query) ? [{ conversation: conversation.id, title: conversation.title, item_id: null, seq: 0, snippet: conversation.title }] : []),
      ...conversation.list.filter(({ text }) => text.toLowerCase().includes(query)).map(({ id: item_id, seq, text }) => {
        const hit = text.toLowerCase().indexOf(query);
        return { conversation: conversation.id, title: conversation.title, item_id, seq, snippet: text.slice(Math.max(0, hit - 40), hit + 80) };
      }),
    ]);
    return { matches };
  }],
  ['GET', /^vault$/, () => ({ identity: null, slots: [] })],
];

function exported(list) {
  return {
    format: 'sotto.conversations', version: 1,
    conversations: list.map(({ id: name, tier, title, created_ms, instructions, model, list: items }) => ({
      id: name, tier, title, created_ms, instructions, model,
      items: items.map(({ role, text, status, via, at_ms }) => ({ role, text, status, via, at_ms })),
    })),
  };
}

async function reply(at) {
  const { world, body, response } = at;
  const conversation = own(at);
  if (conversation.in_call) throw new Refusal(409, 'in_call');
  if (conversation.busy) throw new Refusal(409, 'busy');
  conversation.busy = true;
  world.stops.delete(conversation.id);
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  const send = async (event, fields) => {
    if (world.breakBefore === event) {
      world.breakBefore = null;
      // Browsers repeat a request on their own when not a byte was answered.
      response.flushHeaders();
      await wait(50);
      response.destroy();
      throw new Broken();
    }
    // Cut in the middle, as networks do.
    const text = `event: ${event}\ndata: ${JSON.stringify(fields)}\n\n`;
    response.write(text.slice(0, 9));
    await wait(0);
    response.write(text.slice(9));
  };
  try {
    let asked = body.text;
    if (body.replaces) conversation.list.splice(conversation.list.findIndex(({ id: item }) => item === body.replaces));
    if (body.regenerate) {
      if (conversation.list.at(-1)?.role === 'assistant') conversation.list.pop();
      asked = conversation.list.at(-1).text;
    } else {
      await wait(world.storeMs);
      const { id: item_id, seq } = addItem(conversation, { text: body.text });
      await send('stored', { item_id, seq });
    }
    const item_id = id('item');
    await send('started', { item_id });
    const whole = world.reply(asked, conversation);
    if (whole instanceof Refusal || whole?.error) {
      await send('error', whole.error);
      return STREAMED;
    }
    let text = '';
    let status = 'completed';
    for (const word of whole.split(/(?<= )/)) {
      if (world.stops.has(conversation.id)) {
        status = 'interrupted';
        break;
      }
      text += word;
      await send('delta', { text: word });
      await wait(world.paceMs);
    }
    await send('done', { item_id, status, text });
    const { seq } = addItem(conversation, { id: item_id, role: 'assistant', text, status });
    await wait(world.storeMs);
    await send('stored', { item_id, seq });
    if (world.title && conversation.title_by !== 'person' && conversation.title_by !== 'model' && asked) {
      await wait(world.titleAfterMs);
      Object.assign(conversation, { title: world.title(asked), title_by: 'model' });
      await send('title', { title: conversation.title });
    }
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
  } finally {
    conversation.busy = false;
    response.end();
  }
  return STREAMED;
}

class Broken extends Error {}
