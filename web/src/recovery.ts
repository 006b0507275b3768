/** Decides when a call that lost its path asks for a new one (an ICE restart), and when it is given up. */

export interface RecoveryHandlers {
  /** Asks for a new path; gives false when the call no longer exists. */
  restart(): Promise<boolean>;
  /** What ICE believes now. A restart over a living path may end without any change of state. */
  connected(): boolean;
  /** The path broke (true) or is there again (false). */
  broken(broken: boolean): void;
  /** All was tried. */
  lost(): void;
}

/** A pause this long heals itself more often than not. */
const PATIENCE_MS = 2_000;
const RETRY_MS = 4_000;
/** The server has given the call up by then. */
const GIVE_UP_MS = 30_000;

export class Recovery {
  private brokenSince: number | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private restarting = false;
  private tried = false;
  private announced = false;
  private stopped = false;

  constructor(private readonly handlers: RecoveryHandlers) {}

  /** Takes each state of the connection's ICE transport. */
  state(state: RTCIceConnectionState): void {
    if (this.stopped) return;
    if (state === 'connected' || state === 'completed') this.healed();
    if (state === 'disconnected') this.attemptIn(PATIENCE_MS);
    if (state === 'failed') this.attemptIn(0);
  }

  /** The device changed its network: the old path is likely dead, whatever ICE still believes. */
  networkChanged(): void {
    if (!this.stopped) this.attemptIn(0);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private healed(): void {
    clearTimeout(this.timer);
    if (this.announced) this.handlers.broken(false);
    this.announced = false;
    this.brokenSince = null;
    this.tried = false;
  }

  private attemptIn(delayMs: number): void {
    this.brokenSince ??= performance.now();
    // After a change of network the old path may still carry: then nobody needs to know.
    if (!this.announced && !this.handlers.connected()) {
      this.announced = true;
      this.handlers.broken(true);
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.attempt(), delayMs);
  }

  private async attempt(): Promise<void> {
    if (this.stopped || this.restarting || this.brokenSince === null) return;
    if (this.tried && this.handlers.connected()) return this.healed();
    if (performance.now() - this.brokenSince >= GIVE_UP_MS) return this.giveUp();
    this.tried = true;
    this.restarting = true;
    const exists = await this.handlers.restart().catch(() => true);
    this.restarting = false;
    if (!exists) return this.giveUp();
    if (this.brokenSince !== null) this.attemptIn(RETRY_MS);
  }

  private giveUp(): void {
    if (this.stopped) return;
    this.stop();
    this.handlers.lost();
  }
}
