/** What the vault asks of the server. */
import { ApiError } from '../api';
import type { Opened, Page, SealedItem, Summary } from '../contract';
import type { Slot, UnknownSlot } from './slots';

export interface Identity {
  /** What the server seals to. */
  public: string;
  /** The private key and the public one, under the master key. */
  wrapped: string;
}

export interface StoredVault {
  identity: Identity | null;
  slots: (Slot | UnknownSlot)[];
}

/** A new generation of a conversation's key, under the master key. */
export interface NewKey {
  generation: number;
  wrap: string;
}

export interface Server {
  vault(): Promise<StoredVault>;
  putVault(vault: { identity: Identity; slots: Slot[] }): Promise<void>;
  putSlot(slot: Slot): Promise<void>;
  removeSlot(id: string): Promise<void>;
  conversations(before: string | null): Promise<Page>;
  conversation(id: string, beforeSeq: number | null): Promise<Opened & { items: SealedItem[] }>;
  change(id: string, body: { meta: string; key?: NewKey }): Promise<Summary>;
  adopt(id: string, body: { meta: string; items: { seq: number; record: string }[] }): Promise<void>;
}

/** As the page sends everything: with the token that changes need. */
export type Send = (path: string, init?: RequestInit) => Promise<Response>;

const PAGE = 200;

export function serverOver(send: Send): Server {
  const json = async <T>(method: string, path: string, body?: unknown): Promise<T> => {
    const headers: Record<string, string> = { Accept: 'application/json' };
    const init: RequestInit = { method, headers };
    if (body !== undefined) {
      headers['Content-Type'] = 'application/json';
      init.body = JSON.stringify(body);
    }
    const reply = await send(`/api/v1/${path}`, init).catch((error: unknown) => {
      throw error instanceof ApiError ? error : new ApiError(0, 'unreachable', 'the server does not answer');
    });
    if (!reply.ok) throw new ApiError(reply.status, await codeOf(reply), '', reply.headers.get('Retry-After'));
    return (reply.status === 204 ? undefined : await reply.json()) as T;
  };
  const conversation = (id: string) => `conversations/${encodeURIComponent(id)}`;
  const before = (value: string | number | null) => (value === null ? '' : `&before=${encodeURIComponent(value)}`);
  return {
    vault: () => json('GET', 'vault'),
    putVault: (vault) => json('PUT', 'vault', vault),
    putSlot: (slot) => json('PUT', `vault/slots/${encodeURIComponent(slot.id)}`, slot),
    removeSlot: (id) => json('DELETE', `vault/slots/${encodeURIComponent(id)}`),
    conversations: (cursor) => json('GET', `conversations?limit=${PAGE}${before(cursor)}`),
    conversation: (id, seq) => json('GET', `${conversation(id)}?limit=${PAGE}${before(seq)}`),
    change: (id, body) => json('PATCH', conversation(id), body),
    adopt: (id, body) => json('POST', `${conversation(id)}/adopt`, body),
  };
}

async function codeOf(reply: Response): Promise<string> {
  const body = (await reply.json().catch(() => null)) as { error?: { code?: unknown } } | null;
  return typeof body?.error?.code === 'string' ? body.error.code : `status_${reply.status}`;
}
