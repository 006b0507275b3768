/**
 * What the page asks of the browser's side of private conversations. The page knows no keys and no ciphers: it hands over
 * what the server gave it, and gets words. `main.ts` passes an implementation in.
 */
import { CallError, privateLocked } from './errors';
import type { Damage, ExportedConversation, Match, NewConversation, SealedItem, Settings, Summary, Via } from './contract';

export interface Vault {
  /** Whether the keys are in this tab's memory. */
  isUnlocked(): boolean;
  /**
   * Asks the person for their passphrase or recovery key; where nothing was set up yet, sets it up. Gives false when they
   * turned away. Dialogs are its own.
   */
  unlock(): Promise<boolean>;
  lock(): void;
  /** Tells whenever `isUnlocked` has changed. */
  onChange(listener: () => void): void;

  /** What a private conversation is called and how it is set. Rejects when locked or damaged. */
  openSummary(summary: Summary): Promise<OpenedSummary>;
  /** One item's words. Rejects when locked or damaged. */
  openItem(summary: Summary, item: SealedItem): Promise<OpenedItem>;
  /**
   * Told of everything that was downloaded of a conversation, once it is open: compares it with the sealed chain, and takes
   * over (`POST …/adopt`) what the server sealed while the keys were away.
   */
  adopt(summary: Summary, items: SealedItem[]): Promise<Damage[]>;

  /** The body of `POST /api/v1/conversations` for a new private conversation: its id is chosen here. */
  newConversation(settings: Settings): Promise<Extract<NewConversation, { id: string }>>;
  /** The sealed `meta` of a conversation with these changes, for `PATCH /api/v1/conversations/{id}`. */
  changed(summary: Summary, change: Settings & { title_by?: 'words' | 'model' | 'person' }): Promise<string>;

  /** Before a message with `replaces` is sent (that item's id) or a reply is written anew (null): what follows is to go. */
  rewind(conversation: string, item: string | null): Promise<void>;
  /** Told of every password that was typed to sign in, so that it is not taken as a passphrase. */
  signedInWith(password: string): Promise<void>;

  /** Looks through private conversations; none when locked. */
  search(query: string): Promise<Match[]>;
  /** Private conversations in the documented form: one, or all of them. Rejects when locked. */
  export(summary: Summary | null): Promise<ExportedConversation[]>;
  /** The part of the settings where passphrase and recovery key are changed. Fills `place`; gives false if there is none. */
  settings(place: HTMLElement): Promise<boolean>;
}

export interface OpenedSummary {
  title: string | null;
  title_by: 'words' | 'model' | 'person';
  instructions: string | null;
  model: string | null;
  voice: string | null;
}

export interface OpenedItem {
  text: string;
  status: 'completed' | 'interrupted';
  via: Via;
}

/** Stands in where there is no vault: private conversations stay locked. */
export const lockedVault: Vault = {
  isUnlocked: () => false,
  unlock: async () => {
    throw new CallError(privateLocked());
  },
  lock: () => undefined,
  onChange: () => undefined,
  openSummary: locked,
  openItem: locked,
  adopt: async () => [],
  newConversation: locked,
  changed: locked,
  rewind: locked,
  signedInWith: async () => undefined,
  search: async () => [],
  export: locked,
  settings: async () => false,
};

async function locked(): Promise<never> {
  throw new Error('private conversations are locked');
}
