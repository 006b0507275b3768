/**
 * A server that keeps a vault and its conversations in memory, for test/vault.mjs: under the real content security policy,
 * with CSRF tokens, and sealing with an implementation of HPKE that is not the page's.
 */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const POLICY = JSON.parse(await readFile(new URL('../../policy.json', import.meta.url), 'utf8')).page.join('; ');
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' };
const TOKEN = 'a-token';
const hpke = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });

export async function startStub(folder) {
  const world = { vault: { identity: null, slots: [] }, conversations: new Map(), bodies: [] };
  const server = createServer((request, response) => {
    response.setHeader('Content-Security-Policy', POLICY);
    response.setHeader('X-Content-Type-Options', 'nosniff');
    answer(world, folder, request, response).catch((error) => {
      response.writeHead(error.status ?? 500, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ error: { type: 'invalid_request_error', code: error.message, message: '', param: null } }));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}/`,
    world,
    says: (id, role, text) => says(world, id, role, text),
    close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))),
  };
}

async function answer(world, folder, request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://stub');
  if (!pathname.startsWith('/api/')) return file(folder, pathname, response);
  const text = await bodyOf(request);
  if (request.method !== 'GET' && request.headers['x-csrf-token'] !== TOKEN) throw refusal(403, 'csrf');
  world.bodies.push(text);
  const body = text ? JSON.parse(text) : null;
  const [, , , ...path] = pathname.split('/');
  const route = `${request.method} ${path.map((part, at) => (at === 1 && path[0] === 'conversations' ? ':id' : part)).join('/')}`;
  const found = routes[route] ?? (path[1] === 'slots' ? routes[`${request.method} vault/slots/:id`] : null);
  if (!found) throw refusal(404, 'not_found');
  const result = await found(world, { body, id: path[2] ?? path[1], conversation: path[1], searchParams });
  response.writeHead(result === undefined ? 204 : 200, { 'Content-Type': 'application/json' });
  response.end(result === undefined ? '' : JSON.stringify(result));
}

const routes = {
  'GET csrf': () => ({ token: TOKEN }),
  'GET vault': ({ vault }) => vault,
  'PUT vault': (world, { body }) => {
    if (world.vault.identity) throw refusal(409, 'vault_exists');
    const kinds = body.slots.map(({ kind }) => kind);
    if (!kinds.includes('passphrase') || !kinds.includes('recovery')) throw refusal(400, 'slots');
    world.vault = body;
  },
  'PUT vault/slots/:id': ({ vault }, { body, id }) => {
    if (body.id !== id) throw refusal(400, 'id');
    vault.slots = [...vault.slots.filter((slot) => slot.id !== id), body];
  },
  'DELETE vault/slots/:id': ({ vault }, { id }) => void (vault.slots = vault.slots.filter((slot) => slot.id !== id)),
  'GET conversations': ({ conversations }) => ({ conversations: [...conversations.values()].map(({ summary }) => summary), next: null }),
  'POST conversations': ({ conversations }, { body }) => {
    const { id, key, meta } = body;
    const now = Date.now();
    const summary = {
      id, tier: 'private', title: null, title_by: null, created_ms: now, updated_ms: now, items: 0, model: null, voice: null,
      instructions: null, in_call: false, expires_ms: null, sealed: { key: [{ generation: 1, wrap: key }], meta, title_inbox: null },
    };
    conversations.set(id, { summary, items: [] });
    return summary;
  },
  'GET conversations/:id': ({ conversations }, { conversation, searchParams }) => {
    const { summary, items } = known(conversations, conversation);
    const before = Number(searchParams.get('before') ?? Infinity);
    const page = items.filter(({ seq }) => seq < before).slice(-Number(searchParams.get('limit') ?? 50));
    return { conversation: summary, items: page, problems: [] };
  },
  'PATCH conversations/:id': ({ conversations }, { conversation, body }) => {
    const { summary } = known(conversations, conversation);
    summary.sealed.meta = body.meta;
    if (body.key) summary.sealed.key.push(body.key);
    return summary;
  },
  'POST conversations/:id/adopt': ({ conversations }, { conversation, body }) => {
    const { summary, items } = known(conversations, conversation);
    for (const { seq, record } of body.items) items.find((item) => item.seq === seq).record = record;
    Object.assign(summary.sealed, { meta: body.meta, title_inbox: null });
  },
};

/** What the server does with what was said: seal, store, forget. */
async function says({ vault, conversations }, id, role, text) {
  const { summary, items } = known(conversations, id);
  const item = `item_${randomBytes(16).toString('hex')}`;
  const seq = items.length + 1;
  const content = JSON.stringify({ v: 1, text, status: 'completed', via: 'voice', at_ms: Date.now(), audio_ms: 700, model: null });
  const record = await sealed(Buffer.from(vault.identity.public, 'base64'), [id, item, u64(seq), role], Buffer.from(content));
  items.push({ id: item, seq, role, at_ms: Date.now(), record: record.toString('base64') });
  Object.assign(summary, { items: items.length, updated_ms: Date.now() });
}

async function sealed(identity, fields, plaintext) {
  const parts = fields.map((field) => Buffer.from(field)).flatMap((bytes) => [u32(bytes.length), bytes]);
  const aad = Buffer.concat([Buffer.from('sotto1'), Buffer.from([8]), u32(1), ...parts]);
  const padded = Buffer.alloc(Math.ceil((plaintext.length + 4) / 256) * 256);
  padded.writeUInt32BE(plaintext.length);
  plaintext.copy(padded, 4);
  const recipientPublicKey = await hpke.kem.importKey('raw', exact(identity), true);
  const { enc, ct } = await hpke.seal({ recipientPublicKey, info: exact(Buffer.from('sotto1/sealed')) }, exact(padded), exact(aad));
  return Buffer.concat([Buffer.from([0x53, 1, 3, 8]), u32(1), Buffer.from(enc), Buffer.from(ct)]);
}

function u32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function u64(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

function exact(buffer) {
  return new Uint8Array(buffer).buffer;
}

function known(conversations, id) {
  const found = conversations.get(id);
  if (!found) throw refusal(404, 'not_found');
  return found;
}

function refusal(status, code) {
  return Object.assign(new Error(code), { status });
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function file(folder, pathname, response) {
  const path = normalize(pathname === '/' ? '/page.html' : pathname);
  const content = await readFile(join(folder, path)).catch(() => null);
  response.writeHead(content ? 200 : 404, { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream' });
  response.end(content ?? '');
}
