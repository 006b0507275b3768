/** How loud the microphone and the reply are, frame by frame, while a call is on. */

export interface Levels {
  /** 0 (silence) to 1 (loud). */
  microphone: number;
  reply: number;
  /** Since the call began. */
  seconds: number;
}

export interface LevelHandlers {
  draw(levels: Levels): void;
  /** Not a single sample came from the microphone since the call began. */
  silent(): void;
}

/** Speech lies between these, for a microphone with gain control. */
const QUIET_DB = -58;
const LOUD_DB = -14;
/** A level rises at once and falls slowly, as the eye expects of a meter. */
const RISE = 0.5;
const FALL = 0.12;
const SILENT_AFTER_S = 8;
const WINDOW = 1024;

export class Meter {
  private microphone: AnalyserNode | null = null;
  private source: MediaStreamAudioSourceNode | null = null;
  private readonly samples = new Float32Array(WINDOW);
  private readonly levels: Levels = { microphone: 0, reply: 0, seconds: 0 };
  private frame = 0;
  private heardSomething = false;

  /** `replies` are the places where a reply can be heard; the loudest counts. */
  constructor(
    private readonly context: AudioContext,
    private readonly replies: AnalyserNode[],
    private readonly handlers: LevelHandlers,
  ) {
    const startedMs = performance.now();
    const step = () => {
      this.levels.seconds = (performance.now() - startedMs) / 1000;
      this.measure();
      this.handlers.draw(this.levels);
      this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  /** Listens to this microphone from now on. */
  listen(stream: MediaStream): void {
    this.source?.disconnect();
    this.source = this.context.createMediaStreamSource(stream);
    this.microphone = this.context.createAnalyser();
    this.microphone.fftSize = WINDOW;
    this.source.connect(this.microphone);
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    this.source?.disconnect();
    this.handlers.draw({ microphone: 0, reply: 0, seconds: 0 });
  }

  private measure(): void {
    const microphone = this.microphone ? this.level(this.microphone) : 0;
    const reply = Math.max(0, ...this.replies.map((analyser) => this.level(analyser)));
    this.levels.microphone = eased(this.levels.microphone, microphone);
    this.levels.reply = eased(this.levels.reply, reply);
    this.listenForSilence();
  }

  private listenForSilence(): void {
    if (this.heardSomething || !this.microphone) return;
    this.microphone.getFloatTimeDomainData(this.samples);
    this.heardSomething = this.samples.some((sample) => sample !== 0);
    // By the context's clock: as long as that stands still nothing was listened to.
    if (this.heardSomething || this.context.currentTime < SILENT_AFTER_S) return;
    this.heardSomething = true;
    this.handlers.silent();
  }

  private level(analyser: AnalyserNode): number {
    analyser.getFloatTimeDomainData(this.samples);
    const power = this.samples.reduce((sum, sample) => sum + sample * sample, 0) / this.samples.length;
    const db = 10 * Math.log10(power + 1e-12);
    return Math.min(1, Math.max(0, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
  }
}

function eased(from: number, to: number): number {
  return from + (to - from) * (to > from ? RISE : FALL);
}
