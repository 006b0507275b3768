/** A server in memory, as honest as a test lets it be: `stored` is there to be tampered with. */
import { ApiError } from '../../src/api';
import type { SealedItem, Summary } from '../../src/contract';
import { base64, fromBase64, utf8 } from '../../src/vault/bytes';
import { bind, Kind, kindOf, sealTo } from '../../src/vault/record';
import type { NewKey, Server, StoredVault } from '../../src/vault/server';
import type { Slot } from '../../src/vault/slots';

export interface StoredConversation {
  summary: Summary;
  items: SealedItem[];
}

const PAGE = 50;

export class FakeServer implements Server {
  stored: { vault: StoredVault; conversations: Map<string, StoredConversation> } = {
    vault: { identity: null, slots: [] },
    conversations: new Map(),
  };
  /** What was asked, by name. */
  asked: string[] = [];
  /** Whether it keeps new generations of keys. */
  takesKeys = true;
  /** Called before each request; may throw. */
  before: (name: string) => void = () => undefined;
  private time = 1_790_000_000_000;

  vault = async () => (this.note('vault'), structuredClone(this.stored.vault));

  putVault = async (vault: { identity: StoredVault['identity']; slots: Slot[] }) => {
    this.note('putVault');
    if (this.stored.vault.identity) throw new ApiError(409, 'vault_exists', '');
    this.stored.vault = structuredClone(vault);
  };

  putSlot = async (slot: Slot) => {
    this.note('putSlot');
    const { vault } = this.stored;
    const at = vault.slots.findIndex(({ id }) => id === slot.id);
    if (at < 0) vault.slots.push(structuredClone(slot));
    else vault.slots[at] = structuredClone(slot);
  };

  removeSlot = async (id: string) => {
    this.note('removeSlot');
    this.stored.vault.slots = this.stored.vault.slots.filter((slot) => slot.id !== id);
  };

  conversations = async () => {
    this.note('conversations');
    const conversations = [...this.stored.conversations.values()].map(({ summary }) => structuredClone(summary));
    return { conversations: conversations.sort((a, b) => b.updated_ms - a.updated_ms), next: null };
  };

  conversation = async (id: string, beforeSeq: number | null) => {
    this.note('conversation');
    const { summary, items } = this.of(id);
    const page = items.filter(({ seq }) => beforeSeq === null || seq < beforeSeq).slice(-PAGE);
    return structuredClone({ conversation: summary, items: page, problems: [] });
  };

  change = async (id: string, { meta, key }: { meta: string; key?: NewKey }) => {
    this.note('change');
    const { summary } = this.of(id);
    summary.sealed!.meta = meta;
    if (key && this.takesKeys) summary.sealed!.key.push(key);
    return structuredClone(summary);
  };

  adopt = async (id: string, { meta, items }: { meta: string; items: { seq: number; record: string }[] }) => {
    this.note('adopt');
    const conversation = this.of(id);
    const rows = items.map(({ seq }) => conversation.items.find((item) => item.seq === seq));
    if (rows.some((row) => !row || kindOf(fromBase64(row.record)) !== Kind.sealed)) throw new ApiError(409, 'conflict', '');
    items.forEach(({ record }, at) => (rows[at]!.record = record));
    conversation.summary.sealed!.meta = meta;
    conversation.summary.sealed!.title_inbox = null;
  };

  create({ id, key, meta }: { id: string; key: string; meta: string }): Summary {
    const summary: Summary = {
      id, tier: 'private', title: null, title_by: null, created_ms: this.time, updated_ms: this.time++, items: 0,
      model: null, voice: null, instructions: null, in_call: false, expires_ms: null,
      sealed: { key: [{ generation: 1, wrap: key }], meta, title_inbox: null },
    };
    this.stored.conversations.set(id, { summary, items: [] });
    return structuredClone(summary);
  }

  /** Something is said: the server seals it to the identity and forgets it. */
  async says(id: string, role: SealedItem['role'], text: string, extra: object = {}): Promise<SealedItem> {
    const { summary, items } = this.of(id);
    const seq = (items.at(-1)?.seq ?? 0) + 1;
    const place = { conversation: id, item: `item_${crypto.randomUUID()}`, seq, role };
    const content = { v: 1, text, status: 'completed', via: 'voice', at_ms: this.time, audio_ms: 900, model: null, ...extra };
    const record = await sealTo(this.identity(), 1, bind.sealedItem(place), utf8(JSON.stringify(content)));
    const item: SealedItem = { id: place.item, seq, role, at_ms: this.time, record: base64(record) };
    items.push(item);
    Object.assign(summary, { items: items.length, updated_ms: this.time++ });
    return item;
  }

  async titles(id: string, title: string): Promise<void> {
    const record = await sealTo(this.identity(), 1, bind.sealedTitle(id), utf8(JSON.stringify({ v: 1, title })));
    this.of(id).summary.sealed!.title_inbox = base64(record);
  }

  /** All from this item on goes. */
  cut(id: string, seq: number): void {
    const conversation = this.of(id);
    conversation.items = conversation.items.filter((item) => item.seq < seq);
  }

  slot(kind: string): Slot {
    return this.stored.vault.slots.find((slot) => slot.kind === kind) as Slot;
  }

  of(id: string): StoredConversation {
    const found = this.stored.conversations.get(id);
    if (!found) throw new ApiError(404, 'not_found', '');
    return found;
  }

  private identity() {
    return fromBase64(this.stored.vault.identity!.public);
  }

  private note(name: string): void {
    this.asked.push(name);
    this.before(name);
  }
}
