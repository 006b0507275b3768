/** The turns of the conversation in front: the last ones first, older ones as one scrolls back to them. */
import type { Hitch } from '../correspondence';
import type { Damage } from '../contract';
import type { Turn } from '../thread';
import { element, make, button } from './dom';
import { readyMarkdown, TurnView, type TurnActions } from './turn';

export interface ThreadActions extends TurnActions {
  /** Items before the first that is known. */
  older(): void;
}

export interface ThreadState {
  /** Changes when another conversation comes to the front. */
  of: object;
  turns: Turn[];
  /** Something is being said or written: what is new is read out. */
  live: boolean;
  /** Turns may be edited and answered again. */
  editable: boolean;
  hitch: Hitch | null;
  damage: Damage[];
  over: boolean;
}

/** Within this of its end, the list follows what is added. */
const FOLLOW_PX = 64;
const BATCH = 50;
/** As many as fill a screen are drawn at once, the rest of the first batch right after. */
const SCREEN = 12;
/** Nearer than this to the beginning of what is drawn, more is drawn. */
const NEAR_PX = 600;

export class ThreadView {
  private readonly list = element('captions', HTMLElement);
  private readonly notes = make('div', { class: 'thread-notes' });
  private shown = new Map<string, TurnView>();
  private state: ThreadState | null = null;
  /** The first turn that is drawn; those after it are as well. */
  private first: string | null = null;
  private formatting = false;
  private filling = 0;
  /** Whether the end is being read, and not something before it. */
  private follows = true;

  constructor(private readonly actions: ThreadActions) {
    this.list.addEventListener('scroll', () => this.scrolled(), { passive: true });
    // A turned phone or a message leaves less room: what was read last stays in it.
    new ResizeObserver(() => this.follow()).observe(this.list);
  }

  show(state: ThreadState): void {
    if (state.of !== this.state?.of) this.clear();
    this.state = state;
    // A conversation that is opened is not read out from its beginning.
    const live = state.live ? 'polite' : 'off';
    if (this.list.ariaLive !== live) this.list.ariaLive = live;
    this.format();
    this.draw();
    this.follow();
    this.fill();
    // Older ones came while their place was in sight.
    if (!this.follows) this.scrolled();
  }

  /** Replies are formatted once what formats them is here. */
  private format(): void {
    if (this.formatting || !this.state?.turns.some((turn) => turn.role === 'assistant')) return;
    this.formatting = true;
    void readyMarkdown().then(() => {
      this.draw();
      this.follow();
    });
  }

  /** Brings an item into sight. */
  reveal(itemId: string): void {
    const at = this.state?.turns.findIndex((turn) => turn.id === itemId) ?? -1;
    if (at < 0 || !this.state) return;
    if (at < this.from()) this.first = this.state.turns[Math.max(0, at - 5)]!.key;
    this.draw();
    const view = this.shown.get(this.state.turns[at]!.key);
    if (!view) return;
    this.follows = false;
    view.root.scrollIntoView({ block: 'center' });
    view.root.classList.remove('found');
    void view.root.offsetWidth;
    view.root.classList.add('found');
  }

  private draw(): void {
    const { state, list } = this;
    if (!state) return;
    const { turns } = state;
    const from = this.from();
    this.first = turns[from]?.key ?? null;
    const visible = turns.slice(from);
    const keys = new Set(visible.map(({ key }) => key));
    for (const [key, view] of this.shown) {
      if (keys.has(key)) continue;
      view.root.remove();
      this.shown.delete(key);
    }
    const last = turns.at(-1);
    let at: Element | null = list.firstElementChild;
    for (const turn of visible) {
      const view = this.view(turn);
      const saved = turn.id !== null && turn.seq !== null;
      view.show(turn, { edit: state.editable && saved, regenerate: state.editable && turn === last });
      if (view.root === at) at = at.nextElementSibling;
      else list.insertBefore(view.root, at);
    }
    this.note();
  }

  private view(turn: Turn): TurnView {
    const known = this.shown.get(turn.key);
    if (known) return known;
    const view = new TurnView(turn, this.actions, (root) => this.lookAt(root));
    this.shown.set(turn.key, view);
    return view;
  }

  /** What has to be said about the conversation as a whole, at its end. */
  private note(): void {
    const { hitch, damage, over, editable } = this.state!;
    const lines: HTMLElement[] = [];
    if (damage.length > 0) lines.push(make('p', { class: 'lost', 'data-testid': 'damage' }, damaged(damage)));
    if (over) lines.push(make('p', { 'data-testid': 'over' }, 'This conversation is over. It is kept nowhere: what you still read here goes when you leave.'));
    if (hitch) {
      const again = hitch.at === 'reply' && editable && hitch.code !== 'in_call';
      const retry = again ? button({ class: 'link', 'data-testid': 'answer-again' }, () => this.actions.regenerate(), 'Try again') : null;
      lines.push(make('p', { class: 'lost', role: 'alert', 'data-testid': 'hitch' }, `${hitch.text} `, retry));
    }
    const text = lines.map((line) => line.textContent).join('|');
    if (this.notes.dataset['text'] === text && this.notes.isConnected === lines.length > 0) return;
    this.notes.dataset['text'] = text;
    this.notes.replaceChildren(...lines);
    if (lines.length > 0) this.list.append(this.notes);
    else this.notes.remove();
  }

  /** What was asked for is in sight, from its beginning on, also while more is being said below. */
  private lookAt(root: HTMLElement): void {
    root.scrollIntoView({ block: 'nearest' });
    this.scrolled();
  }

  private scrolled(): void {
    const { scrollHeight, scrollTop, clientHeight } = this.list;
    this.follows = scrollHeight - scrollTop - clientHeight < FOLLOW_PX;
    if (!this.state || scrollTop > NEAR_PX || this.follows) return;
    const from = this.from();
    if (from === 0) this.actions.older();
    else this.extend(Math.max(0, from - BATCH));
  }

  private from(): number {
    const turns = this.state?.turns ?? [];
    const at = this.first === null ? -1 : turns.findIndex(({ key }) => key === this.first);
    return at >= 0 ? at : Math.max(0, turns.length - SCREEN);
  }

  /** Draws what belongs to the first batch and is not in sight, once what is in sight has been painted. */
  private fill(): void {
    const turns = this.state?.turns ?? [];
    const wanted = Math.max(0, turns.length - BATCH);
    if (this.filling || this.shown.size >= BATCH || this.from() <= wanted) return;
    this.filling = requestAnimationFrame(() => {
      this.filling = setTimeout(() => {
        this.filling = 0;
        if (this.from() > wanted) this.extend(wanted);
      });
    });
  }

  /** Draws from an earlier turn on; what is read stays where it is. */
  private extend(from: number): void {
    const { list } = this;
    const before = list.scrollHeight;
    const { scrollTop } = list;
    this.first = this.state?.turns[from]?.key ?? null;
    this.draw();
    if (this.follows) this.follow();
    else list.scrollTop = scrollTop + list.scrollHeight - before;
  }

  private follow(): void {
    if (this.follows) this.list.scrollTop = this.list.scrollHeight;
  }

  private clear(): void {
    this.shown = new Map();
    this.list.replaceChildren();
    this.first = null;
    this.follows = true;
  }
}

function damaged(damage: Damage[]): string {
  const what = { damaged: 'cannot be read', missing: 'are missing', reordered: 'are out of order', truncated: 'are missing at the end' };
  const kinds = [...new Set(damage.map(({ kind }) => what[kind]))];
  return `Parts of this conversation ${kinds.join(', and parts ')}. What is stored was changed or damaged outside Sotto.`;
}
