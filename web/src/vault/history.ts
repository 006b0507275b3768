/** The stored side of private conversations: reading them whole, taking over what the server sealed, going back. */
import type { SealedItem, Summary } from '../contract';
import { type Bytes, base64, fromBase64 } from './bytes';
import { Head } from './chain';
import { changedMeta, type Meta, type MetaChange } from './content';
import { VaultError } from './errors';
import { headsOver, inspect, type Inspected, type Problem } from './inspect';
import type { Memory } from './memory';
import type { OpenVault } from './opened';
import { bind } from './record';
import type { Server } from './server';

/** One request adopts at most so many items, so that none is refused for its size. */
const ITEMS_A_REQUEST = 200;
const BYTES_A_REQUEST = 512 * 1024;

export interface Adoption {
  /** How many items were taken over. */
  adopted: number;
  problems: Problem[];
}

export interface AdoptOptions {
  /** The person was warned, and goes on with what is there. */
  accept?: boolean;
}

export class History {
  constructor(
    private readonly vault: OpenVault,
    private readonly server: Server,
    private readonly memory: Memory,
  ) {}

  /** All items of a conversation, from the first on. */
  async rows(summary: Summary, last: SealedItem[]): Promise<SealedItem[]> {
    let rows = last;
    while (rows[0] && rows[0].seq > 1) {
      const { items } = await this.server.conversation(summary.id, rows[0].seq);
      if (items.length === 0) break;
      rows = [...items, ...rows];
    }
    return rows;
  }

  /** A conversation as the server has it now. */
  async fetch(id: string): Promise<{ summary: Summary; rows: SealedItem[] }> {
    const { conversation, items } = await this.server.conversation(id, null);
    return { summary: conversation, rows: await this.rows(conversation, items) };
  }

  /**
   * Compares everything with the head, and takes over what the server sealed: from then on it is under the conversation's
   * key, and the server can no longer change it unnoticed. What was confirmed and is not intact is left as evidence.
   */
  adopt(summary: Summary, last: SealedItem[], options: AdoptOptions = {}): Promise<Adoption> {
    return alone(`sotto.adopt.${summary.id}`, async () => {
      let state = { summary, rows: await this.rows(summary, last) };
      let found = await this.inspect(state);
      if (found.problems.length > 0) {
        // The page may be behind another tab: nobody is warned before the server was asked again.
        this.vault.forget(summary.id);
        state = await this.fetch(summary.id);
        found = await this.inspect(state);
      }
      if (!found.intact && !options.accept) return { adopted: 0, problems: found.problems };
      const adopted = await this.takeOver(state.summary, state.rows, found);
      return { adopted, problems: found.problems };
    });
  }

  /**
   * Writes a head that ends before an item (before the last reply, if none is named), so that the server can be asked to put
   * something else there. Without it what comes there would be a forgery.
   */
  rewind(id: string, item: string | null): Promise<void> {
    return alone(`sotto.adopt.${id}`, async () => {
      const { summary, rows } = await this.fetch(id);
      const first = rows.findLast((row) => (item === null ? row.role === 'assistant' : row.id === item));
      const meta = await this.vault.storedMeta(summary);
      if (!first || meta.head.lastSeq < first.seq) return;
      const head = (await headsOver(rows)).get(first.seq - 1);
      if (!head) throw new VaultError('record-damaged');
      const next = changedMeta(meta, {}, head);
      await this.server.change(id, { meta: await this.vault.sealMeta(summary, next) });
      this.written(id, next);
    });
  }

  /** The sealed meta record with changes, for the page to send. What is written next has them too. */
  async changed(summary: Summary, change: MetaChange): Promise<string> {
    const next = changedMeta(await this.vault.storedMeta(summary), change);
    const sealed = await this.vault.sealMeta(summary, next);
    this.vault.written(summary.id, next);
    return sealed;
  }

  private inspect({ summary, rows }: { summary: Summary; rows: SealedItem[] }): Promise<Inspected> {
    return inspect(this.vault, summary, rows, this.memory.head(summary.id));
  }

  private async takeOver(summary: Summary, rows: SealedItem[], found: Inspected): Promise<number> {
    const title = found.meta.title_by === 'person' ? null : await this.vault.inboxTitle(summary);
    const titled: MetaChange = title === null ? {} : { title, title_by: 'model' };
    const kept = found.intact ? found.meta.head : Head.EMPTY;
    // After a rollback the count goes on from what was seen, not from what came back.
    const revision = Math.max(found.meta.revision, this.memory.head(summary.id)?.revision ?? 0);
    let meta: Meta = { ...found.meta, revision };
    let head = kept;
    let adopted = 0;
    let batch: { seq: number; record: string }[] = [];
    let bytes = 0;
    const send = async () => {
      meta = changedMeta(meta, titled, head);
      await this.server.adopt(summary.id, { meta: await this.vault.sealMeta(summary, meta), items: batch });
      this.written(summary.id, meta);
      adopted += batch.length;
      batch = [];
      bytes = 0;
    };

    let current = summary;
    for (const row of rows.filter(({ seq }) => seq > kept.lastSeq)) {
      // Behind a gap nothing can be confirmed.
      if (row.seq !== head.lastSeq + 1) break;
      let { record } = row;
      const plaintext = found.unconfirmed.get(row.seq);
      if (plaintext) {
        current = await this.withKeyFor(row.seq, current, meta);
        record = await this.sealed(current, row, plaintext);
        batch.push({ seq: row.seq, record });
        bytes += record.length;
      }
      head = await head.push(row.seq, fromBase64(record));
      if (batch.length >= ITEMS_A_REQUEST || bytes >= BYTES_A_REQUEST) await send();
    }
    if (batch.length > 0 || !head.equals(meta.head) || title !== null || !found.intact) await send();
    else this.written(summary.id, meta);
    return adopted;
  }

  /** What the server sealed, under the conversation's key; not a byte of the content is changed. */
  private async sealed(summary: Summary, row: SealedItem, plaintext: Bytes): Promise<string> {
    const keys = await this.vault.keys(summary);
    const place = { conversation: summary.id, item: row.id, seq: row.seq, role: row.role };
    return base64(await keys.seal(keys.generationFor(row.seq), bind.message(place), plaintext));
  }

  /** Makes the next generation of the key when it is time, and seals nothing under it before the server has it. */
  private async withKeyFor(seq: number, summary: Summary, meta: Meta): Promise<Summary> {
    let current = summary;
    for (;;) {
      const keys = await this.vault.keys(current);
      if (keys.has(keys.generationFor(seq))) return current;
      const stored = await keys.next(this.vault);
      const body = { meta: await this.vault.sealMeta(current, meta), key: stored };
      current = await this.server.change(current.id, body);
      const taken = current.sealed?.key.some(({ generation, wrap }) => generation === stored.generation && wrap === stored.wrap);
      if (!taken) throw new VaultError('key-not-stored');
    }
  }

  private written(conversation: string, meta: Meta): void {
    this.vault.written(conversation, meta);
    this.memory.remember(conversation, { revision: meta.revision, ...meta.head.fields() });
  }
}

/** Only one tab of this browser at a time does this. */
function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
  const locks = globalThis.navigator?.locks;
  return locks ? (locks.request(name, work) as Promise<T>) : work();
}
