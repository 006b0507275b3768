/** Where in a snippet the searched words stand. */
export function marked(snippet: string, query: string): { text: string; hit: boolean }[] {
  const words = query.split(/\s+/).filter(Boolean).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  if (words.length === 0) return [{ text: snippet, hit: false }];
  return snippet
    .split(new RegExp(`(${words.join('|')})`, 'giu'))
    .map((text, at) => ({ text, hit: at % 2 === 1 }))
    .filter(({ text }) => text !== '');
}
