/** What a person can do on this page, and what is open on it. Elements, the network and the sound are handed in. */
import { ApiError, codeOf, type Api } from './api';
import type { Call } from './call';
import { Calling } from './calling';
import type { Match, Settings, Summary, Tier } from './contract';
import { Conversation, type Around } from './conversation';
import { Conversations } from './conversations';
import { Correspondence } from './correspondence';
import { CallError } from './errors';
import type { Lost } from './interruption';
import type { Model } from './model';
import { People } from './people';
import { readRoute, writeRoute, type Route } from './route';
import type { Turn } from './thread';
import { Titles } from './titles';
import type { Vault } from './vault-seam';

/** What the page is told. */
export interface Shown {
  changed(): void;
  /** Another conversation is in front, perhaps with an item to be shown. */
  opened(item: string | null): void;
  /** One has to sign in to go on. */
  signIn(): void;
}

export interface Open {
  conversation: Conversation;
  writing: Correspondence;
}

const LIST_PAGE = 50;

export class App {
  readonly people: People;
  readonly list = new Conversations();
  readonly titles: Titles;
  /** What is in front. */
  open: Open;
  readonly calling: Calling;
  private readonly around: Around;
  /** Kept although something else is in front: a reply is being written there. */
  private readonly behind = new Map<string, Open>();
  /** Ephemeral ones that end with this page. */
  private readonly passing = new Set<string>();
  /** New ones whose tier was chosen, and is not to be changed any more. */
  private readonly chosen = new WeakSet<Conversation>();

  constructor(
    private readonly api: Api,
    readonly vault: Vault,
    private readonly call: () => Call,
    private readonly shown: Shown,
  ) {
    this.people = new People(api, () => this.shown.changed());
    this.calling = new Calling(this, call, () => this.shown.signIn());
    this.titles = new Titles(vault, () => this.shown.changed());
    this.around = {
      api,
      vault,
      somebody: async () => {
        await this.people.somebody();
        this.asUsual();
      },
      changed: () => this.shown.changed(),
      listed: (summary) => this.listed(summary),
    };
    this.open = this.fresh(null, 'standard');
    vault.onChange(() => this.locked());
  }

  /** Asks for everything that the first picture needs at once. */
  async start(): Promise<void> {
    const route = readRoute(location);
    const opening = this.show(route);
    await Promise.all([this.people.load().then(() => this.asUsual()), this.refresh(), opening]);
    if (!this.people.person && !this.people.trouble && route.conversation !== null) this.shown.signIn();
    this.shown.changed();
  }

  /** The newest conversations, as the server has them. */
  async refresh(): Promise<void> {
    try {
      this.list.begin(await this.api.conversations(null, LIST_PAGE));
    } catch (error) {
      if (codeOf(error) === 'sign_in') this.list.clear();
    }
    this.shown.changed();
  }

  async more(): Promise<void> {
    if (this.list.next !== null) this.list.more(await this.api.conversations(this.list.next, LIST_PAGE));
    this.shown.changed();
  }

  /** Goes where an address leads; the browser has it already. */
  async show({ conversation, item }: Route): Promise<void> {
    if (conversation === null || conversation !== this.open.conversation.id) {
      this.bring(conversation);
      this.call().reset();
    }
    this.shown.opened(item);
    this.shown.changed();
    const { phase } = this.open.conversation;
    if (phase === 'loading' || phase === 'failed') await this.guard(() => this.open.conversation.open());
    if (item !== null) this.shown.opened(item);
  }

  go(route: Route): void {
    history.pushState(null, '', writeRoute(route, location.search));
    void this.show(route);
  }

  /** Before the first word, how the conversation is kept can be chosen. */
  async chooseTier(tier: Tier): Promise<void> {
    const { conversation } = this.open;
    if (conversation.phase !== 'new') return;
    const before = conversation.tier;
    conversation.tier = tier;
    this.chosen.add(conversation);
    this.shown.changed();
    if (tier !== 'private' || this.vault.isUnlocked()) return;
    let unlocked = false;
    try {
      unlocked = await this.unlock();
    } finally {
      if (!unlocked && conversation.tier === 'private') conversation.tier = before === 'private' ? 'standard' : before;
      this.shown.changed();
    }
  }

  /** Keys belong to somebody, so there has to be somebody first. */
  async unlock(): Promise<boolean> {
    return (await this.guard(() => this.people.somebody())) && (await this.vault.unlock());
  }

  async send(text: string): Promise<void> {
    const { open } = this;
    await this.known();
    if (this.calling.here) return this.call().say(text);
    if (open.conversation.tier === 'private' && !this.vault.isUnlocked() && !(await this.unlock())) return;
    await this.write(open, () => open.writing.send(text));
  }

  edit = (turn: Turn, text: string) => this.write(this.open, () => this.open.writing.send(text, turn.id ?? undefined));
  regenerate = () => this.write(this.open, () => this.open.writing.regenerate());
  retry = (turn: Turn) => this.write(this.open, () => this.open.writing.retry(turn));

  discard(turn: Turn): string {
    this.open.conversation.thread.discard(turn);
    this.open.writing.hitch = null;
    this.shown.changed();
    return turn.text;
  }

  stop = () => this.open.writing.stop();
  older = () => this.guard(() => this.open.conversation.openOlder());
  set = (settings: Settings) => this.guard(() => this.open.conversation.set(settings));

  async rename(summary: Summary, title: string): Promise<void> {
    await this.guard(() => this.at(summary).set({ title }));
  }

