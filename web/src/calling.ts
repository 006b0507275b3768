/** A call and the conversation that it belongs to: what was said before goes in, what is said in it comes out. */
import { ApiError } from './api';
import type { App, Open } from './app';
import type { Call } from './call';
import type { ContextTurn } from './contract';
import { CallError, refusal, unreachable } from './errors';
import type { Model } from './model';
import { captionTurn, type Turn } from './thread';
import { inCall } from './words';

/** After a call the server writes down what was cut by its end; a title comes a little later. */
const AFTER_CALL_MS = [400, 2_500, 8_000];

export class Calling {
  /** Where the call goes on, or went on last. */
  place: Open | null = null;
  /** A call is on, or being opened. */
  on = false;

  constructor(
    private readonly app: App,
    private readonly call: () => Call,
    private readonly signIn: () => void,
  ) {}

  /** The call is in the conversation in front. */
  get here(): boolean {
    return this.on && this.place === this.app.open;
  }

  /** With the id of a lost call that was in this place, that one goes on. */
  start(place: Open, resume: string | null = null): Promise<void> {
    this.place = place;
    return this.call().start(resume);
  }

  /** What it belongs to, asked once the microphone is allowed; null where the server keeps none. */
  async conversation(): Promise<string | null> {
    if (this.app.people.trouble) return null;
    try {
      return (await this.place?.conversation.create()) ?? null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code === 'unreachable') throw new CallError(unreachable());
      throw new CallError(refusal(error.status, { error: { code: error.code, message: error.message } }, error.retryAfter));
    }
  }

  /** Earlier turns, for a server that cannot read them. */
  context(): ContextTurn[] {
    const conversation = this.place?.conversation;
    return conversation?.tier === 'private' ? conversation.thread.context() : [];
  }

  /** The turns in front, with those of a call that are being spoken. */
  turns(): Turn[] {
    const { turns } = this.app.open.conversation.thread;
    if (this.place !== this.app.open) return turns;
    const spoken = this.call().model.captions;
    // While the call is on its own account of it counts, afterwards that of the server.
    const first = new Set(this.on ? spoken.map(({ id }) => id) : turns.map(({ id }) => id));
    return this.on
      ? [...turns.filter(({ id }) => id === null || !first.has(id)), ...spoken.map(captionTurn)]
      : [...turns, ...spoken.filter(({ id }) => !first.has(id)).map(captionTurn)];
  }

  /** The call has changed. */
  follow(model: Model): void {
    const before = this.on;
    this.on = model.state === 'connecting' || inCall(model.state);
    const conversation = this.place?.conversation;
    const first = model.captions.find(({ role, phase }) => role === 'user' && phase === 'done');
    if (this.on && first && conversation?.id) void conversation.begun(first.text);
    if (!before || this.on) return;
    if (model.problem?.code === 'sign-in') this.signIn();
    if (this.place) void this.after(this.place, model);
  }

  /** What was said becomes part of the conversation, and is compared with what the server has of it. */
  private async after({ conversation }: Open, { captions, history: kept, callId }: Model): Promise<void> {
    const { id } = conversation;
    if (id === null) return;
    conversation.thread.absorb(captions);
    // It lasts as long as its call can be continued.
    if (conversation.tier === 'ephemeral' && callId !== null) return;
    if (conversation.tier === 'ephemeral') {
      conversation.phase = 'over';
      return this.app.ended(id);
    }
    for (const ms of kept === 'stored' ? AFTER_CALL_MS : []) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      if (this.on || conversation.phase !== 'ready') return;
      await conversation.open().catch(() => undefined);
      const waiting = conversation.thread.turns.some((turn) => turn.saved === 'pending');
      if (!waiting && conversation.settings.title_by !== 'words') return;
    }
    conversation.giveUp();
  }
}
