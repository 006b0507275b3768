/** What stands in an empty conversation: what one can do, and how it is to be kept. */
import type { Tier } from '../contract';
import type { Phase } from '../conversation';
import { tierName, tiers, tierSentence } from '../tiers';
import { button, element, make } from './dom';
import { tierIcon } from './head';
import { icon } from './icons';

export interface WelcomeState {
  phase: Phase;
  tier: Tier;
  /** There are turns to be shown instead. */
  filled: boolean;
  /** The server keeps conversations at all. */
  keeps: boolean;
}

export interface WelcomeActions {
  chooseTier(tier: Tier): void;
  unlock(): void;
  reload(): void;
  begin(): void;
}

export class WelcomeView {
  private readonly root = element('welcome', HTMLElement);
  private readonly choices = new Map<Tier, HTMLInputElement>();
  private drawn = '';

  constructor(private readonly actions: WelcomeActions) {}

  show(state: WelcomeState): void {
    const { phase, filled, keeps, tier } = state;
    this.root.hidden = filled && phase !== 'locked';
    const kind = phase === 'ready' || phase === 'over' ? 'begun' : phase;
    const now = `${kind} ${keeps}`;
    if (now !== this.drawn) {
      this.drawn = now;
      this.root.replaceChildren(...this.content(kind, keeps));
    }
    for (const [name, input] of this.choices) input.checked = name === tier;
  }

  private content(kind: Phase | 'begun', keeps: boolean): HTMLElement[] {
    this.choices.clear();
    const line = (text: string) => make('p', { class: 'line' }, text);
    switch (kind) {
      case 'new':
        return [
          line('Speak, and it answers.'),
          make('p', {}, 'Call and talk as you would on the phone: you can talk over the answer. Or write.'),
          ...(keeps ? [this.tiers()] : []),
        ];
      case 'begun':
        return [line('Speak, and it answers.')];
      case 'loading':
        return [];
      case 'locked':
        return [
          make('div', { class: 'mark' }, icon('lock')),
          make('p', {}, 'This conversation is private. It opens with your passphrase, in this browser.'),
          button({ class: 'small primary', 'data-testid': 'unlock' }, () => this.actions.unlock(), 'Unlock'),
        ];
      case 'gone':
        return [
          line('Nothing is here.'),
          make('p', { 'data-testid': 'gone' }, 'This conversation was deleted, has ended, or belongs to somebody else.'),
          button({ class: 'small primary' }, () => this.actions.begin(), 'Begin a new one'),
        ];
      default:
        return [
          make('p', { 'data-testid': 'not-loaded' }, 'This conversation could not be loaded.'),
          button({ class: 'small primary' }, () => this.actions.reload(), 'Try again'),
        ];
    }
  }

  private tiers(): HTMLElement {
    const choices = tiers.map((tier) => {
      const input = make('input', { type: 'radio', name: 'tier', value: tier, 'data-testid': `tier-${tier}` });
      input.addEventListener('change', () => this.actions.chooseTier(tier));
      this.choices.set(tier, input);
      return make(
        'label',
        { class: 'tier' },
        input,
        make('span', { class: 'tier-name' }, tierIcon(tier), tierName[tier]),
        make('span', { class: 'tier-sentence' }, tierSentence[tier]),
      );
    });
    return make('fieldset', { class: 'tiers' }, make('legend', {}, 'How this conversation is kept'), ...choices);
  }
}
