/** One conversation that is open: what it is, how it is set, and its turns as far as they were read. */
import { ApiError, codeOf, type Api } from './api';
import type { Damage, Item, Opened, PlainItem, SealedItem, Settings, Summary, Tier } from './contract';
import { firstWords } from './conversations';
import { Thread, type Known } from './thread';
import type { OpenedSummary, Vault } from './vault-seam';

/**
 * `new`: it begins with the first word. `locked`: its keys are not here. `gone`: there is none, or none of ours. `over`: an
 * ephemeral one that has ended; what is still shown exists nowhere else.
 */
export type Phase = 'new' | 'loading' | 'ready' | 'locked' | 'gone' | 'over' | 'failed';

export interface Around {
  api: Api;
  vault: Vault;
  /** Makes sure that there is somebody to whom a conversation can belong. */
  somebody(): Promise<void>;
  /** Something of this conversation is to be shown anew. */
  changed(conversation: Conversation): void;
  /** It has come into being, or is called or set differently. */
  listed(summary: Summary): void;
}

/** More than this is read as one scrolls back. */
const PAGE_ITEMS = 1_000;
/** Of so many turns it is asked how they went: those that are looked at first. */
const EXPLAINED_TURNS = 100;

export class Conversation {
  phase: Phase;
  summary: Summary | null = null;
  settings: OpenedSummary = { title: null, title_by: 'words', instructions: null, model: null, voice: null };
  damage: Damage[] = [];
  /** There are items before the first that was read. */
  older = false;
  readonly thread: Thread = new Thread(() => this.tier !== 'ephemeral');
  private creating: Promise<string> | null = null;
  private readingOlder = false;

  constructor(
    private readonly around: Around,
    public id: string | null,
    public tier: Tier,
  ) {
    this.phase = id === null ? 'new' : 'loading';
  }

  /** Reads it, or what is new of it. */
  async open(): Promise<void> {
    if (this.id === null) return;
    try {
      await this.take(await this.around.api.conversation(this.id, PAGE_ITEMS));
    } catch (error) {
      if (this.phase !== 'loading' && this.phase !== 'failed') throw error;
      this.phase = error instanceof ApiError && error.status === 404 ? 'gone' : 'failed';
      if (codeOf(error) === 'sign_in') throw error;
    } finally {
      this.around.changed(this);
    }
  }

  /** Reads what is before the first item that is known. */
  async openOlder(): Promise<void> {
    const first = this.thread.turns.find((turn) => turn.seq !== null)?.seq ?? null;
    if (!this.older || this.readingOlder || this.id === null || first === null) return;
    this.readingOlder = true;
    try {
      const opened = await this.around.api.conversation(this.id, PAGE_ITEMS, first);
      this.thread.knowOlder(await this.read(opened));
      this.older = opened.items.length === PAGE_ITEMS;
      this.around.changed(this);
    } finally {
      this.readingOlder = false;
    }
  }

  /** Brings it into being, once; gives its id. */
  async create(): Promise<string> {
    if (this.id !== null) return this.id;
    this.creating ??= this.make().finally(() => (this.creating = null));
    return this.creating;
  }

  /** Calls it something else, or sets it differently. Before it exists that is only remembered. */
  async set(change: Settings, by: OpenedSummary['title_by'] = 'person'): Promise<void> {
    const before = this.settings;
    this.settings = { ...before, ...change, ...(change.title === undefined ? {} : { title_by: by }) };
    this.around.changed(this);
    if (this.id === null || !this.summary) return;
    try {
      const sealed = this.tier === 'private' && { meta: await this.around.vault.changed(this.summary, { ...change, title_by: by }) };
      this.list(await this.around.api.change(this.id, sealed || change));
    } catch (error) {
      this.settings = before;
      throw error;
    } finally {
      this.around.changed(this);
    }
  }

  /** Until a better title comes, the first words are one. For a private conversation only this side can say so. */
  async begun(text: string): Promise<void> {
    if (this.settings.title !== null) return;
    const title = firstWords(text);
    if (this.tier === 'private') return this.set({ title }, 'words').catch(() => undefined);
    this.settings = { ...this.settings, title, title_by: 'words' };
    if (this.summary) this.list({ ...this.summary, title, title_by: 'words' });
  }

