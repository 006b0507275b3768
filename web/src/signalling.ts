/** The HTTP side of a call: `POST`, `PATCH` and `DELETE` on /v1/realtime/calls. */
import { CallError, refusal, secondsOf, unreachable } from './errors';
import type { Output } from './protocol';

const CALLS = '/v1/realtime/calls';
const STATUS = '/api/v1/status';
const READY = '/readyz';
/** Where a full server does not say when to ask again. */
const ASK_AGAIN_S = 10;
const STATUS_TIMEOUT_MS = 2_000;
const ANSWER_TIMEOUT_MS = 15_000;

/** Whether a line is free: when to ask again, in seconds; null if one is, or if only a call can tell. */
export async function askForLine(): Promise<number | null> {
  try {
    const reply = await fetch(READY, { cache: 'no-store', signal: AbortSignal.timeout(STATUS_TIMEOUT_MS) });
    if (reply.status !== 503) return null;
    const { error } = (await reply.json()) as { error?: { code?: string } };
    return error?.code === 'at_capacity' ? (secondsOf(reply.headers.get('Retry-After'), Date.now()) ?? ASK_AGAIN_S) : null;
  } catch {
    return null;
  }
}

/** What came of a request for a new path (an ICE restart). */
export type Restart = { answer: string } | 'unreachable' | 'gone';

export class Signalling {
  private url: string | null = null;
  private etag: string | null = null;

  /** `send` is `fetch` with whatever lets this person in. */
  constructor(
    private readonly output: Output,
    private readonly send: typeof fetch = (...request) => fetch(...request),
  ) {}

  /** The servers that help through firewalls, if whoever runs this one set up any. None is no reason not to call. */
  async iceServers(): Promise<RTCIceServer[]> {
    try {
      const reply = await fetch(STATUS, { signal: AbortSignal.timeout(STATUS_TIMEOUT_MS) });
      const status = (await reply.json()) as { ice_servers?: RTCIceServer[] };
      return Array.isArray(status.ice_servers) ? status.ice_servers : [];
    } catch {
      return [];
    }
  }

  /**
   * Offers a call, in a conversation if there is one, or to go on with the lost call `resume`; gives the answer. Throws a
   * `CallError` that says what to do.
   */
  async call(offer: string, conversation: string | null = null, resume: string | null = null): Promise<string> {
    const named = Object.entries({ conversation, resume }).filter(([, id]) => id !== null);
    const where = named.map(([name, id]) => `&${name}=${encodeURIComponent(id ?? '')}`).join('');
    const reply = await this.send(`${CALLS}?output=${this.output}${where}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', Accept: 'application/sdp' },
      body: offer,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    }).catch(() => {
      throw new CallError(unreachable(navigator.onLine));
    });
    const type = reply.headers.get('Content-Type') ?? '';
    if (reply.status !== 201 || !type.startsWith('application/sdp')) {
      const body: unknown = await reply.json().catch(() => null);
      throw new CallError(refusal(reply.ok ? 404 : reply.status, body, reply.headers.get('Retry-After')));
    }
    this.url = pathOf(reply.headers.get('Location'));
    this.etag = reply.headers.get('ETag');
    return reply.text().catch(() => {
      throw new CallError(unreachable(navigator.onLine));
    });
  }

  /** Sends candidates that were found after the offer. Losing them is no harm: the server answers to what reaches it. */
  async trickle(fragment: string): Promise<void> {
    if (!this.url) return;
    const headers: Record<string, string> = { 'Content-Type': 'application/trickle-ice-sdpfrag' };
    if (this.etag) headers['If-Match'] = this.etag;
    await this.send(this.url, { method: 'PATCH', headers, body: fragment }).catch(() => undefined);
  }

  /** Offers the same call over a new path. */
  async restart(offer: string): Promise<Restart> {
    if (!this.url) return 'gone';
    const reply = await this.send(this.url, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/sdp', 'If-Match': '*' },
      body: offer,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    }).catch(() => null);
    if (!reply || reply.status >= 500) return 'unreachable';
    if (!reply.ok) return 'gone';
    this.etag = reply.headers.get('ETag') ?? this.etag;
    const answer = await reply.text().catch(() => null);
    return answer === null ? 'unreachable' : { answer };
  }

  /** Ends the call; the request outlives the page. */
  hangUp(): void {
    if (!this.url) return;
    void this.send(this.url, { method: 'DELETE', keepalive: true }).catch(() => undefined);
    this.url = null;
  }
}

/** A proxy may have put its own scheme and host into the address; the call is where the page came from. */
function pathOf(location: string | null): string | null {
  if (!location) return null;
  try {
    const url = new URL(location, document.baseURI);
    return url.pathname + url.search;
  } catch {
    return null;
  }
}
