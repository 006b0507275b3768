/** Everything that is heard and measured in one call, on one clock. */
import { Meter, type LevelHandlers } from './level';
import { outputLatency } from './output-latency';
import { Playback, type PlaybackHandlers } from './playback';
import { Remote, type Measured } from './remote';

export interface SoundHandlers extends PlaybackHandlers, LevelHandlers {
  measured(measured: Measured): void;
  /** The browser does not play: it waits for a touch, or there is nothing to play on. */
  stuck(): void;
}

/** Choosing where sound goes is younger than some browsers and their type definitions. */
interface Steerable {
  setSinkId?(id: string): Promise<void>;
}

/** The last samples fade before the context is closed. */
const CLOSE_AFTER_MS = 60;
const STUCK_AFTER_MS = 4_000;

export class Sound {
  /** Replies that come as chunks. */
  readonly speech: Playback;
  /** Replies that come as a track. */
  readonly track: Remote;
  private readonly context = new AudioContext({ latencyHint: 'interactive' });
  private readonly meter: Meter;
  private readonly over = new AbortController();

  /** To be made while a click is handled: only then may a page begin to sound. */
  constructor(
    private readonly element: HTMLAudioElement,
    handlers: SoundHandlers,
  ) {
    this.speech = new Playback(this.context, handlers, () => outputLatency(this.context, navigator.userAgent));
    this.track = new Remote(this.context, element, handlers.measured);
    this.meter = new Meter(this.context, [this.speech.analyser, this.track.analyser], handlers);
    this.wake();
    // Phones silence a page when they ring or are locked; it wakes by itself, or with the next touch.
    const { signal } = this.over;
    this.context.addEventListener('statechange', () => this.wake(), { signal });
    document.addEventListener('visibilitychange', () => this.wake(), { signal });
    document.addEventListener('pointerdown', () => this.wake(), { signal });
    setTimeout(() => {
      if (!signal.aborted && this.context.state !== 'running') handlers.stuck();
    }, STUCK_AFTER_MS);
  }

  /** Measures this microphone from now on. */
  listen(stream: MediaStream): void {
    this.meter.listen(stream);
  }

  /** Sends sound to a chosen device; the empty id is the system's choice. One that is gone changes nothing. */
  async playOn(deviceId: string): Promise<void> {
    for (const target of [this.context as Steerable, this.element as Steerable]) {
      await target.setSinkId?.(deviceId).catch(() => undefined);
    }
  }

  close(): void {
    this.over.abort();
    this.speech.close();
    this.track.close();
    this.meter.stop();
    setTimeout(() => void this.context.close(), CLOSE_AFTER_MS);
  }

  private wake(): void {
    if (this.over.signal.aborted || this.context.state === 'running' || this.context.state === 'closed') return;
    void this.context.resume().catch(() => undefined);
  }
}
