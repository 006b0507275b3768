/** What both sides said, in the order in which they began. The assistant's words are those that were heard. */
import { joinText } from './heard';
import type { Heard } from './playback';
import type { TurnRecord } from './turn-record';

export interface Caption {
  id: string;
  role: 'user' | 'assistant';
  text: string;
  /** What was heard after `text` and may still change; only while the person speaks. */
  tail: string;
  /**
   * `open`: still being said or written down. `done`: complete. `cut`: interrupted, the text ends where it was cut.
   * `failed`: could not be written down.
   */
  phase: 'open' | 'done' | 'cut' | 'failed';
  /** Whether the server has written it down; `never` where it keeps nothing. */
  saved: 'saved' | 'pending' | 'failed' | 'never';
  seq: number | null;
  /** Said or typed. */
  via: 'voice' | 'text';
  atMs: number;
  heardMs: number;
  /** The loudest sample heard, 0 to 1. */
  peak: number;
  /** Why the server did what it did with it, paragraph by paragraph. */
  why: string[];
  /** How the person's turn went, in numbers. */
  record?: TurnRecord;
}

/** Of a long reply over which many things were said, the last are worth reading. */
const REASONS = 3;

export class Captions {
  readonly list: Caption[] = [];
  /** Items whose turn is over; until then an item may turn out to have been no turn at all. */
  private readonly committed = new Set<string>();
  /** Which messages a response consists of. */
  private readonly items = new Map<string, string[]>();
  /** The whole text of a message, heard or not. */
  private readonly whole = new Map<string, string>();
  /** Messages whose text comes as it is made: it runs ahead of what was heard of it. */
  private readonly ahead = new Set<string>();
  /** Items in which nothing was said. */
  private readonly silences = new Set<string>();
  /** The server writes down what is said. */
  private kept = false;

  constructor(private readonly now: () => number = Date.now) {}

  /** Known once the server has said it, and before anybody has said anything. */
  keep(kept: boolean): void {
    this.kept = kept;
    for (const caption of this.list) {
      if (caption.saved === 'never' && kept) caption.saved = 'pending';
      if (caption.saved === 'pending' && !kept) caption.saved = 'never';
    }
  }

  stored(itemId: string, seq: number): void {
    Object.assign(this.list.find((caption) => caption.id === itemId) ?? {}, { saved: 'saved', seq });
  }

  notStored(itemId: string): void {
    Object.assign(this.list.find((caption) => caption.id === itemId) ?? {}, { saved: 'failed' });
  }

  /** The person typed instead of speaking. */
  personTyped(itemId: string, text: string): void {
    this.committed.add(itemId);
    Object.assign(this.caption(itemId, 'user'), { text, phase: 'done', via: 'text' });
  }

  /** The person began to speak. */
  personSpeaks(itemId: string): void {
    this.dropUncommitted();
    this.caption(itemId, 'user');
  }

  /** Nobody said anything for long; the item stands for that. */
  personSilent(itemId: string): void {
    this.silences.add(itemId);
  }

  personCommitted(itemId: string): void {
    if (this.silences.has(itemId)) return;
    this.committed.add(itemId);
    this.caption(itemId, 'user');
  }

  /** More of what the person is saying. */
  personWords(itemId: string, delta: string): void {
    const caption = this.caption(itemId, 'user');
    if (caption.phase === 'open') caption.text += delta;
  }

  /** What the person is saying: words that are sure, and some that may change. */
  personMurmurs(itemId: string, stable: string, tail: string): void {
    const caption = this.caption(itemId, 'user');
    if (caption.phase === 'open') Object.assign(caption, { text: stable, tail });
  }

  personSaid(itemId: string, transcript: string): void {
    const text = transcript.trim();
    if (!text) return this.remove(itemId);
    this.committed.add(itemId);
    Object.assign(this.caption(itemId, 'user'), { text, tail: '', phase: 'done' });
  }

  personNotUnderstood(itemId: string): void {
    this.committed.add(itemId);
    // What was shown meanwhile is no part of the conversation.
    Object.assign(this.caption(itemId, 'user'), { text: '', tail: '', phase: 'failed' });
  }

