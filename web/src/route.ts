/** Addresses of the page: `/` is a new conversation, `/c/{id}` one that there is. */

export interface Route {
  conversation: string | null;
  /** An item to be shown. */
  item: string | null;
}

export function readRoute({ pathname, hash }: { pathname: string; hash: string }): Route {
  const [, id] = /^\/c\/([^/]+)\/?$/.exec(pathname) ?? [];
  return { conversation: id === undefined ? null : decoded(id), item: hash.length > 1 ? decoded(hash.slice(1)) : null };
}

/** What the page was opened with (`?output=`) stays. */
export function writeRoute({ conversation, item }: Route, search = ''): string {
  const path = conversation === null ? '/' : `/c/${encodeURIComponent(conversation)}`;
  return `${path}${search}${item === null ? '' : `#${encodeURIComponent(item)}`}`;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
