/** One decoded chunk of speech: from where it plays, since when, and how far it has come. */
import { heardText, joinText } from './heard';
import type { ChunkHead } from './protocol';

/** What was heard of a message. */
export interface Said {
  text: string;
  heardMs: number;
}

export class Clip {
  startS = Infinity;
  endS = Infinity;
  playedMs = 0;
  /** What the server was told last; null while it does not know that this chunk plays. */
  reportedMs: number | null = null;
  private source: AudioBufferSourceNode | null = null;
  private fromMs = 0;

  /** `before`: what is heard of its message by the time it begins. */
  constructor(
    readonly head: ChunkHead,
    private readonly buffer: AudioBuffer,
    private readonly before: Said,
  ) {}

  /** Plays from where it stands, beginning with this frame of the context. Gives the first frame after it. */
  start(context: AudioContext, through: AudioNode, frame: number): number {
    const rate = context.sampleRate;
    const skipped = Math.min(Math.round((this.playedMs * rate) / 1000), this.buffer.length);
    const end = frame + this.buffer.length - skipped;
    const source = context.createBufferSource();
    source.buffer = this.buffer;
    source.connect(through);
    source.onended = () => source.disconnect();
    source.start(frame / rate, skipped / rate);
    Object.assign(this, { source, fromMs: this.playedMs, startS: frame / rate, endS: end / rate });
    return end;
  }

  stop(atS: number): void {
    this.source?.stop(atS);
  }

  /** Brings it up to the clock. Whether it was heard to its end. */
  advance(timeS: number): boolean {
    const ended = timeS >= this.endS;
    const { duration_ms: durationMs } = this.head;
    const ms = ended ? durationMs : Math.min(durationMs, this.fromMs + (timeS - this.startS) * 1000);
    this.playedMs = Math.max(this.playedMs, ms);
    return ended;
  }

  /** It is to go on from here; the server is told when it does. */
  seek(ms: number): void {
    this.playedMs = Math.min(Math.max(ms, 0), this.head.duration_ms);
    this.reportedMs = null;
  }

  /** What has been heard of its message by now. */
  said(): Said {
    const { text, heardMs } = this.before;
    return { text: joinText(text, heardText(this.head, this.playedMs)), heardMs: heardMs + this.playedMs };
  }

  /** What will have been heard of its message at its end. */
  whole(): Said {
    const { text, heardMs } = this.before;
    return { text: joinText(text, this.head.text), heardMs: heardMs + this.head.duration_ms };
  }
}
