/** The head of the conversation: what it is called, how it is kept, which model and voice answer. */
import type { Model, Settings, Tier, Voice } from '../contract';
import type { Phase } from '../conversation';
import { tierMeaning, tierName } from '../tiers';
import type { OpenedSummary } from '../vault-seam';
import { button, element, isField, make, setText } from './dom';
import { icon } from './icons';
import { editInPlace } from './inline';

export interface HeadState {
  phase: Phase;
  tier: Tier;
  title: string;
  settings: OpenedSummary;
  models: Model[];
  voices: Voice[];
  defaultModel: string | null;
  defaultVoice: string | null;
  keeps: boolean;
}

export interface HeadActions {
  rename(title: string): void;
  set(settings: Settings): void;
  export(): void;
  remove(): void;
  /** Lets a voice be heard, the usual one for null; ends with it. */
  hear(voice: string | null): Promise<void>;
  /** Ends that. */
  hush(): void;
  /** The panel was opened: what can be chosen is wanted now. */
  wanted(): void;
}

export class HeadView {
  private readonly title = element('title', HTMLElement);
  private readonly badge = element('tier', HTMLButtonElement);
  private readonly meaning = element('tier-meaning', HTMLElement);
  private readonly setup = element('setup', HTMLDetailsElement);
  private readonly model = element('model', HTMLSelectElement);
  private readonly voice = element('voice', HTMLSelectElement);
  private readonly instructions = element('instructions', HTMLTextAreaElement);
  private readonly name: HTMLButtonElement;
  private readonly listen = button({ class: 'small', 'data-testid': 'hear-voice' }, () => void this.hear(), 'Listen');
  private readonly export = button({ class: 'small', 'data-testid': 'export-one' }, () => this.actions.export(), icon('download'), 'Export');
  private readonly remove = button({ class: 'small danger', 'data-testid': 'delete' }, () => this.actions.remove(), icon('bin'), 'Delete');
  private state: HeadState | null = null;

  constructor(private readonly actions: HeadActions) {
    this.name = button({ class: 'name', title: 'Rename', 'data-testid': 'rename' }, () => void this.rename());
    this.title.append(this.name);
    element('setup-actions', HTMLElement).append(this.export, this.remove);
    this.setup.addEventListener('toggle', () => this.setup.open && actions.wanted());
    this.model.addEventListener('change', () => actions.set({ model: this.model.value || null }));
    this.voice.addEventListener('change', () => actions.set({ voice: this.voice.value || null }));
    element('voice-choice', HTMLElement).append(this.listen);
    this.instructions.addEventListener('change', () => actions.set({ instructions: this.instructions.value.trim() || null }));
  }

  show(state: HeadState): void {
    const { phase, tier, settings } = state;
    this.state = state;
    const there = phase === 'ready' || phase === 'locked';
    setText(this.name, state.title);
    this.name.disabled = phase !== 'ready';
    this.title.hidden = phase === 'gone' || phase === 'failed';
    this.badge.hidden = !state.keeps || phase === 'gone' || phase === 'failed' || phase === 'loading';
    if (this.badge.dataset['tier'] !== tier) {
      this.badge.dataset['tier'] = tier;
      this.badge.replaceChildren(tierIcon(tier), make('span', {}, tierName[tier]));
      this.badge.ariaLabel = `${tierName[tier]}: what this means`;
      this.meaning.replaceChildren(make('h2', {}, tierName[tier]), ...tierMeaning[tier].map((line) => make('p', {}, line)));
    }
    this.setup.hidden = !state.keeps || !(there || phase === 'new');
    const set = phase === 'ready' || phase === 'new';
    for (const field of [this.model, this.voice, this.instructions]) field.disabled = !set;
    const models = state.models.map(({ name, tier }) => ({ value: name, text: tier === 'cloud' ? `${name} (elsewhere)` : name }));
    choose(this.model, models, settings.model, state.defaultModel);
    const usual = state.voices.find(({ id }) => id === state.defaultVoice)?.name ?? state.defaultVoice;
    choose(this.voice, state.voices.map(({ id, name }) => ({ value: id, text: name })), settings.voice, usual);
    element('voice-choice', HTMLElement).hidden = state.voices.length === 0;
    if (!isField(document.activeElement) || document.activeElement !== this.instructions) {
      this.instructions.value = settings.instructions ?? '';
    }
    this.export.hidden = phase !== 'ready';
    this.remove.hidden = !there;
  }

  /** Lets the voice be heard that is chosen; pressed again, ends that. */
  private async hear(): Promise<void> {
    if (this.listen.ariaPressed === 'true') return this.actions.hush();
    this.listen.ariaPressed = 'true';
    setText(this.listen, 'Stop');
    await this.actions.hear(this.voice.value || null);
    this.listen.ariaPressed = 'false';
    setText(this.listen, 'Listen');
  }

  private async rename(): Promise<void> {
    if (!this.state) return;
    const title = await editInPlace(this.name, this.state.settings.title ?? '', 'Title');
    if (title) this.actions.rename(title);
  }
}

export function tierIcon(tier: Tier): SVGSVGElement {
  return icon(tier === 'private' ? 'lock' : tier === 'ephemeral' ? 'hourglass' : 'shield');
}

function choose(select: HTMLSelectElement, options: { value: string; text: string }[], chosen: string | null, usual: string | null): void {
  const known = options.some(({ value }) => value === chosen) || chosen === null ? options : [...options, { value: chosen, text: chosen }];
  const all = [{ value: '', text: usual === null ? 'Chosen by the server' : `${usual} (the server’s choice)` }, ...known];
  const now = JSON.stringify(all);
  if (select.dataset['options'] !== now) {
    select.dataset['options'] = now;
    select.replaceChildren(...all.map(({ value, text }) => new Option(text, value)));
  }
  if (document.activeElement !== select) select.value = chosen ?? '';
}
