/** What of a conversation is as it was stored. */
import type { SealedItem, Summary } from '../contract';
import { type Bytes, fromBase64 } from './bytes';
import { Head } from './chain';
import type { Meta } from './content';
import type { SeenHead } from './memory';
import { itemOf, type OpenItem, type OpenVault } from './opened';

export type ProblemKind =
  /** It does not open. */
  | 'damaged'
  | 'missing'
  /** It opens, but in another place. */
  | 'reordered'
  /** The end is not there. */
  | 'truncated'
  /** Something else than what was confirmed stands there. */
  | 'replaced'
  /** This browser has seen a later state. */
  | 'rolled-back';

export interface Problem {
  seq: number;
  kind: ProblemKind;
}

export interface Inspected {
  meta: Meta;
  /** By number, what the server sealed and a browser has not confirmed: it opens. */
  unconfirmed: Map<number, Bytes>;
  problems: Problem[];
  /** What was confirmed is all there and unchanged. */
  intact: boolean;
}

/** Trying all pairs would be dear, and one find is as good as a hundred. */
const MOST_TRIED = 30;

/** Compares all items of a conversation with its head and with what this browser remembers. */
export async function inspect(vault: OpenVault, summary: Summary, rows: SealedItem[], seen: SeenHead | null): Promise<Inspected> {
  const meta = await vault.storedMeta(summary);
  const { lastSeq } = meta.head;
  const problems = order(rows, lastSeq);
  const results = await Promise.all(rows.map((row) => opened(vault, summary, row)));
  const unopened = rows.filter((_, at) => results[at] === null);
  const unconfirmed = new Map<number, Bytes>();
  for (const row of unopened) {
    problems.push({ seq: row.seq, kind: (await belongsElsewhere(vault, summary, row, unopened)) ? 'reordered' : 'damaged' });
  }
  const inPlace = problems.every(({ kind, seq }) => kind === 'damaged' || seq > lastSeq);
  // In the head only what a browser sealed, or what never opened, can stand.
  for (const result of results) {
    if (!result?.item.unconfirmed) continue;
    unconfirmed.set(result.item.seq, result.plaintext);
    if (result.item.seq <= lastSeq) problems.push({ seq: result.item.seq, kind: 'replaced' });
  }

  const heads = inPlace ? await headsOver(rows) : null;
  const confirmed = heads?.get(lastSeq)?.equals(meta.head) ?? false;
  const named = problems.some(({ kind, seq }) => kind !== 'damaged' && seq <= lastSeq);
  if (!confirmed && !named) problems.push({ seq: problems.find(({ seq }) => seq <= lastSeq)?.seq ?? lastSeq, kind: 'replaced' });
  const older = seen !== null && meta.revision <= seen.revision && !isHead(seen, meta.head);
  const rolledBack = older && !isHead(seen, heads?.get(seen.last_seq));
  if (rolledBack) problems.push({ seq: seen.last_seq, kind: 'rolled-back' });
  return { meta, unconfirmed, problems: problems.sort((a, b) => a.seq - b.seq), intact: confirmed && !named && !rolledBack };
}

/** The heads after every item, as far as nothing is missing. */
export async function headsOver(rows: SealedItem[]): Promise<Map<number, Head>> {
  let head = Head.EMPTY;
  const heads = new Map([[0, head]]);
  for (const row of rows) {
    if (row.seq !== head.lastSeq + 1) break;
    head = await head.push(row.seq, fromBase64(row.record));
    heads.set(row.seq, head);
  }
  return heads;
}

async function opened(vault: OpenVault, summary: Summary, row: SealedItem): Promise<{ item: OpenItem; plaintext: Bytes } | null> {
  try {
    const plaintext = await vault.plaintext(summary, row);
    return { item: itemOf(row, plaintext), plaintext };
  } catch {
    return null;
  }
}

function order(rows: SealedItem[], lastSeq: number): Problem[] {
  const problems: Problem[] = [];
  let last = 0;
  for (const { seq } of rows) {
    if (seq <= last) problems.push({ seq, kind: 'reordered' });
    else if (seq > last + 1) problems.push({ seq: last + 1, kind: 'missing' });
    last = Math.max(last, seq);
  }
  if (last < lastSeq) problems.push({ seq: last + 1, kind: 'truncated' });
  return problems;
}

async function belongsElsewhere(vault: OpenVault, summary: Summary, row: SealedItem, unopened: SealedItem[]): Promise<boolean> {
  for (const place of unopened.slice(0, MOST_TRIED)) {
    if (place === row) continue;
    if (await opened(vault, summary, { ...place, record: row.record })) return true;
  }
  return false;
}

function isHead(seen: SeenHead, head: Head | undefined): boolean {
  try {
    return head?.equals(Head.from(seen)) ?? false;
  } catch {
    return false;
  }
}
