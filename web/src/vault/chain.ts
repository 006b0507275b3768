/** The head of a conversation: what says that no record is missing, moved or changed. */
import { type Bytes, concat, equal, fromHex, hex, u64 } from './bytes';
import { sha256 } from './keys';
import { tagOf } from './record';

/** The last sequence number, and a digest over the tags of all records up to it. */
export class Head {
  static readonly EMPTY = new Head(0, new Uint8Array(32));

  constructor(
    readonly lastSeq: number,
    readonly digest: Bytes,
  ) {}

  /** Throws unless the record is the next one. */
  async push(seq: number, record: Uint8Array): Promise<Head> {
    if (seq !== this.lastSeq + 1) throw new RangeError(`${seq} does not follow ${this.lastSeq}`);
    return new Head(seq, await sha256(concat(this.digest, u64(seq), tagOf(record))));
  }

  equals(other: Head): boolean {
    return this.lastSeq === other.lastSeq && equal(this.digest, other.digest);
  }

  /** As it stands in a meta record. */
  fields(): { last_seq: number; digest: string } {
    return { last_seq: this.lastSeq, digest: hex(this.digest) };
  }

  /** An absent head is the empty one: a conversation begins without. */
  static from(fields: { last_seq?: unknown; digest?: unknown }): Head {
    const { last_seq: lastSeq, digest } = fields;
    if (typeof lastSeq !== 'number' || typeof digest !== 'string' || digest === '') return Head.EMPTY;
    const bytes = fromHex(digest);
    if (bytes.length !== 32 || !Number.isSafeInteger(lastSeq) || lastSeq < 0) throw new SyntaxError('not a head');
    return new Head(lastSeq, bytes);
  }
}
