/** A vault with a cheap derivation, and what tests do with it. */
import { argon2id } from 'hash-wasm';
import { expect } from 'vitest';
import type { Refusal } from '../../src/vault/errors';
import type { Argon2 } from '../../src/vault/kdf';
import { Memory } from '../../src/vault/memory';
import { Vault, type VaultOptions } from '../../src/vault/vault';
import { FakeServer } from './server';

export const PASSPHRASE = 'gravel umbrella tiptoe lantern oyster';
export const PERSON = 'person_0f1e2d3c4b5a69788796a5b4c3d2e1f0';

export const argon2: Argon2 = async ({ password, salt, m_kib, t, p }) =>
  new Uint8Array(await argon2id({ password, salt, memorySize: m_kib, iterations: t, parallelism: p, hashLength: 32, outputType: 'binary' }));
export const cheap = { m_kib: 8, t: 1, p: 1 };

export function memory(): Memory {
  const kept = new Map<string, string>();
  return new Memory({ getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) });
}

export function vaultOf(server: FakeServer, options: Partial<VaultOptions> = {}): Vault {
  return new Vault({ person: PERSON, server, memory: memory(), argon2, cost: cheap, floor: cheap, ...options });
}

/** A vault that was set up and is open. */
export async function setUp(options: Partial<VaultOptions> = {}) {
  const server = new FakeServer();
  const vault = vaultOf(server, options);
  const recoveryKey = await vault.setUp(PASSPHRASE);
  await vault.confirm(recoveryKey);
  return { server, vault, recoveryKey };
}

/** A private conversation in which something was said. */
export async function conversation(server: FakeServer, vault: Vault, ...said: string[]) {
  const { id } = server.create(await vault.newConversation({ title: 'Tides' }));
  for (const [at, text] of said.entries()) await server.says(id, at % 2 === 0 ? 'user' : 'assistant', text);
  return { id, ...(await state(server, id)) };
}

export async function state(server: FakeServer, id: string) {
  const { summary, items } = structuredClone(server.of(id));
  return { summary, items };
}

export async function refused(work: Promise<unknown>, code: Refusal): Promise<void> {
  await expect(work).rejects.toMatchObject({ name: 'VaultError', code });
}
