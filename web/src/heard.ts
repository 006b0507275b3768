/** Which words of a chunk of speech have been heard, given how long it has played. */
import type { ChunkHead } from './protocol';

/** The beginning of the chunk's text, up to the word that is being heard. */
export function heardText(chunk: Pick<ChunkHead, 'text' | 'words' | 'duration_ms'>, playedMs: number): string {
  if (playedMs >= chunk.duration_ms) return chunk.text;
  if (playedMs <= 0) return '';
  return byWords(chunk, playedMs) ?? byProportion(chunk, playedMs);
}

/** Puts two pieces of a reply together as they are written in their language. */
export function joinText(before: string, after: string): string {
  if (!before || !after) return before + after;
  if (/\s$/.test(before) || /^\s/.test(after)) return before + after;
  return wordsTouch(before) || wordsTouch(after) ? before + after : `${before} ${after}`;
}

/** Follows the words through the text, so that the marks between them stay as they were written. */
function byWords(chunk: Pick<ChunkHead, 'text' | 'words'>, playedMs: number): string | null {
  let end = 0;
  let found = false;
  for (const word of chunk.words) {
    const at = chunk.text.indexOf(word.text, end);
    if (at < 0 || word.text === '') continue;
    found = true;
    if (word.start_ms >= playedMs) break;
    end = at + word.text.length;
  }
  if (!found) return null;
  const marks = /^[^\s\p{L}\p{N}]*/u.exec(chunk.text.slice(end));
  return end === 0 ? '' : chunk.text.slice(0, end + (marks?.[0].length ?? 0));
}

/** Without word times every letter takes the same time; only whole words are shown. */
function byProportion(chunk: Pick<ChunkHead, 'text' | 'duration_ms'>, playedMs: number): string {
  const end = Math.floor((chunk.text.length * playedMs) / chunk.duration_ms);
  if (wordsTouch(chunk.text)) return chunk.text.slice(0, end);
  return chunk.text.slice(0, Math.max(0, chunk.text.lastIndexOf(' ', end)));
}

/** Chinese, Japanese and Thai are written without spaces between words. */
function wordsTouch(text: string): boolean {
  return /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u.test(text);
}
