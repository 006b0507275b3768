/** One turn of a conversation, with what can be done with it. */
import type { Turn } from '../thread';
import type { TurnRecord } from '../turn-record';
import { captionText } from '../words';
import { copyButton } from './copy';
import { button, make } from './dom';
import { icon } from './icons';

export interface TurnActions {
  edit(turn: Turn, text: string): void;
  regenerate(): void;
  retry(turn: Turn): void;
  discard(turn: Turn): void;
}

/** What can be done with a turn where it stands. */
export interface Allowed {
  edit: boolean;
  regenerate: boolean;
}

type Glass = typeof import('./glass');
let glass: Promise<Glass | null> | null = null;

/** Fetches what draws how a turn went, when somebody asks for the first time. */
function readyGlass(): Promise<Glass | null> {
  return (glass ??= import('./glass').catch(() => (glass = null)));
}

type Markdown = typeof import('./markdown');
let markdown: Markdown | null = null;
let waiting: Promise<void> | null = null;
/** So many answers to “Why?” have a name. */
let answers = 0;

/** Fetches what shows Markdown; until it is here replies are shown as they were written. */
export function readyMarkdown(): Promise<void> {
  waiting ??= import('./markdown').then(
    (loaded) => void (markdown = loaded),
    () => void (waiting = null),
  );
  return waiting;
}

export class TurnView {
  readonly root: HTMLElement;
  private readonly caption = make('div', { class: 'caption' });
  private readonly words = make('div', { class: 'words' });
  private readonly cut = make('span', { class: 'cut', title: 'Interrupted here' });
  private readonly under = make('div', { class: 'under' });
  private readonly tail = make('span', { class: 'tail' });
  private drawn = '';
  /** It was still growing when it was written last. */
  private open = false;
  private editing = false;
  /** Why it went as it did, while somebody wants to know. */
  private readonly why = make('div', { class: 'why' });
  private readonly reasons = make('div', { 'data-testid': 'why-text' });
  private asked = false;
  /** What is drawn below it. */
  private recorded: TurnRecord | null = null;
  private drawing: Promise<void> = Promise.resolve();

  constructor(
    private turn: Turn,
    private readonly actions: TurnActions,
    /** It has grown because somebody wanted to know more. */
    private readonly opened: (root: HTMLElement) => void,
  ) {
    this.caption.append(this.words);
    this.why.append(this.reasons);
    this.root = make('div', { class: 'turn' }, this.caption, this.under);
  }

  show(turn: Turn, allowed: Allowed): void {
    this.turn = turn;
    const { dataset } = this.caption;
    if (turn.role === 'assistant' && turn.via === 'voice') {
      dataset['heardMs'] = String(turn.heardMs ?? 0);
      dataset['peak'] = (turn.peak ?? 0).toFixed(2);
    }
    const { id, role, text, tail, phase, saved, why, record } = turn;
    const now = JSON.stringify([id, role, text, tail, phase, saved, why, record !== undefined, allowed, markdown !== null]);
    if (now === this.drawn) return;
    this.drawn = now;
    dataset['role'] = role;
    this.root.dataset['side'] = role;
    dataset['phase'] = phase;
    dataset['itemId'] = id ?? '';
    this.root.dataset['saved'] = saved;
    // A reply still growing is not read out word by word.
    this.caption.ariaBusy = String(phase === 'open');
    // What the person is saying changes under way; it is read out once, when it is final.
    this.caption.ariaLive = phase === 'open' && role === 'user' ? 'off' : null;
    if (!this.editing) this.write();
    this.showUnder(allowed);
  }

  private write(): void {
    const { role, phase } = this.turn;
    const { text, mark } = captionText(this.turn);
    this.cut.remove();
    const formatted = markdown !== null && role === 'assistant' && phase !== 'lost';
    this.words.classList.toggle('formatted', formatted);
    if (formatted) markdown!.showMarkdown(this.words, text);
    else this.writePlain(text);
    this.cut.textContent = mark;
    if (mark) endOf(this.words).append(this.cut);
  }

  private writePlain(text: string): void {
    const { tail, phase } = this.turn;
    const open = phase === 'open';
    if (open && tail) {
      this.tail.textContent = tail;
      this.words.replaceChildren(text, this.tail);
    } else if (this.words.textContent !== text || this.words.childElementCount > 0 || (this.open && !open)) {
      // Written anew when it becomes final, also if it is the same: only what changes is read out.
      this.words.textContent = text;
    }
    this.open = open;
  }

