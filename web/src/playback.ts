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
import { Clip, type Said } from './clip';
import { Loudness, SOON_S } from './loudness';
import type { ChunkHead, ClientEvent, Hush } from './protocol';

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

/** Where in a response it is to go on. */
export interface Place {
  chunkId: string;
  fromMs: number;
}

/** A first sample is scheduled this far ahead, so that it is not late when the audio thread learns of it. By then a fade is over. */
const LEAD_S = 0.02;
/** A following chunk joins the one before if it was scheduled this long before its time. */
const JOIN_S = 0.005;
/** Speech stopped mid-sound fades this long, or it would click. */
const FADE_S = 0.003;
/** Decoded this far ahead: a minute of decoded speech takes 11 MB, and most of it may never be heard. */
const AHEAD_S = 10;
/** 12 dB less. */
const QUIET_GAIN = 10 ** (-12 / 20);
/** So many chunks that were heard are kept: a reply that was held may go on from a word before. */
const PAST_CHUNKS = 3;
const TICK_MS = 40;
const REPORT_EVERY_MS = 200;

export class Playback {
  /** All that is heard passes here, for the meter and the peak. */
  readonly analyser: AnalyserNode;
  private readonly samples: Float32Array<ArrayBuffer>;
  private readonly assembler = new ChunkAssembler();
  private waiting: Chunk[] = [];
  /** Scheduled, and not yet heard to its end. */
  private clips: Clip[] = [];
  /** What was heard last. */
  private past: Clip[] = [];
  /** Responses that are silent for now, each with what it goes on with. */
  private readonly held = new Map<string, Clip[]>();
  /** One volume for each response, so that one can fade while the next begins. */
  private readonly volumes = new Map<string, Loudness>();
  private readonly cleared = new Set<string>();
  /** What will have been heard of each message after all that was decoded of it. */
  private readonly decoded = new Map<string, Said>();
  /** The loudest sample of each message. */
  private readonly peaks = new Map<string, number>();
  /** The first frame after everything scheduled. Whole frames: a start between two frames would be resampled. */
  private nextFrame = 0;
  private decoding = false;
  private closed = false;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly context: AudioContext,
    private readonly handlers: PlaybackHandlers,
    /** How much later than the context's clock says sound leaves the device, in seconds. */
    private readonly latency: () => number,
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

  /** Somebody may be speaking over a response: it is played quietly, or held where it is. */
  duck(responseId: string, hush: Hush): void {
    if (this.closed || this.cleared.has(responseId) || this.held.has(responseId)) return;
    if (hush === 'silent') this.hold(responseId);
    else this.volume(responseId).change(QUIET_GAIN, this.context.currentTime);
  }

  /** A response is as loud as before. If it was held it goes on: from this place, or from where it stopped if none is named. */
  resume(responseId: string, place: Place | null): void {
    const now = this.context.currentTime;
    const kept = this.held.get(responseId);
    if (!kept) return void this.volumes.get(responseId)?.change(1, now);
    this.held.delete(responseId);
    const clips = this.stepBack(responseId, kept, place);
    for (const clip of clips) this.play(clip);
    this.volume(responseId).change(1, now, clips[0]?.startS);
    void this.pump();
  }

  /** Stops a response at once and forgets what is still to come of it. */
  clear(responseId: string): void {
    if (this.cleared.has(responseId)) return;
    this.tick();
    this.cleared.add(responseId);
    const [stopped, others] = parted(this.clips, responseId);
    this.clips = others;
    this.past = parted(this.past, responseId)[1];
    this.waiting = parted(this.waiting, responseId)[1];
    this.held.delete(responseId);
    const now = this.context.currentTime;
    this.volumes.get(responseId)?.change(0, now, now, FADE_S);
    this.volumes.delete(responseId);
    for (const clip of stopped) {
      clip.stop(now + FADE_S);
      if (clip.reportedMs !== null) this.report(clip);
    }
    this.queueFromHere();
  }

  /** Stops everything for good; the context stays the owner's to close. */
  close(): void {
    for (const responseId of new Set(this.clips.map((clip) => clip.head.response_id))) this.clear(responseId);
    this.closed = true;
    this.waiting = [];
    this.held.clear();
    this.settle();
  }

  /** Fades a response out, and keeps what is left of it. What is heard while it fades will be heard again. */
  private hold(responseId: string): void {
    this.tick();
    const now = this.context.currentTime;
    const placeS = now + SOON_S;
    const silentS = this.volume(responseId).change(0, now, placeS);
    const [stopped, others] = parted(this.clips, responseId);
    const kept: Clip[] = [];
    for (const clip of stopped) {
      clip.stop(silentS);
      // What has left the context is on its way to the ear: it counts as heard.
      const ended = clip.startS <= placeS && this.follow(clip, placeS);
      if (ended) continue;
      kept.push(clip);
      if (clip.reportedMs !== null && clip.reportedMs !== clip.playedMs) this.report(clip);
    }
    this.clips = others;
    this.held.set(responseId, kept);
    this.queueFromHere();
  }

