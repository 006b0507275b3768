/** The keys of one conversation: a generation for every so many records. */
import type { Summary } from '../contract';
import { type Bytes, base64, fromBase64, random } from './bytes';
import { VaultError } from './errors';
import { importCipher, KEY_BYTES } from './keys';
import { type Binding, bind, generationOf, open, seal } from './record';
import type { NewKey } from './server';
import { wipe } from './slots';

/** What one key seals at most: far from where random nonces would meet. */
export const RECORDS_PER_KEY = 2 ** 20;
const FIRST = 1;

export interface Wrapping {
  person: string;
  master: CryptoKey;
}

export class ConversationKeys {
  private readonly used = new Map<number, number>();

  private constructor(
    private readonly conversation: string,
    private readonly keys: Map<number, CryptoKey>,
    private readonly perKey: number,
  ) {}

  /** Opens all generations. Rejects with `key-damaged`, also if they are those of another conversation. */
  static async open({ person, master }: Wrapping, summary: Summary, perKey = RECORDS_PER_KEY): Promise<ConversationKeys> {
    const keys = new Map<number, CryptoKey>();
    for (const { generation, wrap } of summary.sealed?.key ?? []) {
      const record = fromBase64(wrap);
      if (generationOf(record) !== generation) throw new VaultError('key-damaged');
      const bytes = await open(master, bind.conversationKey(person, summary.id), record).catch((cause) => {
        throw new VaultError('key-damaged', { cause });
      });
      if (bytes.length !== KEY_BYTES) throw new VaultError('key-damaged');
      keys.set(generation, await importCipher(bytes));
      wipe(bytes);
    }
    if (keys.size === 0) throw new VaultError('key-damaged');
    return new ConversationKeys(summary.id, keys, perKey);
  }

  /** The keys of a new conversation, and the first of them as it is stored. */
  static async create(wrapping: Wrapping, conversation: string, perKey = RECORDS_PER_KEY) {
    const { key, stored } = await newKey(wrapping, conversation, FIRST);
    return { keys: new ConversationKeys(conversation, new Map([[FIRST, key]]), perKey), stored };
  }

  get latest(): number {
    return Math.max(...this.keys.keys());
  }

  has(generation: number): boolean {
    return this.keys.has(generation);
  }

  /**
   * The generation that seals an item. Told by its place, so that all browsers agree without counting together: half of what
   * a key may seal is for items, the other half for meta records and for items that are sealed again.
   */
  generationFor(seq: number): number {
    return FIRST + Math.floor((seq - 1) / (this.perKey / 2));
  }

  /** A later generation, as it is to be stored. It seals nothing before the server gives it back. */
  async next(wrapping: Wrapping): Promise<NewKey> {
    return (await newKey(wrapping, this.conversation, this.latest + 1)).stored;
  }

  async seal(generation: number, binding: Binding, plaintext: Bytes): Promise<Bytes> {
    const key = this.keys.get(generation);
    const used = this.used.get(generation) ?? 0;
    if (!key || used >= this.perKey) throw new VaultError('key-not-stored');
    this.used.set(generation, used + 1);
    return seal(key, generation, binding, plaintext);
  }

  /** Rejects if the record is not this conversation's, or not in its place. */
  async open(binding: Binding, record: Uint8Array): Promise<Bytes> {
    const key = this.keys.get(generationOf(record) ?? -1);
    if (!key) throw new VaultError('record-damaged');
    return open(key, binding, record).catch((cause) => {
      throw new VaultError('record-damaged', { cause });
    });
  }
}

async function newKey({ person, master }: Wrapping, conversation: string, generation: number) {
  const bytes = random(KEY_BYTES);
  const wrap = base64(await seal(master, generation, bind.conversationKey(person, conversation), bytes));
  const key = await importCipher(bytes);
  wipe(bytes);
  return { key, stored: { generation, wrap } satisfies NewKey };
}
