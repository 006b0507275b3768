/** What a person can do on this page, and what is open on it. Elements, the network and the sound are handed in. */
import { ApiError, codeOf, type Api } from './api';
import type { Call, Model } from './call';
import type { ContextTurn, Match, Settings, Summary, Tier } from './contract';
import { Conversation, type Around } from './conversation';
import { Conversations } from './conversations';
import { Correspondence } from './correspondence';
import { CallError, refusal, unreachable } from './errors';
import { People } from './people';
import { readRoute, writeRoute, type Route } from './route';
import { captionTurn, type Turn } from './thread';
import { Titles } from './titles';
import type { Vault } from './vault-seam';
import { inCall } from './words';

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
/** After a call the server writes down what was cut by its end; a title comes a little later. */
const AFTER_CALL_MS = [400, 2_500, 8_000];

export class App {
  readonly people: People;
  readonly list = new Conversations();
  readonly titles: Titles;
  /** What is in front. */
  open: Open;
  /** Where the call goes on, or went on last. */
  called: Open | null = null;
  private readonly around: Around;
  /** Kept although something else is in front: a reply is being written there. */
  private readonly behind = new Map<string, Open>();
  private readonly passing = new Set<string>();
  private wasInCall = false;

  constructor(
    private readonly api: Api,
    readonly vault: Vault,
    private readonly call: () => Call,
    private readonly shown: Shown,
  ) {
    this.people = new People(api, () => this.shown.changed());
    this.titles = new Titles(vault, () => this.shown.changed());
    this.around = {
      api,
      vault,
      somebody: () => this.people.somebody(),
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
    await Promise.all([this.people.load(), this.refresh(), opening]);
    if (this.open.conversation.phase === 'new') this.open.conversation.tier = this.people.defaultTier;
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
    if (this.callIsHere()) return this.call().say(text);
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
    const [here, sealed] = await Promise.all([this.api.search(query), this.vault.search(query).catch(() => [])]);
    return [...here, ...sealed];
  }

  /** The conversation that a call belongs to, once the microphone is allowed; null where the server keeps none. */
  async conversationForCall(): Promise<string | null> {
    if (this.people.trouble) return null;
    try {
      return (await this.called?.conversation.create()) ?? null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === 'unreachable') throw new CallError(unreachable());
      throw new CallError(refusal(error.status, { error: { code: error.code, message: error.message } }, error.retryAfter));
    }
  }

  /** Earlier turns, for a server that cannot read them. */
  contextForCall(): ContextTurn[] {
    const conversation = this.called?.conversation;
    return conversation?.tier === 'private' ? conversation.thread.context() : [];
  }

  async startCall(): Promise<void> {
    const { open } = this;
    if (open.conversation.tier === 'private' && !this.vault.isUnlocked() && !(await this.unlock())) return;
    this.called = open;
    await this.call().start();
  }

  /** Follows the call: what was said in it becomes part of the conversation. */
  callChanged(model: Model): void {
    const on = model.state === 'connecting' || inCall(model.state);
    if (model.problem?.code === 'sign-in' && !on && this.wasInCall) this.shown.signIn();
    if (this.called && inCall(model.state)) {
      const first = model.captions.find(({ role, phase }) => role === 'user' && phase === 'done');
      if (first && this.called.conversation.id) void this.called.conversation.begun(first.text);
    }
    if (this.wasInCall && !on && this.called) void this.afterCall(this.called, model);
    this.wasInCall = on;
    this.shown.changed();
  }

  /** The turns in front, with those of a call that are being spoken. */
  turns(): Turn[] {
    const { turns } = this.open.conversation.thread;
    if (this.called !== this.open) return turns;
    const spoken = this.call().model.captions;
    if (!this.wasInCall) {
      const ids = new Set(turns.map(({ id }) => id));
      return [...turns, ...spoken.filter(({ id }) => !ids.has(id)).map(captionTurn)];
    }
    const ids = new Set(spoken.map(({ id }) => id));
    return [...turns.filter(({ id }) => id === null || !ids.has(id)), ...spoken.map(captionTurn)];
  }

  callIsOn(): boolean {
    return this.wasInCall;
  }

  callIsHere(): boolean {
    return this.wasInCall && this.called === this.open;
  }

  /** The page is being left: what ends with it ends now. */
  leave(): void {
    this.call().hangUp();
    for (const id of this.passing) this.api.removeWhileLeaving(id);
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
    if (conversation.phase === 'new') conversation.tier = this.people.defaultTier;
    else if (conversation.phase !== 'ready') await this.guard(() => conversation.open());
    this.shown.changed();
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
    if (this.wasInCall && this.called?.conversation.id === id) return this.called;
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
    void this.open.conversation.unlocked(unlocked);
    this.shown.changed();
  }

  private async afterCall({ conversation }: Open, { captions, history: kept }: Model): Promise<void> {
    if (conversation.id === null) return;
    conversation.thread.absorb(captions);
    if (conversation.tier === 'ephemeral') {
      conversation.phase = 'over';
      this.list.remove(conversation.id);
      this.passing.delete(conversation.id);
      return;
    }
    for (const ms of kept === 'stored' ? AFTER_CALL_MS : []) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      if (this.callIsOn() || conversation.phase !== 'ready') return;
      await conversation.open().catch(() => undefined);
      const waiting = conversation.thread.turns.some((turn) => turn.saved === 'pending');
      if (!waiting && conversation.settings.title_by !== 'words') return;
    }
    conversation.thread.giveUp();
    this.shown.changed();
  }
}
