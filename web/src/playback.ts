/**
 * Plays chunks of speech one after the other without a gap, and reports how much of them was heard.
 *
 * Echo: the sound goes straight to the context's destination, not through a MediaStream into an <audio> element.
 * The microphone's echo canceller must know what is played. Current Chrome takes as its reference all that the browser
 * plays; Firefox the mix of its audio graph, which an AudioContext at the default rate shares with the microphone;
 * Safari lets the system cancel whatever leaves the device. A local stream in an element adds nothing to that, but a
 * second clock and a delay that no interface tells between what we schedule and what is heard: the reports would be wrong.
 * A browser in which this is not enough can be given the Opus track instead: `?output=track`, see remote.ts.
 */
import { ChunkAssembler, type Chunk } from './chunks';
import { heardText, joinText } from './heard';
import type { ChunkHead, ClientEvent } from './protocol';

/** How much of one assistant message has been heard. */
export interface Heard {
  responseId: string;
  itemId: string;
  text: string;
  heardMs: number;
  /** The loudest sample so far, 0 to 1. */
  peak: number;
}

export interface PlaybackHandlers {
  report(event: ClientEvent & { type: 'sotto.playout' }): void;
  heard(heard: Heard): void;
}

/** A first sample is scheduled this far ahead, so that it is not late when the audio thread learns of it. */
const LEAD_S = 0.02;
/** A following chunk joins the one before if it was scheduled this long before its time. */
const JOIN_S = 0.005;
/** Speech stopped mid-sound fades this long, or it would click. */
const FADE_S = 0.003;
/** Decoded this far ahead: a minute of decoded speech takes 11 MB, and most of it may never be heard. */
const AHEAD_S = 10;
const DUCKED_GAIN = 0.2;
const DUCK_TIME_CONSTANT_S = 0.03;
const TICK_MS = 40;
const REPORT_EVERY_MS = 200;
/** A longer output delay than this is a broken report of the browser. */
const MAX_OUTPUT_LATENCY_S = 0.5;

/** A chunk that is scheduled and not yet heard to its end. */
interface Clip {
  head: ChunkHead;
  source: AudioBufferSourceNode;
  startS: number;
  endS: number;
  playedMs: number;
  reportedMs: number | null;
}

/** What was heard of a message before the chunk that is playing. */
interface Tally {
  text: string;
  heardMs: number;
  peak: number;
}

