/**
 * What this browser remembers, so that a server which goes back in time is noticed. Counts and hashes; nothing secret.
 * Without a store (a private window, a full disk) nothing is noticed and everything else works.
 */

/** Of one conversation: how often its head was written, and the head. */
export interface SeenHead {
  revision: number;
  last_seq: number;
  digest: string;
}

const HEADS = 'sotto.heads';
const SLOTS = 'sotto.slots';
const LOCK = 'sotto.lock-minutes';
/** The conversations least recently opened are forgotten first. */
const MOST_HEADS = 2000;

export class Memory {
  constructor(private readonly store: Pick<Storage, 'getItem' | 'setItem'> | null = storeOfPage()) {}

  head(conversation: string): SeenHead | null {
    return this.read<Record<string, SeenHead>>(HEADS)?.[conversation] ?? null;
  }

  remember(conversation: string, head: SeenHead): void {
    const { [conversation]: _, ...others } = this.read<Record<string, SeenHead>>(HEADS) ?? {};
    const kept = Object.entries(others).slice(1 - MOST_HEADS);
    this.write(HEADS, Object.fromEntries([...kept, [conversation, head]]));
  }

  /** The highest count of slot changes seen of this person; 0: none was seen. */
  slotCount(person: string): number {
    return this.read<Record<string, number>>(SLOTS)?.[person] ?? 0;
  }

  rememberSlots(person: string, count: number): void {
    this.write(SLOTS, { ...this.read<Record<string, number>>(SLOTS), [person]: count });
  }

  lockMinutes(): number | null {
    return this.read<number>(LOCK);
  }

  rememberLockMinutes(minutes: number): void {
    this.write(LOCK, minutes);
  }

  private read<T>(key: string): T | null {
    try {
      return JSON.parse(this.store?.getItem(key) ?? 'null') as T | null;
    } catch {
      return null;
    }
  }

  private write(key: string, value: unknown): void {
    try {
      this.store?.setItem(key, JSON.stringify(value));
    } catch {
      // Full, or forbidden: see above.
    }
  }
}

function storeOfPage(): Storage | null {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}
