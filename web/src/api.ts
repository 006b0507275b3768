/** The server's HTTP API, called as the person whose browser this is. */
import type {
  Exported, Login, Match, Me, Model, NewConversation, NewMessage, Opened, Page, Person, Scope, Settings, Summary, Tier, Token, Voice,
} from './contract';
import { readEvents, type StreamEvent } from './sse';
import { readTurn, type TurnRecord } from './turn-record';

/** A request that was refused, or not answered: then `status` is 0 and `code` is `unreachable`. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly retryAfter: string | null = null,
  ) {
    super(message);
  }
}

export function codeOf(error: unknown): string {
  return error instanceof ApiError ? error.code : 'unexpected';
}

interface Welcome {
  person: Person;
  csrf: string;
}

const HEADER = 'X-CSRF-Token';

export class Api {
  constructor(
    private readonly fetcher: typeof fetch = (...request) => fetch(...request),
    private token: string | null = tokenOfPage(),
  ) {}

  /** `fetch` with the token that every change needs. A token that has become old is renewed, and the request sent once more. */
  async send(path: string, init: RequestInit = {}): Promise<Response> {
    if (!init.method || init.method === 'GET') return this.fetcher(path, init);
    // Without a pause where the token is known: what is sent while a page is left has no time for one.
    const reply = await this.fetcher(path, signed(init, this.token ?? (await this.renew())));
    if (reply.status !== 403 || (await refusalOf(reply.clone())).code !== 'csrf') return reply;
    return this.fetcher(path, signed(init, await this.renew()));
  }

  async me(): Promise<Me> {
    const me = await this.json<Me>('GET', 'me');
    this.token = me.csrf;
    return me;
  }

  guest = () => this.enter('guest', {});
  signUp = (body: { name: string; password: string; invite?: string }) => this.enter('sign-up', body);
  signIn = (body: { name: string; password: string; remember: boolean }) => this.enter('login', body);

  async signOut(): Promise<void> {
    await this.json('POST', 'logout');
    this.token = null;
  }

  setDefaultTier = (default_tier: Tier) => this.json<{ person: Person }>('PATCH', 'me', { default_tier });

  async changePassword(current: string, fresh: string): Promise<void> {
    const { csrf } = await this.json<{ csrf: string }>('POST', 'me/password', { current, new: fresh });
    this.token = csrf;
  }

  async deleteMe(password: string | null): Promise<void> {
    await this.json('DELETE', 'me', password === null ? {} : { password });
    this.token = null;
  }

  logins = async () => (await this.json<{ logins: Login[] }>('GET', 'logins')).logins;
  /** Ends one login; without an id, all others. */
  endLogin = (id: string | null) => this.json('DELETE', id === null ? 'logins' : `logins/${encodeURIComponent(id)}`);

  tokens = async () => (await this.json<{ tokens: Token[] }>('GET', 'tokens')).tokens;
  /** `token` is given this once. */
  newToken = (body: { label: string; scopes: Scope[]; days?: number }) =>
    this.json<Token & { token: string }>('POST', 'tokens', body);
  revokeToken = (id: string) => this.json('DELETE', `tokens/${encodeURIComponent(id)}`);

  models = () => this.json<{ models: Model[]; default: string | null }>('GET', 'models');
  voices = () => this.json<{ voices: Voice[]; default: string | null }>('GET', 'voices');

  conversations = (before: string | null, limit: number) =>
    this.json<Page>('GET', `conversations?limit=${limit}${before === null ? '' : `&before=${encodeURIComponent(before)}`}`);
  newConversation = (body: NewConversation) => this.json<Summary>('POST', 'conversations', body);
  /** The last items; those before `beforeSeq` if it is given. */
  conversation = (id: string, limit: number, beforeSeq: number | null = null) =>
    this.json<Opened>('GET', `${conversation(id)}?limit=${limit}${beforeSeq === null ? '' : `&before=${beforeSeq}`}`);
  /** How the last spoken turns went. */
  turns = async (id: string, limit: number): Promise<TurnRecord[]> => {
    const { turns } = await this.json<{ turns: { item_id: string; report: Record<string, unknown> }[] }>('GET', `${conversation(id)}/turns?limit=${limit}`);
    return turns.map(({ item_id, report }) => readTurn({ ...report, item_id }));
  };
  change = (id: string, body: Settings | { meta: string }) => this.json<Summary>('PATCH', conversation(id), body);
  remove = (id: string) => this.json('DELETE', conversation(id));
  /** For a page that is being left: nobody waits for it. */
  removeWhileLeaving(id: string): void {
    void this.send(`/api/v1/${conversation(id)}`, { method: 'DELETE', keepalive: true }).catch(() => undefined);
  }

  /** Sends a message; gives what the server tells while it replies. Rejects when it was refused or the line broke. */
  async *message(id: string, body: NewMessage): AsyncGenerator<StreamEvent> {
    const reply = await this.request('POST', `${conversation(id)}/messages`, body, 'text/event-stream');
    if (!reply.body) throw new ApiError(reply.status, 'unexpected', 'an answer without a body');
    try {
      yield* readEvents(reply.body);
    } catch {
      throw unreachable();
    }
  }

  stop = (id: string) => this.json('POST', `${conversation(id)}/stop`);
  search = async (query: string) =>
    (await this.json<{ matches: Match[] }>('GET', `search?q=${encodeURIComponent(query)}`)).matches;
  /** One conversation, or all of them, without the private ones. */
  export = (id: string | null) => this.json<Exported>('GET', id === null ? 'export' : `${conversation(id)}/export`);
  import = async (document: unknown) =>
    (await this.json<{ conversations: Summary[] }>('POST', 'import', document)).conversations;

  private async enter(path: string, body: object): Promise<Person> {
    const { person, csrf } = await this.json<Welcome>('POST', path, body);
    this.token = csrf;
    return person;
  }

  /** None where the server has none to give: it will say itself what it lets in. */
  private async renew(): Promise<string | null> {
    const given = await this.json<{ token: string }>('GET', 'csrf').catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 404) return { token: null };
      throw error;
    });
    return (this.token = given.token);
  }

  private async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const reply = await this.request(method, path, body, 'application/json');
    if (reply.status === 204) return undefined as T;
    return reply.json().catch(() => {
      throw new ApiError(reply.status, 'unexpected', 'the answer is no JSON');
    }) as Promise<T>;
  }

  private async request(method: string, path: string, body: unknown, accept: string): Promise<Response> {
    const headers: Record<string, string> = { Accept: accept };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const init: RequestInit = { method, headers };
    if (body !== undefined) init.body = JSON.stringify(body);
    const reply = await this.send(`/api/v1/${path}`, init).catch((error: unknown) => {
      throw error instanceof ApiError ? error : unreachable();
    });
    if (reply.ok) return reply;
    const { code, message } = await refusalOf(reply);
    throw new ApiError(reply.status, code, message, reply.headers.get('Retry-After'));
  }
}

function conversation(id: string): string {
  return `conversations/${encodeURIComponent(id)}`;
}

function signed(init: RequestInit, token: string | null): RequestInit {
  if (token === null) return init;
  return { ...init, headers: { ...(init.headers as Record<string, string>), [HEADER]: token } };
}

function unreachable(): ApiError {
  return new ApiError(0, 'unreachable', 'the server does not answer');
}

async function refusalOf(reply: Response): Promise<{ code: string; message: string }> {
  const body = (await reply.json().catch(() => null)) as { error?: { code?: unknown; message?: unknown } } | null;
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  return { code: text(body?.error?.code) || `status_${reply.status}`, message: text(body?.error?.message) };
}

function tokenOfPage(): string | null {
  return document.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content || null;
}
