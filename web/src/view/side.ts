/** The list of conversations, by day, and who is here. On a phone it lies over the page and is drawn in from the side. */
import type { Person, Summary } from '../contract';
import { byDay } from '../conversations';
import { tierName } from '../tiers';
import { button, element, make, setText } from './dom';
import { tierIcon } from './head';
import { icon } from './icons';
import { editInPlace } from './inline';

export interface SideState {
  list: readonly Summary[];
  more: boolean;
  current: string | null;
  person: Person | null;
  guestDays: number;
  /** The server keeps conversations at all. */
  keeps: boolean;
  known: boolean;
}

export interface SideActions {
  title(summary: Summary): string;
  go(conversation: string | null): void;
  more(): void;
  rename(summary: Summary, title: string): void;
  export(summary: Summary): void;
  remove(summary: Summary): void;
  person(): void;
  keep(): void;
}

const NARROW = '(max-width: 56rem)';

export class SideView {
  private readonly side = element('side', HTMLElement);
  private readonly list = element('list', HTMLElement);
  private readonly opener = element('open-side', HTMLButtonElement);
  private readonly note = element('guest-note', HTMLElement);
  private readonly narrow = matchMedia(NARROW);
  private readonly menu = make('div', { class: 'entry-menu', popover: true, role: 'menu', 'data-testid': 'entry-menu' });
  private drawn = '';
  private state: SideState | null = null;
  /** Search results lie in the list's place. */
  covered = false;
  /** A title is being written in the list, which waits for it. */
  private editing = false;