  /** A noise, or a murmur that did not interrupt: what was begun was no turn. */
  dropUncommitted(): void {
    const stray = (each: Caption) => each.role === 'user' && each.phase === 'open' && !this.committed.has(each.id);
    for (const each of this.list.filter(stray)) this.remove(each.id);
  }

  /** The message belongs to the response. */
  belongs(itemId: string, responseId: string): void {
    const items = this.items.get(responseId) ?? [];
    if (!items.includes(itemId)) this.items.set(responseId, [...items, itemId]);
  }

  /** Text that is heard, or read, as it comes. */
  append(itemId: string, responseId: string, delta: string): void {
    this.belongs(itemId, responseId);
    this.ahead.add(itemId);
    const caption = this.caption(itemId, 'assistant');
    if (caption.phase === 'open') caption.text = joinText(caption.text, delta);
  }

  heard({ itemId, responseId, text, heardMs, peak }: Heard): void {
    this.belongs(itemId, responseId);
    const caption = this.caption(itemId, 'assistant');
    if (caption.phase === 'open') Object.assign(caption, { text, heardMs, peak });
  }

  measured(responseId: string, heardMs: number, peak: number): void {
    const caption = this.of(responseId).at(-1);
    if (caption?.phase === 'open') Object.assign(caption, { heardMs, peak });
  }

  /** The whole text of a message is known; it is shown once it was heard to its end. */
  wholeText(itemId: string, responseId: string, text: string): void {
    this.belongs(itemId, responseId);
    this.whole.set(itemId, text.trim());
  }

  /** A response was heard to its end. */
  finish(responseId: string): void {
    for (const caption of this.of(responseId)) {
      if (caption.phase !== 'open') continue;
      caption.phase = 'done';
      caption.text = this.whole.get(caption.id) ?? caption.text;
    }
  }

  /** A response was cut; what was heard of it stays. */
  cut(responseId: string): void {
    for (const caption of this.of(responseId)) this.cutItem(caption.id);
  }

  /** A message was cut. `heard` is what was heard of it, if the server says; text that ran ahead is shortened to it. */
  cutItem(itemId: string, heard: string | null = null): void {
    const caption = this.list.find((each) => each.id === itemId && each.role === 'assistant');
    if (caption?.phase !== 'open') return;
    if (heard !== null && this.ahead.has(itemId)) caption.text = heard;
    if (!caption.text.trim()) return this.remove(itemId);
    const heardWhole = !this.ahead.has(itemId) && caption.text.trim() === this.whole.get(itemId);
    caption.phase = heardWhole ? 'done' : 'cut';
  }

  /** Why the person was waited for, or not, and what it took to answer. */
  explainTurn(itemId: string | null, why: string, record: TurnRecord): void {
    const caption = this.list.find(({ id }) => id === itemId);
    if (caption && why) Object.assign(caption, { why: [why], record });
  }

  /** Why a response was stopped, or went on. */
  explainReply(responseId: string, why: string): void {
    const caption = this.of(responseId).at(-1);
    if (caption) caption.why = [...caption.why, why].slice(-REASONS);
  }

  /** The call is over: nothing more will come. */
  close(): void {
    for (const caption of this.list.filter((each) => each.phase === 'open')) {
      if (caption.role === 'assistant') this.cutItem(caption.id);
      else this.remove(caption.id);
    }
  }

  private of(responseId: string): Caption[] {
    const items = this.items.get(responseId) ?? [];
    return this.list.filter((caption) => items.includes(caption.id));
  }

  private caption(id: string, role: Caption['role']): Caption {
    const known = this.list.find((caption) => caption.id === id);
    if (known) return known;
    const saved = this.kept ? 'pending' : 'never';
    const caption: Caption = { id, role, text: '', tail: '', phase: 'open', saved, seq: null, via: 'voice', atMs: this.now(), heardMs: 0, peak: 0, why: [] };
    this.list.push(caption);
    return caption;
  }

  private remove(id: string): void {
    const at = this.list.findIndex((caption) => caption.id === id);
    if (at >= 0) this.list.splice(at, 1);
  }
}
