/** The turns of one conversation as they are shown: what is stored, what is on its way, and what could not be kept. */
import type { Caption } from './captions';
import type { ContextTurn, Role, Via } from './contract';
import type { StreamEvent } from './sse';
import type { TurnRecord } from './turn-record';
import { whyTurn } from './why';

export interface Turn {
  /** Stays the same as long as it is shown, whatever the server calls it. */
  key: string;
  /** The server's name for it; null until it has one. */
  id: string | null;
  seq: number | null;
  role: Role;
  text: string;
  /** What was heard after it and may still change. */
  tail?: string;
  /** As with captions; `lost`: what is stored cannot be read. */
  phase: Caption['phase'] | 'lost';
  via: Via;
  atMs: number;
  /** `never`: nothing of this conversation is written down, so there is nothing to wait for. */
  saved: 'saved' | 'pending' | 'failed' | 'never';
  /** The item that this one takes the place of. */
  replaces?: string;
  heardMs?: number;
  peak?: number;
  /** Why the server did what it did with it; of a reply it is known as long as the page is. */
  why?: string[];
  /** How a spoken turn went, in numbers. */
  record?: TurnRecord;
}

export type Known = Pick<Turn, 'role' | 'text' | 'phase' | 'via' | 'atMs'> & { id: string; seq: number };

/** What goes along with a private message, whose server knows nothing of what was said before. */
const CONTEXT_TURNS = 200;
const CONTEXT_LETTERS = 60_000;

export class Thread {
  turns: Turn[] = [];
  /** A reply is being written. */
  writing = false;
  private count = 0;
  /** Turns that an edit or a new reply took out, until it is known that it was taken. */
  private removed: Turn[] = [];

  /** `kept`: the server writes things down. */
  constructor(private readonly kept: () => boolean = () => true) {}

  /** The newest stored items, as the server has them. What is still on its way stays behind them. */
  know(items: Known[]): void {
    const ids = new Set(items.map((item) => item.id));
    const firstSeq = items[0]?.seq ?? Infinity;
    const before = this.turns.filter((turn) => turn.seq !== null && turn.seq < firstSeq);
    const after = this.turns.filter((turn) => turn.seq === null && !(turn.id !== null && ids.has(turn.id)));
    const shown = this.shown();
    this.turns = [...before, ...items.map((item) => this.known(item, shown)), ...after];
  }

  /** Older items, as one reads back. */
  knowOlder(items: Known[]): void {
    const shown = this.shown();
    const earlier = items.filter((item) => !shown.has(item.id)).map((item) => this.known(item, shown));
    this.turns = [...earlier, ...this.turns];
  }

  /** The person sends a message, in the place of another one if `replaces` names it. A reply is expected. */
  say(text: string, atMs: number, replaces?: string): Turn {
    if (replaces !== undefined) this.takeOut(this.turns.findIndex((turn) => turn.id === replaces));
    const turn = this.fresh('user', text, atMs);
    turn.phase = 'done';
    if (replaces !== undefined) turn.replaces = replaces;
    this.turns.push(turn);
    this.expect(atMs);
    return turn;
  }

  /** The last reply is to be written anew. */
  sayAgain(atMs: number): void {
    const last = this.turns.findLastIndex((turn) => turn.role === 'user');
    this.takeOut(last < 0 ? -1 : last + 1);
    this.expect(atMs);
  }

  /** Takes out a message that could not be saved; the text comes back. */
  discard(turn: Turn): void {
    this.turns = this.turns.filter((each) => each !== turn);
    this.putBack();
  }

  follow(event: StreamEvent): void {
    switch (event.event) {
      case 'stored': {
        const turn = this.byId(event.item_id) ?? this.turns.find((each) => each.role === 'user' && awaited(each));
        if (!turn) return;
        Object.assign(turn, { id: event.item_id, seq: event.seq, saved: this.kept() ? 'saved' : 'never' });
        delete turn.replaces;
        this.removed = [];
        return;
      }
      case 'started':
        this.reply().id = event.item_id;
        this.removed = [];
        return;
      case 'delta':
        this.reply().text += event.text;
        return;
      case 'done': {
        const reply = this.reply();
        Object.assign(reply, { id: event.item_id, phase: event.status === 'interrupted' ? 'cut' : 'done' });
        if (event.text) reply.text = event.text;
        if (!reply.text.trim() && event.status === 'interrupted') this.turns = this.turns.filter((turn) => turn !== reply);
        return;
      }
    }
  }

