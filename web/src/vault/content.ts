/** What is inside the records of a conversation, once they are open. */
import type { Settings, Via } from '../contract';
import { type Bytes, textOf, utf8 } from './bytes';
import { Head } from './chain';
import { VaultError } from './errors';

export interface Content {
  text: string;
  status: 'completed' | 'interrupted';
  via: Via;
  at_ms: number;
}

export type TitleBy = 'words' | 'model' | 'person';

export interface Meta {
  title: string | null;
  title_by: TitleBy;
  instructions: string | null;
  model: string | null;
  voice: string | null;
  head: Head;
  /** How often it was written: an older one that comes back is known by it. */
  revision: number;
}

export type MetaChange = Settings & { title_by?: TitleBy };

export const NEW_META: Meta = {
  title: null, title_by: 'words', instructions: null, model: null, voice: null, head: Head.EMPTY, revision: 0,
};

export function readContent(plaintext: Bytes): Content {
  const value = objectIn(plaintext);
  if (!value || typeof value.text !== 'string') throw new VaultError('record-damaged');
  return {
    text: value.text,
    status: value.status === 'interrupted' ? 'interrupted' : 'completed',
    via: value.via === 'voice' ? 'voice' : 'text',
    at_ms: typeof value.at_ms === 'number' ? value.at_ms : 0,
  };
}

export function readMeta(plaintext: Bytes): Meta {
  const value = objectIn(plaintext);
  if (!value) throw new VaultError('meta-damaged');
  const by = value.title_by;
  return {
    title: textOrNull(value.title),
    title_by: by === 'model' || by === 'person' ? by : 'words',
    instructions: textOrNull(value.instructions),
    model: textOrNull(value.model),
    voice: textOrNull(value.voice),
    head: Head.from(value),
    revision: typeof value.revision === 'number' ? value.revision : 0,
  };
}

export function writeMeta({ head, ...meta }: Meta): Bytes {
  return utf8(JSON.stringify({ v: 1, ...meta, ...head.fields() }));
}

/** The next revision of a meta record, with these changes. */
export function changedMeta(meta: Meta, change: MetaChange, head = meta.head): Meta {
  // Whose title it is changes with the title only.
  const by = change.title === undefined ? meta.title_by : change.title_by ?? 'person';
  const given = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  return { ...meta, ...given, title_by: by, head, revision: meta.revision + 1 };
}

/** A title that the server sealed: JSON with a `title`, or the words alone. */
export function readTitle(plaintext: Bytes): string {
  const title = objectIn(plaintext)?.title;
  return typeof title === 'string' ? title : textOf(plaintext);
}

function objectIn(plaintext: Bytes): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(textOf(plaintext));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
