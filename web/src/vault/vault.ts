/**
 * The vault of a person: set up once, opened by what only they know, locked again. While it is open its keys are in this
 * tab's memory and nowhere else.
 */
import type { NewConversation, Settings } from '../contract';
import { base64, hex, random } from './bytes';
import { changedMeta, NEW_META, writeMeta } from './content';
import { ConversationKeys, RECORDS_PER_KEY } from './conversation-keys';
import { VaultError, type Warning } from './errors';
import { History } from './history';
import type { KeyPair } from './hpke';
import { newIdentity, openIdentity } from './identity';
import { DEFAULT_LOCK_MINUTES, IdleLock } from './idle-lock';
import { type Argon2, type Cost, COST, FLOOR } from './kdf';
import { importCipher, KEY_BYTES } from './keys';
import type { Memory } from './memory';
import { OpenVault } from './opened';
import { passphraseBytes, passphraseProblem, SignInPasswords } from './passphrase';
import { bind } from './record';
import { confirms, newRecoverySecret, readRecoveryKey, writeRecoveryKey } from './recovery-key';
import { Library } from './search';
import type { Server, StoredVault } from './server';
import { checkSlots, withRosters } from './slot-set';
import { isSlot, keyOf, makeSlot, type Master, openSlot, recoverySecret, type Slot, type SlotOptions, wipe } from './slots';

export type Status = 'none' | 'locked' | 'open';

/** What opens a vault. */
export type Secret = { passphrase: string } | { recoveryKey: string };

export interface VaultOptions {
  person: string;
  server: Server;
  memory: Memory;
  argon2: Argon2;
  signIns?: SignInPasswords;
  cost?: Cost;
  floor?: Cost;
  perKey?: number;
  now?: () => number;
  /** Whether a call goes on. */
  busy?: () => boolean;
}

export interface VaultWarning {
  code: Warning;
  /** What the slot is called, if it is about one. */
  slot: string | null;
}

/** A server that shows more slots than this wants the browser to be busy. */
const MOST_SLOTS = 16;

interface Opened {
  vault: OpenVault;
  history: History;
  library: Library;
  slots: Slot[];
  /** The newest list of slots, and its count. */
  roster: Record<string, string>;
  count: number;
}

/** A recovery key that was shown and not yet confirmed. */
interface Pending {
  recoveryKey: string;
  asked: number[];
  carryOut(): Promise<void>;
}

export class Vault {
  warnings: VaultWarning[] = [];
  readonly idle: IdleLock;
  private opened: Opened | null = null;
  private stored: StoredVault | null = null;
  private pending: Pending | null = null;
  private readonly listeners = new Set<() => void>();
  private readonly slotOptions: SlotOptions;
  private readonly now: () => number;

  constructor(private readonly options: VaultOptions) {
    const { argon2, cost = COST, floor = FLOOR, memory, now = Date.now } = options;
    this.slotOptions = { argon2, cost, floor };
    this.now = now;
    this.idle = new IdleLock(() => this.lock(), memory.lockMinutes() ?? DEFAULT_LOCK_MINUTES, options.busy);
  }

  /** Asks the server whether there is a vault. */
  async load(): Promise<Status> {
    if (this.opened) return 'open';
    this.stored = await this.options.server.vault();
    const missing = !this.stored.identity && this.options.memory.slotCount(this.options.person) > 0;
    this.warnings = missing ? [{ code: 'vault-missing', slot: null }] : [];
    return this.status;
  }

  get status(): Status {
    if (this.opened) return 'open';
    return this.stored?.identity ? 'locked' : 'none';
  }

  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  /** Makes the keys. Nothing is stored, and nothing is open, before the recovery key that this gives was confirmed. */
  async setUp(passphrase: string): Promise<string> {
    await this.load();
    if (this.status !== 'none') throw new VaultError('already-set-up');
    await this.mustBeGood(passphrase);
    const { person, server, memory } = this.options;
    const bytes = random(KEY_BYTES);
    const master: Master = { bytes, cipher: await importCipher(bytes) };
    const secret = newRecoverySecret();
    const { identity, pair } = await newIdentity(person, master.cipher);
    const made = [
      await this.newSlot(master, 'passphrase', passphraseBytes(passphrase)),
      await this.newSlot(master, 'recovery', secret),
    ];
    const count = 1;
    const slots = await withRosters(person, made, {}, master.cipher, count);
    return this.ask(secret, async () => {
      await server.putVault({ identity, slots });
      this.stored = { identity, slots };
      memory.rememberSlots(person, count);
      this.begin(master.cipher, pair, slots, rosterOf(slots), count);
    }, [bytes]);
  }

  /** The groups of the shown recovery key that are to be typed again. */
  get askedGroups(): readonly number[] {
    return this.pending?.asked ?? [];
  }

