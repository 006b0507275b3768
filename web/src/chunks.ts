/** Puts chunks of speech together from what the channel `sotto-audio` brings. */
import { parseServerEvent, type ChunkHead } from './protocol';

export interface Chunk {
  head: ChunkHead;
  /** One complete WAV. */
  wav: ArrayBuffer;
}

export class ChunkAssembler {
  private head: ChunkHead | null = null;
  private parts: ArrayBuffer[] = [];
  private received = 0;

  /** Takes the next message, in order; gives the chunk that it completes. */
  push(message: string | ArrayBuffer): Chunk | null {
    if (typeof message === 'string') {
      const event = parseServerEvent(message);
      // Whatever was unfinished was given up, and parts after a header we cannot read belong to nothing.
      this.begin(event?.type === 'sotto.audio.chunk' ? event : null);
      return null;
    }
    if (!this.head) return null;
    this.parts.push(message);
    this.received += message.byteLength;
    if (this.received < this.head.bytes) return null;
    const chunk = this.received === this.head.bytes ? { head: this.head, wav: joined(this.parts) } : null;
    this.begin(null);
    return chunk;
  }

  private begin(head: ChunkHead | null): void {
    this.head = head;
    this.parts = [];
    this.received = 0;
  }
}

function joined(parts: ArrayBuffer[]): ArrayBuffer {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(new Uint8Array(part), at);
    at += part.byteLength;
  }
  return whole.buffer;
}
