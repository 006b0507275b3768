/** Plays the reply as the Opus track that the server sends (`?output=track`), and measures it. */

export interface Measured {
  responseId: string;
  heardMs: number;
  /** The loudest sample so far, 0 to 1. */
  peak: number;
}

const TICK_MS = 40;

export class Remote {
  /** Listens along; what is heard comes from the element. */
  readonly analyser: AnalyserNode;
  private readonly samples: Float32Array<ArrayBuffer>;
  private reply: { responseId: string; startedS: number; peak: number } | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly context: AudioContext,
    private readonly element: HTMLAudioElement,
    private readonly measured: (measured: Measured) => void,
  ) {
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = 2048;
    this.samples = new Float32Array(this.analyser.fftSize);
  }

  /** Takes the track; echo cancellers know remote tracks in elements best of all. */
  attach(stream: MediaStream): void {
    this.element.srcObject = stream;
    void this.element.play().catch(() => undefined);
    this.context.createMediaStreamSource(stream).connect(this.analyser);
  }

  /** The server says that the reply begins to play. */
  begin(responseId: string): void {
    this.end();
    this.reply = { responseId, startedS: this.context.currentTime, peak: 0 };
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  /** The server says that it was played to its end, or cut. */
  end(): void {
    this.tick();
    clearInterval(this.timer);
    this.reply = null;
  }

  close(): void {
    this.end();
    this.element.srcObject = null;
  }

  private tick(): void {
    if (!this.reply) return;
    this.analyser.getFloatTimeDomainData(this.samples);
    const loudest = this.samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
    this.reply.peak = Math.max(this.reply.peak, loudest);
    const heardMs = Math.round((this.context.currentTime - this.reply.startedS) * 1000);
    this.measured({ responseId: this.reply.responseId, heardMs, peak: this.reply.peak });
  }
}