  /** Carries out what the recovery key was made for. Rejects with `not-confirmed`. */
  async confirm(typed: string): Promise<void> {
    if (!this.pending || !confirms(typed, this.pending.recoveryKey, this.pending.asked)) throw new VaultError('not-confirmed');
    await this.pending.carryOut();
    this.pending = null;
  }

  /** The person turned away before the recovery key was confirmed. */
  cancel(): void {
    this.pending = null;
  }

  async unlock(secret: Secret): Promise<void> {
    await this.load();
    const { master, slot } = await this.openMaster(secret);
    const { person, memory } = this.options;
    const checked = await checkSlots(person, this.stored!.slots, master.cipher);
    wipe(master.bytes);
    if (checked.refused.has(slot.id)) {
      throw new VaultError(checked.warnings.find((each) => each.slot === slot.id)?.code === 'slot-replayed' ? 'slot-replayed' : 'slot-swapped');
    }
    const pair = await openIdentity(person, this.stored!.identity!, master.cipher);
    const labels = new Map(this.stored!.slots.map((each) => [each.id, isSlot(each) ? each.label : each.kind]));
    this.warnings = checked.warnings.map(({ code, slot: id }) => ({ code, slot: labels.get(id) ?? null }));
    if (checked.count < memory.slotCount(person)) this.warnings.push({ code: 'slots-rolled-back', slot: null });
    else memory.rememberSlots(person, checked.count);
    const trusted = this.stored!.slots.filter(isSlot).filter((each) => !checked.refused.has(each.id));
    this.begin(master.cipher, pair, trusted, checked.slots, checked.count);
    // A change that was cut short is brought to its end, so that what it replaced stays replaced.
    if (checked.stale) await this.rewriteRosters().catch(() => undefined);
  }

  lock(): void {
    this.pending = null;
    this.idle.stop();
    if (!this.opened) return;
    this.opened = null;
    this.tell();
  }

  /** Puts another passphrase in the place of the one there is. What is stored is not touched. */
  async changePassphrase(secret: Secret, next: string): Promise<void> {
    await this.mustBeGood(next);
    const { master, slot } = await this.openAgain(secret);
    try {
      const old = 'passphrase' in secret ? slot : this.must().slots.find(({ kind }) => kind === 'passphrase');
      await this.replace(await this.newSlot(master, 'passphrase', passphraseBytes(next), old));
    } finally {
      wipe(master.bytes);
    }
  }

  /** Makes another recovery key. The old one holds until the new one was confirmed. */
  async newRecoveryKey(secret: Secret): Promise<string> {
    const { master } = await this.openAgain(secret);
    const made = newRecoverySecret();
    const old = this.must().slots.find(({ kind }) => kind === 'recovery');
    const slot = await this.newSlot(master, 'recovery', made, old);
    wipe(master.bytes);
    return this.ask(made, () => this.replace(slot), []);
  }

  /** Shows the recovery key again. */
  async showRecoveryKey(secret: Secret): Promise<string> {
    const { master } = await this.openAgain(secret);
    wipe(master.bytes);
    const slot = this.must().slots.find(({ kind }) => kind === 'recovery');
    if (!slot) throw new VaultError('last-slot');
    const bytes = await recoverySecret(this.options.person, slot, master.cipher);
    const written = await writeRecoveryKey(bytes);
    wipe(bytes);
    return written;
  }

  /** A second way in of the same kind. */
  async addPassphrase(secret: Secret, passphrase: string, label: string): Promise<void> {
    await this.mustBeGood(passphrase);
    const { master } = await this.openAgain(secret);
    const slot = await this.newSlot(master, 'passphrase', passphraseBytes(passphrase));
    wipe(master.bytes);
    await this.replace({ ...slot, label });
  }

  /** Never below one passphrase and one recovery key. */
  async removeSlot(id: string): Promise<void> {
    const opened = this.must();
    const slot = opened.slots.find((each) => each.id === id);
    const others = opened.slots.filter((each) => each.id !== id);
    if (slot && !others.some(({ kind }) => kind === slot.kind)) throw new VaultError('last-slot');
    // First it is no longer named, then it goes: cut short in between it does not open any more.
    const { [id]: _, ...roster } = opened.roster;
    Object.assign(opened, { slots: others, roster });
    await this.rewriteRosters();
    await this.options.server.removeSlot(id);
  }

  get slots(): readonly Slot[] {
    return this.opened?.slots ?? [];
  }

  /** The body that makes a new private conversation. */
  async newConversation(settings: Settings & { title_by?: 'words' | 'model' | 'person' }): Promise<Extract<NewConversation, { id: string }>> {
    const { vault } = this.must();
    const id = `conv_${hex(random(16))}`;
    const { keys, stored } = await ConversationKeys.create(vault, id, vault.perKey);
    const meta = changedMeta(NEW_META, settings);
    const sealed = await keys.seal(stored.generation, bind.meta(id), writeMeta(meta));
    vault.written(id, meta);
    return { tier: 'private', id, key: stored.wrap, meta: base64(sealed) };
  }

