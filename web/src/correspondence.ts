/** Writing in a conversation: a message goes out, the reply comes in as it is written. */
import { ApiError, codeOf } from './api';
import type { NewMessage } from './contract';
import type { Around, Conversation } from './conversation';
import { CallError, sentence, tryAgain } from './errors';
import type { Turn } from './thread';

/** What went wrong with the last message; the turn it is about is marked. */
export interface Hitch {
  code: string;
  text: string;
  /** `send`: the message did not arrive. `reply`: it did, but was not answered. */
  at: 'send' | 'reply';
}

export class Correspondence {
  hitch: Hitch | null = null;

  constructor(
    private readonly conversation: Conversation,
    private readonly around: Around,
    private readonly now: () => number = Date.now,
  ) {}

  /** Sends a message; in the place of another one if `replaces` is given. Resolves when the reply has ended. */
  async send(text: string, replaces?: string): Promise<void> {
    const { thread } = this.conversation;
    if (thread.writing) return;
    const turn = thread.say(text, this.now(), replaces);
    await this.exchange(replaces === undefined ? { text } : { text, replaces }, turn);
  }

  /** Has the last reply written anew. */
  async regenerate(): Promise<void> {
    const { thread } = this.conversation;
    if (thread.writing) return;
    thread.sayAgain(this.now());
    await this.exchange({ regenerate: true }, null);
  }

  /** Sends a message again that could not be saved. */
  async retry(turn: Turn): Promise<void> {
    const { conversation, hitch } = this;
    const { thread } = conversation;
    if (thread.writing) return;
    const { replaces } = turn;
    thread.discard(turn);
    // Its confirmation may be all that was lost.
    const known = new Set(thread.turns.map(({ id }) => id));
    if (hitch?.code === 'unreachable') await conversation.open().catch(() => undefined);
    const arrived = thread.turns.some(({ id, role, text }) => role === 'user' && text === turn.text && !known.has(id));
    if (!arrived) return this.send(turn.text, replaces);
    this.hitch = null;
    this.around.changed(conversation);
  }

  /** What was written stays. */
  async stop(): Promise<void> {
    const { id } = this.conversation;
    if (id !== null) await this.around.api.stop(id).catch(() => undefined);
  }

  private async exchange(message: NewMessage, turn: Turn | null): Promise<void> {
    const { conversation, around } = this;
    const { thread } = conversation;
    this.hitch = null;
    around.changed(conversation);
    let failed = true;
    try {
      const id = await conversation.create();
      if (turn) await conversation.begun(turn.text);
      if (conversation.tier === 'private') {
        if (message.regenerate || message.replaces) await around.vault.rewind(id, message.replaces ?? null);
        message.context = thread.context(turn);
      }
      failed = !(await this.follow(id, message));
    } catch (error) {
      this.hitch = hitchOf(error, turn?.id === null ? 'send' : 'reply');
      if (error instanceof ApiError && error.status === 404 && conversation.tier === 'ephemeral') conversation.phase = 'over';
    }
    thread.close(failed);
    around.changed(conversation);
    // What the server has of it is what counts; it may have more than we were told.
    if (failed && conversation.phase === 'ready' && this.hitch?.code !== 'unreachable') {
      await conversation.open().catch(() => undefined);
    }
  }

  /** Gives whether the reply came to its end. */
  private async follow(id: string, message: NewMessage): Promise<boolean> {
    const { conversation, around } = this;
    let whole = false;
    for await (const event of around.api.message(id, message)) {
      if (event.event === 'error') throw new ApiError(200, event.code, event.message);
      if (event.event === 'title') await conversation.titled(event.title).catch(() => undefined);
      else conversation.thread.follow(event);
      if (event.event === 'stored') conversation.moved(this.now());
      if (event.event === 'done') whole = true;
      around.changed(conversation);
    }
    if (!whole) throw new ApiError(0, 'unreachable', '');
    return !conversation.thread.turns.some((turn) => turn.saved === 'pending');
  }
}

/** In plain words; the turn that it is about has its own button to try again. */
export function hitchOf(error: unknown, at: Hitch['at'], now = Date.now()): Hitch {
  if (error instanceof CallError) return { code: error.problem.code, at, text: 'Sign in to write here.' };
  const code = codeOf(error);
  const wait = error instanceof ApiError ? tryAgain(error.retryAfter, now) : '';
  const text = (words: string) => ({ code, at, text: words });
  switch (code) {
    case 'unreachable':
      return text(at === 'send' ? 'The server does not answer.' : 'The connection broke before the reply was whole.');
    case 'in_call':
      return text('A call is going on in this conversation. Hang up first, or type into the call.');
    case 'busy':
      return text('A reply is still being written in this conversation.');
    case 'rate_limit_exceeded':
      return text(`Too many messages at once. ${wait}`);
    case 'sign_in':
      return text('You are signed out. Sign in to go on.');
    case 'not_found':
      return text('This conversation is not there any more.');
    default: {
      const said = error instanceof ApiError ? sentence(error.message) : '';
      return text(said || (at === 'send' ? 'The server did not take it.' : 'The model gave no answer.'));
    }
  }
}
