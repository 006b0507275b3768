/** An open vault: the keys, while they are in memory, and what they have opened. */
import type { SealedItem, Summary } from '../contract';
import { type Bytes, base64, fromBase64 } from './bytes';
import { type Content, type Meta, readContent, readMeta, readTitle, writeMeta } from './content';
import { ConversationKeys, RECORDS_PER_KEY, type Wrapping } from './conversation-keys';
import { VaultError } from './errors';
import type { KeyPair } from './hpke';
import { bind, Kind, kindOf, openSealed } from './record';

export interface OpenItem extends Content {
  id: string;
  seq: number;
  role: SealedItem['role'];
  /** It was sealed by the server, and not yet confirmed by a browser of the person: the server could have written it. */
  unconfirmed: boolean;
}

export class OpenVault implements Wrapping {
  private readonly keysOf = new Map<string, { stored: string; keys: Promise<ConversationKeys> }>();
  private readonly latest = new Map<string, Meta>();

  constructor(
    readonly person: string,
    readonly master: CryptoKey,
    readonly identity: KeyPair,
    readonly perKey = RECORDS_PER_KEY,
  ) {}

  keys(summary: Summary): Promise<ConversationKeys> {
    const stored = JSON.stringify(summary.sealed?.key);
    const known = this.keysOf.get(summary.id);
    if (known?.stored === stored) return known.keys;
    const keys = ConversationKeys.open(this, summary, this.perKey);
    this.keysOf.set(summary.id, { stored, keys });
    return keys;
  }

  /** What a conversation is called and how it is set, with a title that the server has sealed since. */
  async meta(summary: Summary): Promise<Meta> {
    const meta = await this.storedMeta(summary);
    const title = await this.inboxTitle(summary);
    return title === null || meta.title_by === 'person' ? meta : { ...meta, title, title_by: 'model' };
  }

  /** As it was last written; the page may still hold an older one. */
  async storedMeta(summary: Summary): Promise<Meta> {
    if (!summary.sealed) throw new VaultError('meta-damaged');
    const keys = await this.keys(summary);
    const opening = keys.open(bind.meta(summary.id), fromBase64(summary.sealed.meta));
    const meta = await opening.then(readMeta).catch((cause) => {
      throw new VaultError('meta-damaged', { cause });
    });
    const known = this.latest.get(summary.id);
    return known && known.revision > meta.revision ? known : meta;
  }

  async sealMeta(summary: Summary, meta: Meta): Promise<string> {
    const keys = await this.keys(summary);
    return base64(await keys.seal(keys.latest, bind.meta(summary.id), writeMeta(meta)));
  }

  /** Told when the server has taken a meta record. */
  written(conversation: string, meta: Meta): void {
    this.latest.set(conversation, meta);
  }

  /** Told before what the server has is believed anew. */
  forget(conversation: string): void {
    this.latest.delete(conversation);
  }

  /** Rejects with `record-damaged`. */
  async item(summary: Summary, row: SealedItem): Promise<OpenItem> {
    return itemOf(row, await this.plaintext(summary, row));
  }

  async plaintext(summary: Summary, row: SealedItem): Promise<Bytes> {
    const record = fromBase64(row.record);
    const place = { conversation: summary.id, item: row.id, seq: row.seq, role: row.role };
    if (isServers(row)) return openSealed(this.identity, bind.sealedItem(place), record).catch(damaged);
    return (await this.keys(summary)).open(bind.message(place), record);
  }

  async inboxTitle(summary: Summary): Promise<string | null> {
    const inbox = summary.sealed?.title_inbox;
    if (!inbox) return null;
    try {
      return readTitle(await openSealed(this.identity, bind.sealedTitle(summary.id), fromBase64(inbox)));
    } catch {
      // A title that does not open is no title; the words of the conversation are what counts.
      return null;
    }
  }
}

/** Whether the server sealed this, rather than a browser. */
export function isServers(row: SealedItem): boolean {
  return kindOf(fromBase64(row.record)) === Kind.sealed;
}

/** Throws with `record-damaged` if this is no content. */
export function itemOf(row: SealedItem, plaintext: Bytes): OpenItem {
  return { id: row.id, seq: row.seq, role: row.role, unconfirmed: isServers(row), ...readContent(plaintext) };
}

function damaged(cause: unknown): Bytes {
  throw new VaultError('record-damaged', { cause });
}