  /** What a held response goes on with. Sound that was not heard is never skipped. */
  private stepBack(responseId: string, kept: Clip[], place: Place | null): Clip[] {
    const [past, others] = parted(this.past, responseId);
    const at = past.findIndex(({ head }) => head.chunk_id === place?.chunkId);
    if (place && at >= 0) {
      this.past = [...others, ...past.slice(0, at)];
      const clips = [...past.slice(at), ...kept];
      clips.forEach((clip, index) => clip.seek(index === 0 ? place.fromMs : 0));
      return clips;
    }
    const [first] = kept;
    const isNamed = first?.head.chunk_id === place?.chunkId;
    first?.seek(place && isNamed ? Math.min(place.fromMs, first.playedMs) : first.playedMs);
    return kept;
  }

  /** Decodes and schedules what waits, in order, one chunk at a time. */
  private async pump(): Promise<void> {
    if (this.decoding) return;
    this.decoding = true;
    while (this.nextFrame / this.context.sampleRate - this.context.currentTime < AHEAD_S) {
      const next = this.waiting.findIndex(({ head }) => !this.held.has(head.response_id));
      if (next < 0) break;
      const { head, wav } = this.waiting.splice(next, 1)[0]!;
      const buffer = await this.context.decodeAudioData(wav).catch(() => null);
      if (this.closed) break;
      if (this.cleared.has(head.response_id)) continue;
      if (buffer) this.take(head, buffer);
      else this.handlers.report({ type: 'sotto.playout', chunk_id: head.chunk_id, played_ms: 0 });
    }
    this.decoding = false;
  }

  private take(head: ChunkHead, buffer: AudioBuffer): void {
    const clip = new Clip(head, buffer, this.decoded.get(head.item_id) ?? { text: '', heardMs: 0 });
    this.decoded.set(head.item_id, clip.whole());
    const kept = this.held.get(head.response_id);
    if (kept) kept.push(clip);
    else this.play(clip);
  }

  /** Schedules a clip after all others. */
  private play(clip: Clip): void {
    const rate = this.context.sampleRate;
    const now = this.context.currentTime;
    const inTime = this.nextFrame / rate >= now + JOIN_S;
    const startFrame = inTime ? this.nextFrame : Math.ceil((now + LEAD_S) * rate);
    this.nextFrame = clip.start(this.context, this.volume(clip.head.response_id).node, startFrame);
    this.clips.push(clip);
    this.timer ??= setInterval(() => this.tick(), TICK_MS);
  }

  /** Brings what was heard, and what is reported of it, up to the clock. */
  private tick(): void {
    const heardS = this.context.currentTime - this.latency();
    for (let clip = this.clips[0]; clip && heardS >= clip.startS; clip = this.clips[0]) {
      if (!this.follow(clip, heardS)) break;
      this.clips.shift();
    }
    this.settle();
    void this.pump();
  }

  /** Brings one clip up to a time; whether it was heard to its end. */
  private follow(clip: Clip, timeS: number): boolean {
    if (clip.reportedMs === null) this.report(clip);
    const ended = clip.advance(timeS);
    this.tell(clip);
    if (ended) this.past = [...this.past, clip].slice(-PAST_CHUNKS);
    if (ended || clip.playedMs - (clip.reportedMs ?? 0) >= REPORT_EVERY_MS) this.report(clip);
    return ended;
  }

  private tell(clip: Clip): void {
    const { response_id: responseId, item_id: itemId } = clip.head;
    const { text, heardMs } = clip.said();
    const peak = Math.max(this.peaks.get(itemId) ?? 0, this.loudest());
    this.peaks.set(itemId, peak);
    this.handlers.heard({ responseId, itemId, text, heardMs: Math.round(heardMs), peak });
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

  private volume(responseId: string): Loudness {
    const known = this.volumes.get(responseId);
    if (known) return known;
    for (const [id, old] of this.volumes) {
      if (this.held.has(id) || this.clips.some((clip) => clip.head.response_id === id)) continue;
      old.node.disconnect();
      this.volumes.delete(id);
    }
    const node = this.context.createGain();
    node.connect(this.analyser);
    const volume = new Loudness(node);
    this.volumes.set(responseId, volume);
    return volume;
  }

  /** Clips were taken out: what comes next follows those that are left. */
  private queueFromHere(): void {
    const last = this.clips.at(-1);
    this.nextFrame = last ? Math.round(last.endS * this.context.sampleRate) : 0;
    this.settle();
  }

  /** Rests when nothing plays. */
  private settle(): void {
    if (this.clips.length > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }
}

/** What belongs to a response, and what does not. */
function parted<T extends { head: ChunkHead }>(all: T[], responseId: string): [T[], T[]] {
  const belongs = ({ head }: T) => head.response_id === responseId;
  return [all.filter(belongs), all.filter((each) => !belongs(each))];
}