  /** The reply has come to its end, or will not come: `failed` says which. */
  close(failed: boolean): void {
    this.writing = false;
    const open = this.turns.find((turn) => turn.role === 'assistant' && turn.phase === 'open');
    if (open && open.text) open.phase = 'cut';
    else this.turns = this.turns.filter((turn) => turn !== open);
    if (!failed) return;
    for (const turn of this.turns) {
      if (turn.saved === 'pending' || (turn.role === 'user' && turn.id === null)) turn.saved = 'failed';
    }
    // A reply that was to be replaced, and was not.
    if (!this.turns.some((turn) => turn.saved === 'failed')) this.putBack();
  }

  /** What was said in a call becomes part of the conversation. */
  absorb(captions: readonly Caption[]): void {
    const known = new Set(this.turns.map((turn) => turn.id));
    this.turns.push(...captions.filter(({ id }) => !known.has(id)).map(captionTurn));
  }

  /** Whatever the server has not named by now was not kept. */
  giveUp(): void {
    for (const turn of this.turns.filter((each) => each.saved === 'pending')) turn.saved = 'failed';
  }

  /** What was said before `until`, for a server that does not know it; not more than a model can use. */
  context(until: Turn | null = null): ContextTurn[] {
    const end = until ? this.turns.indexOf(until) : this.turns.length;
    const turns: ContextTurn[] = [];
    let letters = 0;
    for (const turn of this.turns.slice(Math.max(0, end - CONTEXT_TURNS), end).reverse()) {
      letters += turn.text.length;
      if (letters > CONTEXT_LETTERS) break;
      const said = turn.phase === 'done' || turn.phase === 'cut';
      if (said && turn.saved !== 'failed' && turn.text) turns.unshift({ role: turn.role, text: turn.text });
    }
    return turns;
  }

  /** What the server recorded of turns that were spoken. What the page knows of a call is known better. */
  explain(records: TurnRecord[]): void {
    for (const record of records) {
      const turn = record.item_id === null ? undefined : this.byId(record.item_id);
      const why = whyTurn(record);
      if (turn && !turn.record && why) Object.assign(turn, { why: [why], record });
    }
  }

  /** Whether something was spoken of which it is not known how it went. */
  hasUnexplained(): boolean {
    return this.turns.some((turn) => turn.role === 'user' && turn.via === 'voice' && turn.seq !== null && !turn.record);
  }

  private byId(id: string): Turn | undefined {
    return this.turns.find((turn) => turn.id === id);
  }

  /** Each item as it is shown. */
  private shown(): Map<string | null, Turn> {
    return new Map(this.turns.map((turn) => [turn.id, turn]));
  }

  private known(item: Known, shown: Map<string | null, Turn>): Turn {
    const { key = item.id, why, record } = shown.get(item.id) ?? {};
    return { ...item, key, saved: this.kept() ? 'saved' : 'never', ...(why && { why }), ...(record && { record }) };
  }

  private takeOut(from: number): void {
    this.removed = from < 0 ? [] : this.turns.splice(from);
  }

  private putBack(): void {
    this.turns.push(...this.removed);
    this.removed = [];
  }

  private expect(atMs: number): void {
    this.writing = true;
    this.turns.push(this.fresh('assistant', '', atMs));
  }

  /** The reply that is being written. */
  private reply(): Turn {
    const open = this.turns.findLast((turn) => turn.role === 'assistant' && turn.phase === 'open');
    if (open) return open;
    const turn = this.fresh('assistant', '', Date.now());
    this.turns.push(turn);
    return turn;
  }

  private fresh(role: Role, text: string, atMs: number): Turn {
    const key = `new-${++this.count}`;
    return { key, id: null, seq: null, role, text, phase: 'open', via: 'text', atMs, saved: this.kept() ? 'pending' : 'never' };
  }
}

/** A caption, as a turn among turns. */
export function captionTurn({ id, role, text, tail, phase, saved, seq, via, atMs, heardMs, peak, why, record }: Caption): Turn {
  return { key: id, id, seq, role, text, tail, phase, via, atMs, saved, heardMs, peak, why, ...(record && { record }) };
}

function awaited(turn: Turn): boolean {
  return turn.id === null && turn.phase === 'done' && turn.saved !== 'failed';
}