  async remove({ id }: Summary): Promise<void> {
    await this.guard(async () => {
      await this.api.remove(id).catch((error: unknown) => {
        if (!(error instanceof ApiError && error.status === 404)) throw error;
      });
      this.forget(id);
    });
  }

  /** Titles and words, wherever they can be read. */
  async search(query: string): Promise<Match[]> {
    if (!this.people.person) return [];
    const [here, sealed] = await Promise.all([this.api.search(query), this.vault.search(query).catch(() => [])]);
    return [...here, ...sealed];
  }

  /** Goes on with a call that was lost, in the conversation that it was in. */
  async continueCall({ call, conversation }: Lost): Promise<void> {
    if (conversation !== null && conversation !== this.open.conversation.id) {
      history.pushState(null, '', writeRoute({ conversation, item: null }, location.search));
      await this.show({ conversation, item: null });
    }
    if (!this.people.me) await this.known();
    await this.calling.start(this.open, call);
  }

  async startCall(): Promise<void> {
    const { open } = this;
    if (!this.people.me) await this.known();
    if (open.conversation.tier === 'private' && !this.vault.isUnlocked() && !(await this.unlock())) return;
    await this.calling.start(open);
  }

  /** The call has changed. */
  callChanged(model: Model): void {
    this.calling.follow(model);
    this.shown.changed();
  }

  /** An ephemeral conversation has ended. */
  ended(id: string): void {
    this.list.remove(id);
    this.passing.delete(id);
    this.shown.changed();
  }

  /** The page is being left: what ends with it ends now. */
  leave(): void {
    // One that was being talked in lasts as long as its call can be continued.
    if (this.calling.on) this.passing.delete(this.calling.place?.conversation.id ?? '');
    this.call().leave();
    for (const id of this.passing) this.api.removeWhileLeaving(id);
  }

  /** The page was left and is back: what ended with it is over. */
  returned(): void {
    const { conversation } = this.open;
    if (conversation.id !== null && this.passing.has(conversation.id)) conversation.phase = 'over';
    for (const id of this.passing) this.list.remove(id);
    this.passing.clear();
    void this.refresh();
  }

  /** Nobody is here any more: neither is what was theirs. */
  forgetEverything(): void {
    this.vault.lock();
    this.titles.forget();
    this.list.clear();
    this.behind.clear();
    this.open = this.fresh(null, this.people.defaultTier);
    this.go({ conversation: null, item: null });
  }

  /** Somebody came in: their conversations, not those of whoever was here before. */
  async entered(): Promise<void> {
    await this.refresh();
    const { conversation } = this.open;
    this.asUsual();
    if (conversation.phase !== 'ready' && conversation.phase !== 'new') await this.guard(() => conversation.open());
    this.shown.changed();
  }

  /** Who is here decides how a conversation is kept: before that is known, none begins. */
  private async known(): Promise<void> {
    if (!this.people.me && !this.people.trouble) await this.people.load();
    this.asUsual();
  }

  /** A new conversation is kept as this person usually has it, unless something else was chosen for it. */
  private asUsual(): void {
    const { conversation } = this.open;
    if (conversation.phase === 'new' && !this.chosen.has(conversation)) conversation.tier = this.people.defaultTier;
  }

  /** Does it, and asks to sign in where that is what is missing. */
  private async guard(action: () => Promise<void>): Promise<boolean> {
    try {
      await action();
      return true;
    } catch (error) {
      const missing = codeOf(error) === 'sign_in' || (error instanceof CallError && error.problem.code === 'sign-in');
      if (!missing) throw error;
      this.people.expired();
      this.shown.signIn();
      return false;
    }
  }

  private async write(open: Open, action: () => Promise<void>): Promise<void> {
    await action();
    const code = open.writing.hitch?.code;
    if (code === 'sign_in' || code === 'sign-in') this.shown.signIn();
  }

  private listed(summary: Summary): void {
    const begun = this.open.conversation.id === summary.id && readRoute(location).conversation === null;
    this.list.put(summary);
    if (summary.tier === 'ephemeral') this.passing.add(summary.id);
    if (begun) history.replaceState(null, '', writeRoute({ conversation: summary.id, item: null }, location.search));
    this.shown.changed();
  }

  private bring(id: string | null): void {
    const { conversation } = this.open;
    if (conversation.id !== null && conversation.thread.writing) this.behind.set(conversation.id, this.open);
    const kept = id === null ? null : this.kept(id);
    if (kept) this.behind.delete(kept.conversation.id ?? '');
    this.open = kept ?? this.fresh(id, id === null ? this.people.defaultTier : (this.list.byId(id)?.tier ?? 'standard'));
  }

  private kept(id: string): Open | null {
    const { on, place } = this.calling;
    if (on && place?.conversation.id === id) return place;
    return this.behind.get(id) ?? null;
  }

  private fresh(id: string | null, tier: Tier): Open {
    const conversation = new Conversation(this.around, id, tier);
    return { conversation, writing: new Correspondence(conversation, this.around) };
  }

  private at(summary: Summary): Conversation {
    if (this.open.conversation.id === summary.id) return this.open.conversation;
    const { conversation } = this.fresh(summary.id, summary.tier);
    conversation.summary = summary;
    return conversation;
  }

  private forget(id: string): void {
    this.list.remove(id);
    this.passing.delete(id);
    this.behind.delete(id);
    if (this.open.conversation.id === id) this.go({ conversation: null, item: null });
    this.shown.changed();
  }

  private locked(): void {
    const unlocked = this.vault.isUnlocked();
    if (!unlocked) this.titles.forget();
    void this.open.conversation.unlocked(unlocked).catch(() => undefined);
    this.shown.changed();
  }
}
