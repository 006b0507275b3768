/**
 * Remembers the call that goes on in this tab, so that it can go on after the page was reloaded or the connection was
 * lost for good. The server keeps what is left of such a call for a minute.
 */
import type { Model, State } from './model';
import { inCall } from './words';

/** A call that ended although nobody hung up. */
export interface Lost {
  call: string;
  conversation: string | null;
  /** When it was last known to go on. */
  atMs: number;
}

type Store = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const KEY = 'sotto.call';
const RESUMABLE_MS = 60_000;
/** A page can go without a word: how often it is noted that the call goes on. */
const NOTE_EVERY_MS = 5_000;

export class Interruption {
  private on: Lost | null = null;
  private state: State = 'idle';
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `offer` shows that a call can be continued, or takes that back. */
  constructor(
    private readonly offer: (lost: Lost | null) => void,
    private readonly store: Store | null = tabStore(),
    private readonly now: () => number = Date.now,
  ) {}

  /** Offers to continue a call, as long as that is possible. */
  look(): void {
    clearTimeout(this.timer);
    const lost = this.read();
    if (lost) this.timer = setTimeout(() => this.look(), lost.atMs + RESUMABLE_MS - this.now());
    this.offer(lost);
  }

  /** The call has changed. */
  follow({ state, callId, conversation }: Model): void {
    const before = this.state;
    this.state = state;
    if (inCall(state) && callId !== null) this.note(callId, conversation);
    if (state === before) return;
    if (state === 'connecting' || before === 'connecting') this.withdraw();
    if (state !== 'ended') return;
    this.on = null;
    if (callId !== null) return this.look();
    this.forget();
  }

  /** The page is being left while the call goes on. */
  leave(): void {
    if (this.on) this.write({ ...this.on, atMs: this.now() });
  }

  private note(call: string, conversation: string | null): void {
    const known = this.on?.call === call && this.now() - this.on.atMs < NOTE_EVERY_MS;
    if (!known) this.write((this.on = { call, conversation, atMs: this.now() }));
  }

  private withdraw(): void {
    clearTimeout(this.timer);
    this.offer(null);
  }

  private forget(): void {
    this.withdraw();
    try {
      this.store?.removeItem(KEY);
    } catch {
      // Then there is nothing to forget.
    }
  }

  private write(lost: Lost): void {
    try {
      this.store?.setItem(KEY, JSON.stringify(lost));
    } catch {
      // Then it cannot be continued after a reload.
    }
  }

  private read(): Lost | null {
    try {
      const { call, conversation, atMs } = JSON.parse(this.store?.getItem(KEY) ?? 'null') as Lost;
      const ageMs = this.now() - atMs;
      if (typeof call !== 'string' || !(ageMs >= 0 && ageMs < RESUMABLE_MS)) return null;
      return { call, conversation: typeof conversation === 'string' ? conversation : null, atMs };
    } catch {
      return null;
    }
  }
}

/** A tab's own store; a browser may refuse it. */
function tabStore(): Store | null {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