  /** Something was said in it. */
  moved(atMs: number): void {
    if (this.summary) this.list({ ...this.summary, updated_ms: Math.max(atMs, this.summary.updated_ms) });
  }

  /** The server has found a title; one that the person gave stays. */
  async titled(title: string): Promise<void> {
    if (this.settings.title_by === 'person' && this.settings.title !== null) return;
    if (this.tier === 'private') return this.set({ title }, 'model');
    this.settings = { ...this.settings, title, title_by: 'model' };
    if (this.summary) this.list({ ...this.summary, title, title_by: 'model' });
    this.around.changed(this);
  }

  /** Whatever the server has not named by now was not kept. */
  giveUp(): void {
    this.thread.giveUp();
    this.around.changed(this);
  }

  /** The keys came or went. */
  async unlocked(unlocked: boolean): Promise<void> {
    if (this.tier !== 'private' || this.id === null) return;
    if (unlocked && this.phase === 'locked') return this.open();
    if (unlocked || this.phase !== 'ready') return;
    this.phase = 'locked';
    this.thread.turns = [];
    this.settings = { ...this.settings, title: null, instructions: null };
    this.around.changed(this);
  }

  private async make(): Promise<string> {
    const { api, vault } = this.around;
    await this.around.somebody();
    const { title, instructions, model, voice } = this.settings;
    const settings: Settings = { instructions, model, voice, ...(title === null ? {} : { title }) };
    const body = this.tier === 'private' ? await vault.newConversation(settings) : { tier: this.tier, ...chosen(settings) };
    const summary = await api.newConversation(body);
    this.id = summary.id;
    this.phase = 'ready';
    this.list(summary);
    return summary.id;
  }

  private async take(opened: Opened): Promise<void> {
    const { conversation } = opened;
    this.tier = conversation.tier;
    this.damage = opened.problems;
    this.older = opened.items.length === PAGE_ITEMS;
    if (conversation.tier === 'private' && !this.around.vault.isUnlocked()) {
      this.list(conversation);
      this.phase = 'locked';
      return;
    }
    const items = await this.read(opened);
    this.settings = conversation.sealed ? await this.around.vault.openSummary(conversation) : settingsOf(conversation);
    this.list(conversation);
    this.thread.know(items);
    this.phase = 'ready';
    void this.explain();
    if (conversation.sealed) void this.adopt(conversation, opened.items.filter(isSealed));
  }

  /** Items with their words, wherever those have to come from. */
  private async read({ conversation, items }: Opened): Promise<Known[]> {
    return Promise.all(items.map((item) => (isSealed(item) ? this.readSealed(conversation, item) : known(item))));
  }

  private async readSealed(conversation: Summary, item: SealedItem): Promise<Known> {
    try {
      return known({ ...item, ...(await this.around.vault.openItem(conversation, item)) });
    } catch {
      return { ...known({ ...item, text: '', status: 'completed', via: 'text' }), phase: 'lost' };
    }
  }

  /** Asks how the last turns went, beside everything else: without it nothing is missing but an answer to “Why?”. */
  private async explain(): Promise<void> {
    if (this.id === null || this.tier === 'ephemeral' || !this.thread.hasUnexplained()) return;
    const records = await this.around.api.turns(this.id, EXPLAINED_TURNS).catch(() => []);
    if (records.length === 0 || this.phase !== 'ready') return;
    this.thread.explain(records);
    this.around.changed(this);
  }

  private async adopt(summary: Summary, items: SealedItem[]): Promise<void> {
    const damage = await this.around.vault.adopt(summary, items).catch(() => []);
    if (damage.length === 0) return;
    this.damage = [...this.damage, ...damage];
    this.around.changed(this);
  }

  private list(summary: Summary): void {
    this.summary = summary;
    this.around.listed(summary);
  }
}

function settingsOf({ title, title_by, instructions, model, voice }: Summary): OpenedSummary {
  return { title, title_by: title_by ?? 'words', instructions, model, voice };
}

/** Only what was chosen: the rest is the server's to decide. */
function chosen(settings: Settings): Settings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null)) as Settings;
}

function isSealed(item: Item): item is SealedItem {
  return 'record' in item;
}

function known({ id, seq, role, text, status, via, at_ms }: PlainItem): Known {
  return { id, seq, role, text, phase: status === 'interrupted' ? 'cut' : 'done', via, atMs: at_ms };
}
