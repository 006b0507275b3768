/** Conversations as files: out as a download, in through a file that is chosen. */

export function save(document: unknown, name: string): void {
  const blob = new Blob([JSON.stringify(document, null, 2)], { type: 'application/json' });
  const link = window.document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = fileName(name);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** A title as every file system takes it. */
export function fileName(title: string): string {
  const safe = title.replace(/[^\p{L}\p{N} _-]+/gu, ' ').replace(/\s+/g, ' ').trim().slice(0, 80).trim();
  return `${safe || 'conversation'}.json`;
}

/** What `POST /api/v1/import` takes; throws what to tell the person otherwise. */
export function readExport(text: string): { format: string; version: number; conversations: unknown[] } {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error('This file is not JSON.');
  }
  const { format, version, conversations } = Object(document) as { format?: unknown; version?: unknown; conversations?: unknown };
  if (format !== 'sotto.conversations' || !Array.isArray(conversations)) throw new Error('This file was not exported from Sotto.');
  if (version !== 1) throw new Error('This file comes from a newer Sotto.');
  return { format, version, conversations };
}
