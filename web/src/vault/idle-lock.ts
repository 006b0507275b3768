/** Locks when nobody has been there for a while, and when the page goes. */

export const LOCK_MINUTES = [5, 15, 30, 60] as const;
export const DEFAULT_LOCK_MINUTES = 15;

const MINUTE_MS = 60_000;
const SIGNS_OF_LIFE = ['pointerdown', 'keydown', 'wheel', 'touchstart'] as const;

export class IdleLock {
  private timer: ReturnType<typeof setTimeout> | null = null;
  private seenMs = 0;
  private unwatch = () => undefined as void;

  constructor(
    private readonly lock: () => void,
    public minutes: number,
    /** A call goes on: whoever talks does not type. */
    private readonly busy: () => boolean = () => false,
    private readonly now: () => number = Date.now,
  ) {}

  start(): void {
    this.stop();
    this.unwatch = this.watch();
    this.touch();
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.unwatch();
    this.unwatch = () => undefined;
  }

  /** Somebody is there. */
  touch = (): void => {
    // Woken from sleep: the time is over though no timer has run.
    if (this.timer !== null && this.isOver()) return this.end();
    this.seenMs = this.now();
    if (this.timer === null) this.wait(this.minutes * MINUTE_MS);
  };

  private wait(ms: number): void {
    this.timer = setTimeout(() => {
      if (this.isOver()) this.end();
      else this.wait(this.seenMs + this.minutes * MINUTE_MS - this.now());
    }, ms);
  }

  private isOver(): boolean {
    if (this.busy()) this.seenMs = this.now();
    return this.now() - this.seenMs >= this.minutes * MINUTE_MS;
  }

  private end(): void {
    this.stop();
    this.lock();
  }

  private watch(): () => void {
    if (typeof window === 'undefined') return () => undefined;
    const woken = () => {
      if (!document.hidden && this.isOver()) this.end();
    };
    const gone = () => this.end();
    for (const sign of SIGNS_OF_LIFE) window.addEventListener(sign, this.touch, { capture: true, passive: true });
    document.addEventListener('visibilitychange', woken);
    // Also where the page is kept for going back to it.
    window.addEventListener('pagehide', gone);
    return () => {
      for (const sign of SIGNS_OF_LIFE) window.removeEventListener(sign, this.touch, { capture: true });
      document.removeEventListener('visibilitychange', woken);
      window.removeEventListener('pagehide', gone);
    };
  }
}