export class Playback {
  /** All that is heard passes here, for the meter and the peak. */
  readonly analyser: AnalyserNode;
  private readonly samples: Float32Array<ArrayBuffer>;
  private readonly assembler = new ChunkAssembler();
  private waiting: Chunk[] = [];
  private clips: Clip[] = [];
  /** One volume for each response, so that one can fade while the next begins. */
  private readonly volumes = new Map<string, GainNode>();
  private readonly cleared = new Set<string>();
  private readonly tallies = new Map<string, Tally>();
  /** The first frame after everything scheduled. Whole frames: a start between two frames would be resampled. */
  private nextFrame = 0;
  private decoding = false;
  private closed = false;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly context: AudioContext,
    private readonly handlers: PlaybackHandlers,
  ) {
    this.analyser = context.createAnalyser();
    this.analyser.fftSize = 2048;
    this.analyser.connect(context.destination);
    this.samples = new Float32Array(this.analyser.fftSize);
  }

  /** Takes a message of the channel `sotto-audio`. */
  receive(message: string | ArrayBuffer): void {
    const chunk = this.assembler.push(message);
    if (!chunk || this.closed || this.cleared.has(chunk.head.response_id)) return;
    this.waiting.push(chunk);
    void this.pump();
  }

  /** Plays quietly while the server decides whether it was interrupted; all responses if none is named. */
  duck(responseId: string | null): void {
    this.setVolume(responseId, DUCKED_GAIN);
  }

  resume(responseId: string | null): void {
    this.setVolume(responseId, 1);
  }

  /** Stops a response at once and forgets what is still to come of it. */
  clear(responseId: string): void {
    if (this.cleared.has(responseId)) return;
    this.tick();
    this.cleared.add(responseId);
    this.waiting = this.waiting.filter((chunk) => chunk.head.response_id !== responseId);
    this.fade(responseId);
    const stopped = this.clips.filter((clip) => clip.head.response_id === responseId);
    this.clips = this.clips.filter((clip) => clip.head.response_id !== responseId);
    for (const clip of stopped) {
      clip.source.stop(this.context.currentTime + FADE_S);
      if (clip.reportedMs !== null) this.report(clip);
    }
    const last = this.clips.at(-1);
    this.nextFrame = last ? Math.round(last.endS * this.context.sampleRate) : 0;
    this.settle();
  }

  /** Stops everything for good; the context stays the owner's to close. */
  close(): void {
    for (const responseId of new Set(this.clips.map((clip) => clip.head.response_id))) this.clear(responseId);
    this.closed = true;
    this.waiting = [];
    this.settle();
  }

  /** Decodes and schedules what waits, in order, one chunk at a time. */
  private async pump(): Promise<void> {
    if (this.decoding) return;
    this.decoding = true;
    while (this.nextFrame / this.context.sampleRate - this.context.currentTime < AHEAD_S) {
      const chunk = this.waiting.shift();
      if (!chunk) break;
      const { head, wav } = chunk;
      const buffer = await this.context.decodeAudioData(wav).catch(() => null);
      if (this.closed) break;
      if (this.cleared.has(head.response_id)) continue;
      if (buffer) this.schedule(head, buffer);
      else this.handlers.report({ type: 'sotto.playout', chunk_id: head.chunk_id, played_ms: 0 });
    }
    this.decoding = false;
  }

  private schedule(head: ChunkHead, buffer: AudioBuffer): void {
    const rate = this.context.sampleRate;
    const now = this.context.currentTime;
    const inTime = this.nextFrame / rate >= now + JOIN_S;
    const startFrame = inTime ? this.nextFrame : Math.ceil((now + LEAD_S) * rate);
    this.nextFrame = startFrame + buffer.length;
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.volume(head.response_id));
    source.onended = () => source.disconnect();
    source.start(startFrame / rate);
    this.clips.push({
      head,
      source,
      startS: startFrame / rate,
      endS: this.nextFrame / rate,
      playedMs: 0,
      reportedMs: null,
    });
    this.timer ??= setInterval(() => this.tick(), TICK_MS);
  }

  /** Brings what was heard, and what is reported of it, up to the clock. */
  private tick(): void {
    const heardS = this.context.currentTime - this.outputLatency();
    for (let clip = this.clips[0]; clip && heardS >= clip.startS; clip = this.clips[0]) {
      if (clip.reportedMs === null) this.report(clip);
      const ended = heardS >= clip.endS;
      const playedMs = ended ? clip.head.duration_ms : Math.min(clip.head.duration_ms, (heardS - clip.startS) * 1000);
      clip.playedMs = Math.max(clip.playedMs, playedMs);
      this.tell(clip, ended);
      if (ended) this.clips.shift();
      if (ended || clip.playedMs - (clip.reportedMs ?? 0) >= REPORT_EVERY_MS) this.report(clip);
      if (!ended) break;
    }
    this.settle();
    void this.pump();
  }

  private tell(clip: Clip, ended: boolean): void {
    const { response_id: responseId, item_id: itemId } = clip.head;
    const before = this.tallies.get(itemId) ?? { text: '', heardMs: 0, peak: 0 };
    const now = {
      text: joinText(before.text, heardText(clip.head, clip.playedMs)),
      heardMs: before.heardMs + clip.playedMs,
      peak: Math.max(before.peak, this.loudest()),
    };
    this.tallies.set(itemId, ended ? now : { ...before, peak: now.peak });
    this.handlers.heard({ responseId, itemId, ...now, heardMs: Math.round(now.heardMs) });
  }

  private report(clip: Clip): void {
    clip.reportedMs = clip.playedMs;
    this.handlers.report({
      type: 'sotto.playout',
      chunk_id: clip.head.chunk_id,
      played_ms: Math.round(clip.playedMs),
    });
  }

  private loudest(): number {
    this.analyser.getFloatTimeDomainData(this.samples);
    return this.samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
  }

  /** Sound leaves the device later than the context's clock says: by this much, where the browser knows. */
  private outputLatency(): number {
    const latency = this.context.outputLatency || this.context.baseLatency || 0;
    return Math.min(Math.max(latency, 0), MAX_OUTPUT_LATENCY_S);
  }

  private volume(responseId: string): GainNode {
    const known = this.volumes.get(responseId);
    if (known) return known;
    for (const [id, old] of this.volumes) {
      if (this.clips.some((clip) => clip.head.response_id === id)) continue;
      old.disconnect();
      this.volumes.delete(id);
    }
    const volume = this.context.createGain();
    volume.connect(this.analyser);
    this.volumes.set(responseId, volume);
    return volume;
  }

  private setVolume(responseId: string | null, gain: number): void {
    for (const [id, volume] of this.volumes) {
      if (responseId !== null && id !== responseId) continue;
      volume.gain.cancelScheduledValues(this.context.currentTime);
      volume.gain.setTargetAtTime(gain, this.context.currentTime, DUCK_TIME_CONSTANT_S);
    }
  }

  private fade(responseId: string): void {
    const gain = this.volumes.get(responseId)?.gain;
    const now = this.context.currentTime;
    gain?.cancelScheduledValues(now);
    gain?.setValueAtTime(gain.value, now);
    gain?.linearRampToValueAtTime(0, now + FADE_S);
    this.volumes.delete(responseId);
  }

  /** Rests when nothing plays. */
  private settle(): void {
    if (this.clips.length > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}
