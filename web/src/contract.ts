/** What the server's HTTP API gives and takes: see docs/api. Field names are those on the wire, times are milliseconds. */

export type Tier = 'standard' | 'private' | 'ephemeral';

/** Whose conversations these are. A guest has no name and no password. */
export interface Person {
  id: string;
  kind: 'guest' | 'account';
  name: string | null;
  admin: boolean;
  default_tier: Tier;
  created_ms: number;
  /** When a guest's conversations go if nobody comes back; null for accounts. */
  expires_ms: number | null;
  /** Private conversations were set up. */
  private: boolean;
}

/** Who is here, and what this server allows. */
export interface Me {
  person: Person | null;
  guests: boolean;
  sign_up: 'open' | 'invite' | 'closed';
  csrf: string;
  default_tier: Tier;
  minimum_password: number;
  guest_days: number;
}

export interface Summary {
  id: string;
  tier: Tier;
  /** Null until there is one, and always for a private conversation: see `sealed`. */
  title: string | null;
  title_by: 'words' | 'model' | 'person' | null;
  created_ms: number;
  updated_ms: number;
  items: number;
  model: string | null;
  voice: string | null;
  instructions: string | null;
  in_call: boolean;
  /** When it goes, for what goes by itself. */
  expires_ms: number | null;
  sealed: Sealed | null;
}

/** What only the browser of the person can open. All base64. */
export interface Sealed {
  key: { generation: number; wrap: string }[];
  meta: string;
  title_inbox: string | null;
}

export type Role = 'user' | 'assistant' | 'system';
/** A voice that replies can have. */
export interface Voice {
  id: string;
  name: string;
  language: string;
}

export type Via = 'voice' | 'text';

export interface PlainItem {
  id: string;
  seq: number;
  role: Role;
  text: string;
  status: 'completed' | 'interrupted';
  via: Via;
  at_ms: number;
}

export interface SealedItem {
  id: string;
  seq: number;
  role: Role;
  at_ms: number;
  record: string;
}

export type Item = PlainItem | SealedItem;

/** A record that is not what was stored. */
export interface Damage {
  seq: number;
  kind: 'damaged' | 'missing' | 'reordered' | 'truncated';
}

export interface Opened {
  conversation: Summary;
  items: Item[];
  problems: Damage[];
}

export interface Page {
  conversations: Summary[];
  next: string | null;
}

/** What of a conversation can be set; what is missing stays. */
export interface Settings {
  title?: string;
  instructions?: string | null;
  model?: string | null;
  voice?: string | null;
}

export type NewConversation = (Settings & { tier: Tier }) | { tier: 'private'; id: string; key: string; meta: string };

/** An earlier turn that the server does not have, or may not read. */
export interface ContextTurn {
  role: Role;
  text: string;
}

export interface NewMessage {
  text?: string;
  /** The item that this one takes the place of; what came after it goes. */
  replaces?: string;
  regenerate?: true;
  context?: ContextTurn[];
}

export interface Match {
  conversation: string;
  title: string | null;
  /** Null when the title is what matched. */
  item_id: string | null;
  seq: number;
  snippet: string;
}

export interface Model {
  name: string;
  tier: 'on_premises' | 'cloud';
  abilities: string[];
}

export interface Login {
  id: string;
  current: boolean;
  label: string;
  created_ms: number;
  seen_ms: number;
  expires_ms: number;
}

export type Scope = 'calls' | 'chats' | 'chats:read';

export interface Token {
  id: string;
  label: string;
  scopes: Scope[];
  created_ms: number;
  used_ms: number | null;
  expires_ms: number | null;
}

/** The documented form in which conversations leave and come back. */
export interface Exported {
  format: 'sotto.conversations';
  version: 1;
  conversations: ExportedConversation[];
}

export interface ExportedConversation {
  id: string;
  tier: Tier;
  title: string | null;
  created_ms: number;
  instructions: string | null;
  model: string | null;
  items: Omit<PlainItem, 'id' | 'seq'>[];
}
