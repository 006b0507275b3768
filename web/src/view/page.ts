/** Shows what the app knows, part by part, and leads what the person does to it. */
import { ApiError, type Api } from '../api';
import type { App } from '../app';
import type { Call } from '../call';
import type { Model, Summary, Voice } from '../contract';
import { CallError } from '../errors';
import { save } from '../files';
import { messageOf } from '../people';
import { readRoute } from '../route';
import { Sample } from '../sample';
import { ComposerView } from './composer';
import { confirmed } from './confirm';
import { element } from './dom';
import { HeadView } from './head';
import { SearchView } from './search';
import { SideView } from './side';
import { ThreadView } from './thread';
import { WelcomeView } from './welcome';

export class PageView {
  private readonly thread: ThreadView;
  private readonly composer: ComposerView;
  private readonly side: SideView;
  private readonly head: HeadView;
  private readonly welcome: WelcomeView;
  private pending = false;
  private retitled: () => void = () => undefined;
  private lastTitle: string | null = null;
  private models: Model[] | null = null;
  private voices: Voice[] = [];
  private defaults: { model: string | null; voice: string | null } = { model: null, voice: null };

  constructor(
    private readonly app: App,
    private readonly api: Api,
    private readonly call: () => Call,
  ) {
    const attempt = (action: Promise<unknown>) => void action.catch((error: unknown) => this.tell(error));
    this.thread = new ThreadView({
      edit: (turn, text) => attempt(app.edit(turn, text)),
      regenerate: () => attempt(app.regenerate()),
      retry: (turn) => attempt(app.retry(turn)),
      discard: (turn) => this.composer.put(app.discard(turn)),
      older: () => attempt(app.older()),
    });
    this.composer = new ComposerView({ send: (text) => attempt(app.send(text)), stop: () => attempt(app.stop()) });
    this.side = new SideView({
      title: (summary) => app.titles.of(summary),
      go: (conversation) => this.go(conversation, null),
      more: () => attempt(app.more()),
      rename: (summary, title) => attempt(app.rename(summary, title)),
      export: (summary) => attempt(this.export(summary)),
      remove: (summary) => attempt(this.remove(summary)),
      person: () => attempt(app.people.person ? this.settings() : this.door('sign-in')),
      keep: () => attempt(this.door('sign-up')),
    });
    new SearchView(this.side, {
      search: (query) => app.search(query),
      go: (conversation, item) => this.go(conversation, item),
      locked: () => !app.vault.isUnlocked() && app.list.list.some(({ tier }) => tier === 'private'),
    });
    const sample = new Sample((path, init) => this.api.send(path, init));
    this.head = new HeadView({
      rename: (title) => attempt(app.set({ title })),
      set: (settings) => attempt(app.set(settings)),
      export: () => this.current() && attempt(this.export(this.current()!)),
      remove: () => this.current() && attempt(this.remove(this.current()!)),
      hear: (voice) => sample.play(voice).catch((error: unknown) => this.tell(error)),
      hush: () => sample.stop(),
      wanted: () => attempt(this.choices()),
    });
    this.welcome = new WelcomeView({
      chooseTier: (tier) => attempt(app.chooseTier(tier)),
      unlock: () => attempt(app.unlock()),
      reload: () => attempt(app.show(readRoute(location))),
      begin: () => this.go(null, null),
    });
    const skip = element('skip', HTMLButtonElement);
    skip.addEventListener('click', () => this.composer.focus());
    element('call-elsewhere', HTMLAnchorElement).addEventListener('click', (event) => this.side.follow(event, app.calling.place?.conversation.id ?? null));
  }

  /** Something is to be shown anew; many changes at once are shown once. */
  changed(): void {
    if (this.pending) return;
    this.pending = true;
    queueMicrotask(() => {
      this.pending = false;
      this.show();
    });
  }

  /** Another conversation is in front. */
  opened(item: string | null): void {
    this.show();
    if (item !== null) return this.thread.reveal(item);
    // Where a keyboard would cover half the screen, it waits until it is asked for.
    if (!matchMedia('(pointer: coarse)').matches && !this.app.calling.on) this.composer.focus();
  }

  back(): void {
    void this.app.show(readRoute(location)).catch((error: unknown) => this.tell(error));
  }

  signIn(): void {
    void this.door('sign-in');
  }

  /** What the conversation in front is called; null for one that has no name yet. */
  title(): string | null {
    const { summary, phase } = this.app.open.conversation;
    return summary && phase !== 'new' ? this.app.titles.of(summary) : null;
  }

  onTitle(retitled: () => void): void {
    this.retitled = retitled;
  }

