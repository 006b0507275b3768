/** What this device remembers. Where storage is refused, a choice lasts as long as the page. */
export function remembered(key: string): string {
  try {
    return localStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

export function remember(key: string, value: string): string {
  try {
    localStorage.setItem(key, value);
  } catch {
    // See above.
  }
  return value;
}