  /** Reading and writing conversations. Throws with `locked`. */
  get open(): { vault: OpenVault; history: History; library: Library } {
    return this.must();
  }

  lockAfter(minutes: number): void {
    this.options.memory.rememberLockMinutes(minutes);
    this.idle.minutes = minutes;
    if (this.opened) this.idle.start();
  }

  private must(): Opened {
    if (!this.opened) throw new VaultError('locked');
    return this.opened;
  }

  private begin(master: CryptoKey, pair: KeyPair, slots: Slot[], roster: Record<string, string>, count: number): void {
    const { person, server, memory, perKey = RECORDS_PER_KEY } = this.options;
    const vault = new OpenVault(person, master, pair, perKey);
    const history = new History(vault, server, memory);
    this.opened = { vault, history, library: new Library(vault, server, history), slots, roster, count };
    this.idle.start();
    this.tell();
  }

  /** The master key as bytes needs what was typed once more: from the open vault nobody can copy it. */
  private async openAgain(secret: Secret): Promise<{ master: Master; slot: Slot }> {
    const { slots } = this.must();
    const opened = await this.openMaster(secret);
    if (slots.some(({ id, public: key }) => id === opened.slot.id && key === opened.slot.public)) return opened;
    wipe(opened.master.bytes);
    throw new VaultError('slot-replayed');
  }

  private async openMaster(secret: Secret): Promise<{ master: Master; slot: Slot }> {
    if (!this.stored?.identity) throw new VaultError('not-set-up');
    const kind = 'passphrase' in secret ? 'passphrase' : 'recovery';
    const bytes = 'passphrase' in secret ? passphraseBytes(secret.passphrase) : await readRecoveryKey(secret.recoveryKey);
    for (const slot of this.stored.slots.slice(0, MOST_SLOTS).filter(isSlot)) {
      if (slot.kind !== kind) continue;
      const key = await keyOf(slot, bytes, this.slotOptions);
      const master = await openSlot(this.options.person, slot, key);
      if (master) return { master, slot };
    }
    throw new VaultError('wrong-secret');
  }

  private async mustBeGood(passphrase: string): Promise<void> {
    const problem = passphraseProblem(passphrase);
    if (problem) throw new VaultError(problem);
    if (await this.options.signIns?.has(passphrase)) throw new VaultError('passphrase-is-password');
  }

  private newSlot(master: Master, kind: Slot['kind'], secret: Uint8Array<ArrayBuffer>, old?: Slot): Promise<Slot> {
    const label = old?.label ?? (kind === 'passphrase' ? 'Passphrase' : 'Recovery key');
    const place = old ? { id: old.id } : {};
    return makeSlot(master, { person: this.options.person, kind, label, secret, atMs: this.now(), ...place }, this.slotOptions);
  }

  /** Puts a slot in the place of the one of its id, in one step; then all others learn of it. */
  private async replace(slot: Slot): Promise<void> {
    const opened = this.must();
    const slots = [...opened.slots.filter(({ id }) => id !== slot.id), slot];
    await this.writeRosters(opened, slots, { ...opened.roster, [slot.id]: slot.public }, slot.id);
  }

  private async rewriteRosters(): Promise<void> {
    const opened = this.must();
    await this.writeRosters(opened, opened.slots, opened.roster, null);
  }

  private async writeRosters(opened: Opened, slots: Slot[], roster: Record<string, string>, first: string | null): Promise<void> {
    const { person, server, memory } = this.options;
    const count = opened.count + 1;
    const written = await withRosters(person, slots, roster, opened.vault.master, count);
    // The new one first: from then on its list is the newest.
    for (const slot of written.sort((a, b) => Number(b.id === first) - Number(a.id === first))) await server.putSlot(slot);
    Object.assign(opened, { slots: written, roster, count });
    this.stored = { identity: this.stored?.identity ?? null, slots: [...others(this.stored, written), ...written] };
    memory.rememberSlots(person, count);
  }

  private async ask(secret: Uint8Array<ArrayBuffer>, carryOut: () => Promise<void>, toWipe: Uint8Array[]): Promise<string> {
    const recoveryKey = await writeRecoveryKey(secret);
    wipe(secret, ...toWipe);
    const groups = recoveryKey.split('-').length;
    const first = random(1)[0]! % groups;
    const second = (first + 1 + (random(1)[0]! % (groups - 1))) % groups;
    this.pending = { recoveryKey, asked: [first, second].sort((a, b) => a - b), carryOut };
    return recoveryKey;
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

function rosterOf(slots: Slot[]): Record<string, string> {
  return Object.fromEntries(slots.map((slot) => [slot.id, slot.public]));
}

function others(stored: StoredVault | null, written: Slot[]) {
  return (stored?.slots ?? []).filter(({ id }) => !written.some((slot) => slot.id === id));
}
