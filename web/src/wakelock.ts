/** Keeps the screen on during a call, where browsers can: a phone that locks its screen ends the call. */
export class WakeLock {
  private wanted = false;
  private lock: WakeLockSentinel | null = null;

  constructor() {
    // The lock is lost whenever the page is hidden.
    document.addEventListener('visibilitychange', () => void this.take());
  }

  hold(wanted: boolean): void {
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    if (wanted) void this.take();
    else void this.lock?.release().catch(() => undefined);
  }

  private async take(): Promise<void> {
    if (!this.wanted || document.visibilityState !== 'visible') return;
    const lock = await navigator.wakeLock?.request('screen').catch(() => null);
    if (!lock) return;
    this.lock = lock;
    if (!this.wanted) await lock.release();
  }
}