  private showUnder({ edit, regenerate }: Allowed): void {
    const { role, phase, saved, text } = this.turn;
    const focused = this.under.contains(document.activeElement) ? document.activeElement?.getAttribute('data-testid') : null;
    const failed = saved === 'failed';
    const nodes: (Node | null)[] = [];
    if (saved === 'pending' && phase !== 'open') nodes.push(make('span', { class: 'unsaved', 'data-testid': 'unsaved' }, 'not saved yet'));
    if (failed) nodes.push(make('span', { class: 'lost', 'data-testid': 'not-saved' }, 'could not be saved'));
    if (failed && role === 'user' && this.turn.id === null) {
      nodes.push(
        button({ class: 'link', 'data-testid': 'retry' }, () => this.actions.retry(this.turn), 'Try again'),
        button({ class: 'link', 'data-testid': 'discard' }, () => this.actions.discard(this.turn), 'Take back'),
      );
    }
    if (text && phase !== 'open' && phase !== 'lost') {
      nodes.push(copyButton(() => this.turn.text));
      if (edit && role === 'user') {
        nodes.push(button({ class: 'icon', 'aria-label': 'Edit', title: 'Edit and send again', 'data-testid': 'edit' }, () => this.edit(), icon('pen')));
      }
      if (regenerate && role === 'assistant') {
        nodes.push(button({ class: 'icon', 'aria-label': 'Answer again', title: 'Answer again', 'data-testid': 'again' }, () => this.actions.regenerate(), icon('again')));
      }
    }
    nodes.push(this.askWhy());
    this.under.replaceChildren(...nodes.filter((node) => node !== null));
    if (focused) this.under.querySelector<HTMLElement>(`[data-testid="${focused}"]`)?.focus();
  }

  /** A question whose answer opens below; none where there is nothing to say. */
  private askWhy(): HTMLElement | null {
    const { why = [] } = this.turn;
    if (why.length === 0) {
      this.why.remove();
      return null;
    }
    this.why.id ||= `why-${++answers}`;
    if (this.reasons.childElementCount !== why.length || this.reasons.textContent !== why.join('')) {
      this.reasons.replaceChildren(...why.map((text) => make('p', {}, text)));
    }
    const toggle = () => {
      this.asked = !this.asked;
      show();
      if (this.asked) void this.drawing.then(() => this.opened(this.root));
    };
    const ask = button({ class: 'ask', 'aria-controls': this.why.id, 'data-testid': 'why' }, toggle, 'Why?');
    const show = () => {
      ask.ariaExpanded = String(this.asked);
      this.why.hidden = !this.asked;
      if (this.asked) this.drawRecord();
    };
    show();
    if (!this.why.isConnected) this.under.after(this.why);
    return ask;
  }

  /** Below the reasons: how the turn went, drawn and in numbers. */
  private drawRecord(): void {
    const { record } = this.turn;
    if (!record || record === this.recorded) return;
    this.recorded = record;
    this.drawing = readyGlass().then((ready) => {
      if (ready) this.why.replaceChildren(this.reasons, ready.glass(record));
      else this.recorded = null;
    });
  }

  /** The words become a field. Sending them takes this turn's place, and that of all that followed. */
  private edit(): void {
    if (this.editing) return;
    this.editing = true;
    const field = make('textarea', { class: 'edit-field', 'aria-label': 'Edit the message', rows: 3, 'data-testid': 'edit-field' });
    field.value = this.turn.text;
    const leave = () => {
      this.editing = false;
      form.remove();
      this.under.hidden = this.words.hidden = false;
      this.write();
      this.under.querySelector<HTMLElement>('[data-testid="edit"]')?.focus();
    };
    const send = () => {
      const text = field.value.trim();
      leave();
      if (text && text !== this.turn.text) this.actions.edit(this.turn, text);
    };
    const form = make(
      'form',
      { class: 'edit' },
      field,
      make('p', { class: 'quiet' }, 'What came after it goes.'),
      make('button', { type: 'submit', class: 'small primary', 'data-testid': 'edit-send' }, 'Send'),
      button({ class: 'small' }, leave, 'Cancel'),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      send();
    });
    field.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') leave();
      else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) send();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    this.under.hidden = this.words.hidden = true;
    this.caption.append(form);
    field.focus();
    this.root.scrollIntoView({ block: 'nearest' });
  }
}

/** The innermost element at the end of a text, where a mark belongs. */
function endOf(words: Element): Element {
  const last = words.lastElementChild;
  return last && last.matches('p, ul, ol, li, blockquote, h3, h4, h5') ? endOf(last) : words;
}
