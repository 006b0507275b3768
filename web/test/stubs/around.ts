/** What surrounds a conversation, as far as a test needs it. */
import type { Api } from '../../src/api';
import type { Item, NewConversation, NewMessage, Opened, Settings, Summary } from '../../src/contract';
import type { Around } from '../../src/conversation';
import type { StreamEvent } from '../../src/sse';
import type { TurnRecord } from '../../src/turn-record';
import type { Vault } from '../../src/vault-seam';

export class StubServer implements Around {
  readonly log: unknown[] = [];
  summaries: Summary[] = [];
  items: Item[] = [];
  tier: Summary['tier'] = 'standard';
  stream: (StreamEvent | Error)[] = [];
  records: TurnRecord[] = [];
  fail: Error | null = null;
  unlocked = false;

  readonly api = {
    conversation: async (): Promise<Opened> => {
      if (this.fail) throw this.fail;
      return { conversation: this.summary(), items: this.items, problems: [] };
    },
    turns: async () => {
      this.log.push('turns');
      return this.records;
    },
    newConversation: async (body: NewConversation) => {
      this.log.push(['new', body]);
      if (this.fail) throw this.fail;
      return this.summary();
    },
    change: async (_: string, body: Settings | { meta: string }) => {
      this.log.push(['change', body]);
      if (this.fail) throw this.fail;
      return this.summary();
    },
    message: async function* (this: void) {},
    stop: async () => void this.log.push('stop'),
  } as unknown as Api;

  /** Reads `words of` whatever was sealed as `sealed …`. */
  readonly vault: Vault = {
    isUnlocked: () => this.unlocked,
    unlock: async () => (this.unlocked = true),
    lock: () => void (this.unlocked = false),
    onChange: () => undefined,
    openSummary: async () => ({ title: 'Opened title', title_by: 'person', instructions: null, model: null, voice: null }),
    openItem: async (_, { record }) => {
      if (record === 'broken') throw new Error('the tag does not match');
      return { text: `words of ${record}`, status: 'completed', via: 'voice' };
    },
    adopt: async (_, items) => (this.log.push(['adopt', items.length]), [{ seq: 2, kind: 'missing' }]),
    newConversation: async () => ({ tier: 'private', id: 'conv_own', key: 'wrap', meta: 'meta' }),
    changed: async (_, change) => `sealed ${JSON.stringify(change)}`,
    rewind: async (_, item) => void this.log.push(['rewind', item]),
    signedInWith: async () => undefined,
    search: async () => [],
    export: async () => [],
    settings: async () => false,
  };

  constructor() {
    (this.api as { message: unknown }).message = (_: string, body: NewMessage) => this.answer(body);
  }

  somebody = async () => void this.log.push('somebody');
  changed = () => undefined;
  listed = (summary: Summary) => void this.summaries.push(summary);

  summary(): Summary {
    return {
      id: 'conv_1', tier: this.tier, title: this.tier === 'private' ? null : 'A title', title_by: null, created_ms: 1, updated_ms: 1,
      items: this.items.length, model: null, voice: null, instructions: null, in_call: false, expires_ms: null,
      sealed: this.tier === 'private' ? { key: [], meta: 'meta', title_inbox: null } : null,
    };
  }

  private async *answer(body: NewMessage): AsyncGenerator<StreamEvent> {
    this.log.push(['message', body]);
    for (const event of this.stream) {
      if (event instanceof Error) throw event;
      yield event;
    }
  }
}
