/**
 * Which slots a vault has. Every slot carries the whole list under the master key, with a count that grows with each change:
 * so a slot that was replaced, or that somebody else put there, is known as soon as one newer slot is seen.
 */
import type { Warning } from './errors';
import { isSlot, openRoster, sealRoster, type Slot, type UnknownSlot } from './slots';

interface Roster {
  count: number;
  /** Public keys by id. */
  slots: Record<string, string>;
}

export interface Checked {
  count: number;
  /** The newest list. */
  slots: Record<string, string>;
  warnings: { code: Warning; slot: string }[];
  /** Slots that the newest list does not name as they are; not to be opened, not to be sealed to. */
  refused: Set<string>;
  /** Of the slots that are right, those with an older list: a change was not carried through. */
  stale: boolean;
}

/** Compares all slots with the newest list that the master key vouches for. */
export async function checkSlots(person: string, slots: (Slot | UnknownSlot)[], master: CryptoKey): Promise<Checked> {
  const known = slots.filter(isSlot);
  const rosters = new Map<string, Roster>();
  for (const slot of known) {
    const roster = parseRoster(await openRoster(person, slot, master));
    if (roster) rosters.set(slot.id, roster);
  }
  const newest = [...rosters.values()].reduce<Roster>((a, b) => (b.count > a.count ? b : a), { count: 0, slots: {} });

  const checked: Checked = { ...newest, warnings: [], refused: new Set(), stale: false };
  for (const slot of known) {
    const roster = rosters.get(slot.id);
    if (roster && newest.slots[slot.id] === slot.public) {
      checked.stale ||= roster.count < newest.count;
      continue;
    }
    checked.refused.add(slot.id);
    // A list of its own that the master key vouches for shows that it was one of ours, once.
    const once = roster?.slots[slot.id] === slot.public;
    checked.warnings.push({ code: once ? 'slot-replayed' : 'slot-swapped', slot: slot.id });
  }
  const shown = new Set(slots.map(({ id }) => id));
  for (const id of Object.keys(newest.slots)) {
    if (!shown.has(id)) checked.warnings.push({ code: 'slot-missing', slot: id });
  }
  return checked;
}

/**
 * These slots, each with the list of them all. Of the `others`, which this page does not know or does not trust, the list
 * keeps what it had: to name one anew would be to vouch for it.
 */
export async function withRosters(
  person: string, slots: Slot[], others: Record<string, string>, master: CryptoKey, count: number,
): Promise<Slot[]> {
  const named = slots.map((slot) => [slot.id, slot.public] as const);
  const roster: Roster = { count, slots: { ...others, ...Object.fromEntries(named) } };
  return Promise.all(slots.map((slot) => sealRoster(person, slot, master, roster)));
}

function parseRoster(value: unknown): Roster | null {
  const { count, slots } = (value ?? {}) as Partial<Roster>;
  return Number.isSafeInteger(count) && slots && typeof slots === 'object' ? { count: count!, slots } : null;
}