  private show(): void {
    const { app } = this;
    const { conversation, writing } = app.open;
    const { me, person, trouble } = app.people;
    const keeps = trouble === null || trouble.status !== 404;
    const turns = app.calling.turns();
    const live = app.calling.here;
    const { phase } = conversation;
    this.side.show({
      list: app.list.list,
      more: app.list.next !== null,
      current: conversation.id,
      person,
      guestDays: me?.guest_days ?? 30,
      keeps,
      known: me !== null && window.isSecureContext,
    });
    this.head.show({
      phase,
      tier: conversation.tier,
      title: conversation.settings.title ?? this.title() ?? 'New conversation',
      settings: conversation.settings,
      models: this.models ?? [],
      voices: this.voices,
      defaultModel: this.defaults.model,
      defaultVoice: this.defaults.voice,
      keeps,
    });
    this.welcome.show({ phase, tier: conversation.tier, filled: turns.length > 0, keeps: keeps && window.isSecureContext });
    this.thread.show({
      of: app.open,
      turns: phase === 'locked' ? [] : turns,
      live: live || conversation.thread.writing,
      editable: phase === 'ready' && !live && !conversation.thread.writing,
      hitch: writing.hitch,
      damage: conversation.damage,
      over: phase === 'over',
    });
    this.composer.show({
      of: app.open,
      writing: conversation.thread.writing,
      calling: live,
      closed: this.closed(keeps),
      silent: !['new', 'ready'].includes(phase),
    });
    this.elsewhere();
    const title = this.title();
    if (title === this.lastTitle) return;
    this.lastTitle = title;
    this.retitled();
  }

  private closed(keeps: boolean): string | null {
    if (!keeps) return 'This server takes calls only';
    if (!window.isSecureContext) return 'Writing needs https';
    const { phase } = this.app.open.conversation;
    if (phase === 'over') return 'This conversation is over';
    return phase === 'new' || phase === 'ready' ? null : '';
  }

  /** While a call goes on in another conversation, there is a way back to it. */
  private elsewhere(): void {
    const link = element('call-elsewhere', HTMLAnchorElement);
    const summary = this.app.calling.place?.conversation.summary ?? null;
    link.hidden = !this.app.calling.on || this.app.calling.here || !summary;
    if (link.hidden || !summary) return;
    link.href = `/c/${encodeURIComponent(summary.id)}`;
    link.textContent = `The call is in “${this.app.titles.of(summary)}”`;
  }

  private go(conversation: string | null, item: string | null): void {
    this.app.go({ conversation, item });
  }

  private current(): Summary | null {
    return this.app.open.conversation.summary;
  }

  private async export(summary: Summary): Promise<void> {
    const { vault } = this.app;
    if (summary.tier === 'private' && !vault.isUnlocked() && !(await this.app.unlock())) return;
    const document =
      summary.tier === 'private'
        ? { format: 'sotto.conversations', version: 1, conversations: await vault.export(summary) }
        : await this.api.export(summary.id);
    save(document, this.app.titles.of(summary));
  }

  private async remove(summary: Summary): Promise<void> {
    const name = this.app.titles.of(summary);
    const question = {
      title: `Delete “${name}”?`,
      text: 'Everything said in it is destroyed with its key. This cannot be undone.',
      yes: 'Delete',
    };
    if (!(await confirmed(question))) return;
    if (this.app.calling.place?.conversation.id === summary.id) this.call().hangUp();
    await this.app.remove(summary);
  }

  /** Models and voices are asked for when somebody wants to choose. */
  private async choices(): Promise<void> {
    if (this.models) return;
    const [models, voices] = await Promise.all([this.api.models(), this.api.voices().catch(() => ({ voices: [], default: null }))]);
    this.models = models.models;
    this.voices = voices.voices;
    this.defaults = { model: models.default, voice: voices.default };
    this.show();
  }

  private async door(way: 'sign-in' | 'sign-up'): Promise<void> {
    const { openDoor } = await import('./door');
    await openDoor(this.app, way);
  }

  private async settings(): Promise<void> {
    const { openSettings } = await import('../settings/settings');
    await openSettings(this.app, this.api, (way) => this.door(way));
  }

  private tell(error: unknown): void {
    if (error instanceof CallError) return this.call().tell(error.problem);
    const unreachable = error instanceof ApiError && error.code === 'unreachable';
    const advice = unreachable ? 'The server does not answer. Check the connection, then try again.' : messageOf(error) || 'Try again.';
    this.call().tell({ code: 'not-done', title: 'That did not work', advice });
  }
}
