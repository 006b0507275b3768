/** The page's way to private conversations. Small: keys, ciphers and dialogs are loaded when they are first needed. */
import type { Damage, SealedItem, Settings, Summary } from '../contract';
import type { OpenedItem, OpenedSummary, Vault as Seam } from '../vault-seam';
import type { Problem } from './inspect';
import type { SignInPasswords } from './passphrase';
import type { Send } from './server';
import type { Vault } from './vault';

export interface Surroundings {
  send: Send;
  /** Whose vault it is. */
  person(): string | null;
  /** Whether a call goes on: meanwhile it does not lock by itself. */
  busy(): boolean;
}

export class PrivateVault implements Seam {
  private vault: Vault | null = null;
  private person: string | null = null;
  private signIns: Promise<SignInPasswords> | null = null;
  private asking: Promise<boolean> | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly around: Surroundings) {}

  isUnlocked = () => this.vault?.status === 'open' && this.person === this.around.person();

  unlock(): Promise<boolean> {
    if (this.isUnlocked()) return Promise.resolve(true);
    this.asking ??= this.ask().finally(() => (this.asking = null));
    return this.asking;
  }

  lock = () => this.vault?.lock();
  onChange = (listener: () => void) => void this.listeners.add(listener);

  /** Told of every password that was typed to sign in: it is refused as a passphrase. */
  async signedInWith(password: string): Promise<void> {
    this.signIns ??= import('./passphrase').then(({ SignInPasswords }) => new SignInPasswords());
    await (await this.signIns).add(password);
  }

  async openSummary(summary: Summary): Promise<OpenedSummary> {
    return (await this.opened()).vault.meta(summary);
  }

  async openItem(summary: Summary, item: SealedItem): Promise<OpenedItem & { unconfirmed: boolean }> {
    return (await this.opened()).vault.item(summary, item);
  }

  async adopt(summary: Summary, items: SealedItem[]): Promise<Damage[]> {
    const { problems } = await (await this.opened()).history.adopt(summary, items);
    return problems.map(damage);
  }

  /** To be called before a message with `replaces` (the item's id) or `regenerate` (null) is sent. */
  async rewind(conversation: string, item: string | null): Promise<void> {
    await (await this.opened()).history.rewind(conversation, item);
  }

  /** The person was told of the damage and goes on with what is there. */
  async accept(summary: Summary, items: SealedItem[]): Promise<void> {
    await (await this.opened()).history.adopt(summary, items, { accept: true });
  }

  async newConversation(settings: Settings) {
    await this.opened();
    return this.vault!.newConversation(settings);
  }

  changed = async (summary: Summary, change: Settings & { title_by?: OpenedSummary['title_by'] }) =>
    (await this.opened()).history.changed(summary, change);
  search = async (query: string) => (this.isUnlocked() ? (await this.opened()).library.search(query) : []);
  export = async (summary: Summary | null) => (await this.opened()).library.export(summary);
  context = async (summary: Summary, budgetCharacters: number) =>
    (await this.opened()).library.context(summary, budgetCharacters);

  async settings(place: HTMLElement): Promise<boolean> {
    if (this.around.person() === null) return false;
    const { fillSettings } = await import('../private/settings');
    fillSettings(place, await this.made(), () => this.unlock());
    return true;
  }

  private async ask(): Promise<boolean> {
    const [vault, { askToUnlock }] = await Promise.all([this.made(), import('../private/unlock')]);
    return askToUnlock(vault);
  }

  private async opened() {
    if (!this.vault || this.person !== this.around.person()) throw new Error('private conversations are locked');
    return this.vault.open;
  }

  /** The vault of whoever is here now. */
  private async made(): Promise<Vault> {
    const person = this.around.person();
    if (person === null) throw new Error('nobody is signed in');
    if (this.vault && this.person === person) return this.vault;
    const [{ Vault }, { argon2 }, { Memory }, { serverOver }, { SignInPasswords }] = await Promise.all([
      import('./vault'), import('./argon2'), import('./memory'), import('./server'), import('./passphrase'),
    ]);
    this.vault?.lock();
    this.person = person;
    this.signIns ??= Promise.resolve(new SignInPasswords());
    this.vault = new Vault({
      person, argon2, memory: new Memory(), server: serverOver(this.around.send),
      signIns: await this.signIns, busy: this.around.busy,
    });
    this.vault.onChange(() => this.listeners.forEach((listener) => listener()));
    return this.vault;
  }
}

/** The page has four words for damage. */
function damage({ seq, kind }: Problem): Damage {
  if (kind === 'replaced') return { seq, kind: 'damaged' };
  return { seq, kind: kind === 'rolled-back' ? 'truncated' : kind };
}
