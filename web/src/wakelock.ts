/** Keeps the screen on during a call, where browsers can: a phone that locks its screen ends the call. */
export class WakeLock {
  private wanted = false;
  private asking = false;
  private lock: WakeLockSentinel | null = null;

  constructor() {
    // The lock is lost whenever the page is hidden.
    document.addEventListener('visibilitychange', () => void this.take());
  }

  hold(wanted: boolean): void {
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    if (wanted) void this.take();
    else this.leave();
  }

  /** Takes the one lock, and no second: one that nobody remembers would keep the screen on for good. */
  private async take(): Promise<void> {
    const isHeld = this.asking || (this.lock !== null && !this.lock.released);
    if (!this.wanted || isHeld || document.visibilityState !== 'visible') return;
    this.asking = true;
    this.lock = (await navigator.wakeLock?.request('screen').catch(() => null)) ?? null;
    this.asking = false;
    if (!this.wanted) this.leave();
  }

  private leave(): void {
    void this.lock?.release().catch(() => undefined);
    this.lock = null;
  }
}