  constructor(private readonly actions: SideActions) {
    document.body.append(this.menu);
    element('new', HTMLAnchorElement).addEventListener('click', (event) => this.follow(event, null));
    element('person', HTMLButtonElement).addEventListener('click', () => actions.person());
    this.opener.addEventListener('click', () => this.toggle(true));
    element('close-side', HTMLButtonElement).addEventListener('click', () => this.toggle(false));
    element('scrim', HTMLElement).addEventListener('click', () => this.toggle(false));
    this.side.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !this.isOver || event.defaultPrevented) return;
      event.preventDefault();
      event.stopPropagation();
      this.toggle(false);
    });
    this.narrow.addEventListener('change', () => this.toggle(false));
    this.toggle(false);
  }

  show(state: SideState): void {
    this.state = state;
    const name = state.person ? (state.person.name ?? 'Guest') : 'Sign in';
    setText(element('person-name', HTMLElement), name);
    element('person', HTMLButtonElement).classList.toggle('nobody', !state.person);
    element('person', HTMLButtonElement).hidden = !state.keeps || !state.known;
    this.showNote(state);
    if (this.covered || this.editing) return;
    const today = new Date();
    const entries = state.list.map((summary) => [summary.id, this.actions.title(summary), summary.tier, summary.in_call]);
    const now = JSON.stringify([entries, state.more, state.current, today.toDateString(), state.known]);
    if (now === this.drawn) return;
    this.drawn = now;
    this.draw(state, today);
  }

  /** What was drawn is there no more. */
  uncover(): void {
    this.covered = false;
    this.drawn = '';
    if (this.state) this.show(this.state);
  }

  toggle(open: boolean): void {
    const over = open && this.narrow.matches;
    document.body.classList.toggle('side-open', over);
    this.side.inert = this.narrow.matches && !open;
    element('main', HTMLElement).inert = over;
    this.opener.ariaExpanded = String(over);
    if (over) element('close-side', HTMLButtonElement).focus();
    else if (this.side.contains(document.activeElement) && this.narrow.matches) this.opener.focus();
  }

  /** A link that is followed here, and not by loading the page anew. */
  follow(event: MouseEvent, conversation: string | null): void {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    this.toggle(false);
    this.actions.go(conversation);
  }

  private get isOver(): boolean {
    return document.body.classList.contains('side-open');
  }

  private draw({ list, more, current }: SideState, today: Date): void {
    const focused = document.activeElement instanceof HTMLElement && this.list.contains(document.activeElement) ? document.activeElement.dataset['focus'] : undefined;
    const days = byDay(list, today).map(({ name, conversations }) =>
      make('section', {}, make('h2', {}, name), make('ul', {}, ...conversations.map((summary) => this.entry(summary, summary.id === current)))),
    );
    const rest = more ? button({ class: 'link', 'data-testid': 'more' }, () => this.actions.more(), 'Show older ones') : null;
    const empty = list.length === 0 ? make('p', { class: 'quiet' }, 'What you talk and write about is listed here.') : null;
    this.list.replaceChildren(...[empty, ...days, rest].filter((node) => node !== null));
    if (focused) this.list.querySelector<HTMLElement>(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  }

  private entry(summary: Summary, current: boolean): HTMLElement {
    const title = this.actions.title(summary);
    const link = make(
      'a',
      { href: `/c/${encodeURIComponent(summary.id)}`, 'aria-current': current ? 'page' : null, 'data-focus': `a ${summary.id}`, title },
      make('span', { class: 'entry-title', dir: 'auto' }, title),
      summary.tier === 'standard' ? null : make('span', { class: 'entry-tier', role: 'img', 'aria-label': tierName[summary.tier] }, tierIcon(summary.tier)),
    );
    link.addEventListener('click', (event) => this.follow(event, summary.id));
    const more = button(
      { class: 'icon', 'aria-label': `More about ${title}`, 'aria-haspopup': 'menu', 'data-focus': `m ${summary.id}` },
      () => this.openMenu(summary, link, more),
      icon('more'),
    );
    return make('li', { 'data-testid': 'entry', 'data-id': summary.id }, link, more);
  }

  private openMenu(summary: Summary, link: HTMLElement, at: HTMLElement): void {
    const item = (name: string, sign: 'pen' | 'download' | 'bin', act: () => void) =>
      button({ role: 'menuitem', 'data-testid': `menu-${name.toLowerCase()}` }, () => (this.menu.hidePopover(), act()), icon(sign), name);
    const items = [
      item('Rename', 'pen', () => void this.rename(summary, link)),
      item('Export', 'download', () => this.actions.export(summary)),
      item('Delete', 'bin', () => this.actions.remove(summary)),
    ];
    this.menu.replaceChildren(...items);
    this.menu.onkeydown = ({ key }) => {
      const step = key === 'ArrowDown' ? 1 : key === 'ArrowUp' ? -1 : 0;
      const now = items.findIndex((each) => each === document.activeElement);
      if (step !== 0) items[(now + step + items.length) % items.length]!.focus();
    };
    const { left, bottom, top } = at.getBoundingClientRect();
    this.menu.showPopover();
    const { offsetWidth, offsetHeight, style } = this.menu;
    style.left = `${Math.max(8, Math.min(left, innerWidth - offsetWidth - 8))}px`;
    style.top = `${bottom + offsetHeight + 8 > innerHeight ? top - offsetHeight - 4 : bottom + 4}px`;
    items[0]!.focus();
  }

  private async rename(summary: Summary, link: HTMLElement): Promise<void> {
    this.editing = true;
    const title = await editInPlace(link, this.actions.title(summary), 'Title');
    this.editing = false;
    if (title) this.actions.rename(summary, title);
    if (this.state) this.show(this.state);
  }

  /** A guest is told, quietly, that conversations nobody comes back to go. */
  private showNote({ person, guestDays }: SideState): void {
    this.note.hidden = person?.kind !== 'guest';
    if (this.note.hidden || this.note.childElementCount > 0) return;
    this.note.replaceChildren(
      `You are a guest: conversations go when you have not been here for ${guestDays} days. `,
      button({ class: 'link', 'data-testid': 'keep' }, () => this.actions.keep(), 'Make an account to keep them'),
    );
  }
}
