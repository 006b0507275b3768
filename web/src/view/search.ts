/** Search over titles and words. Matches lie in the place of the list. */
import type { Match } from '../contract';
import { marked } from '../snippet';
import { element, make } from './dom';
import type { SideView } from './side';

export interface SearchActions {
  search(query: string): Promise<Match[]>;
  go(conversation: string, item: string | null): void;
  /** Private conversations that are locked are not searched. */
  locked(): boolean;
}

const PAUSE_MS = 220;

export class SearchView {
  private readonly field = element('search', HTMLInputElement);
  private readonly list = element('list', HTMLElement);
  private timer = 0;
  private asked = 0;

  constructor(
    private readonly side: SideView,
    private readonly actions: SearchActions,
  ) {
    this.field.addEventListener('input', () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.search(), PAUSE_MS);
    });
    this.field.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !this.field.value) return;
      event.preventDefault();
      event.stopPropagation();
      this.end();
    });
  }

  end(): void {
    this.field.value = '';
    void this.search();
  }

  private async search(): Promise<void> {
    const query = this.field.value.trim();
    const asked = ++this.asked;
    if (!query) {
      if (this.side.covered) this.side.uncover();
      return;
    }
    const matches = await this.actions.search(query).catch(() => null);
    if (asked !== this.asked) return;
    this.side.covered = true;
    const words = matches === null ? 'The search did not work. Try again.' : count(matches.length);
    const locked = this.actions.locked() ? ' Private conversations are locked and were not searched.' : '';
    this.list.replaceChildren(
      make('p', { class: 'quiet', role: 'status', 'data-testid': 'found' }, words + locked),
      make('ul', {}, ...(matches ?? []).map((match) => this.entry(match, query))),
    );
  }

  private entry(match: Match, query: string): HTMLElement {
    const snippet = marked(match.snippet, query).map(({ text, hit }) => (hit ? make('mark', {}, text) : text));
    const link = make(
      'a',
      { href: `/c/${encodeURIComponent(match.conversation)}`, class: 'match' },
      make('span', { class: 'entry-title', dir: 'auto' }, match.title ?? 'New conversation'),
      match.item_id === null ? null : make('span', { class: 'snippet', dir: 'auto' }, ...snippet),
    );
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.side.toggle(false);
      this.actions.go(match.conversation, match.item_id);
    });
    return make('li', { 'data-testid': 'match' }, link);
  }
}

function count(matches: number): string {
  if (matches === 0) return 'Nothing was found.';
  return matches === 1 ? 'One place.' : `${matches} places.`;
}
