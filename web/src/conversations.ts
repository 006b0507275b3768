/** The list of conversations, newest first, and how it is cut into days. */
import type { Page, Summary } from './contract';

export class Conversations {
  list: Summary[] = [];
  /** Where the next page begins; null when the list is whole. */
  next: string | null = null;

  /** The newest page; what was loaded beyond it stays. */
  begin({ conversations, next }: Page): void {
    const last = conversations.at(-1);
    const ids = new Set(conversations.map((each) => each.id));
    const beyond = next === null || !last ? [] : this.list.filter((each) => each.updated_ms < last.updated_ms && !ids.has(each.id));
    this.list = [...conversations, ...beyond];
    if (beyond.length === 0) this.next = next;
  }

  more({ conversations, next }: Page): void {
    const ids = new Set(this.list.map((each) => each.id));
    this.list = sorted([...this.list, ...conversations.filter((each) => !ids.has(each.id))]);
    this.next = next;
  }

  byId(id: string): Summary | null {
    return this.list.find((each) => each.id === id) ?? null;
  }

  put(summary: Summary): void {
    this.list = sorted([summary, ...this.list.filter((each) => each.id !== summary.id)]);
  }

  remove(id: string): void {
    this.list = this.list.filter((each) => each.id !== id);
  }

  clear(): void {
    this.list = [];
    this.next = null;
  }

  /** A title that the server found; one that the person gave stays. */
  titled(id: string, title: string): void {
    const summary = this.byId(id);
    if (!summary || summary.title_by === 'person') return;
    this.put({ ...summary, title, title_by: 'model' });
  }
}

function sorted(list: Summary[]): Summary[] {
  return list.sort((a, b) => b.updated_ms - a.updated_ms || (a.id < b.id ? 1 : -1));
}

export interface Day {
  name: string;
  conversations: Summary[];
}

/** Today, yesterday, the last week, then months: in the time of whoever reads. */
export function byDay(list: readonly Summary[], now: Date, locale?: string): Day[] {
  const days: Day[] = [];
  for (const summary of list) {
    const name = dayName(new Date(summary.updated_ms), now, locale);
    const last = days.at(-1);
    if (last?.name === name) last.conversations.push(summary);
    else days.push({ name, conversations: [summary] });
  }
  return days;
}

export function dayName(then: Date, now: Date, locale?: string): string {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  const before = (days: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() - days);
  if (then >= midnight) return 'Today';
  if (then >= before(1)) return 'Yesterday';
  if (then >= before(7)) return 'The last seven days';
  const sameYear = then.getFullYear() === now.getFullYear();
  return new Intl.DateTimeFormat(locale, sameYear ? { month: 'long' } : { month: 'long', year: 'numeric' }).format(then);
}

/** The first words of a message, until something better is found. */
export function firstWords(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  if (line.length <= 60) return line;
  const cut = line.slice(0, 60);
  const end = cut.lastIndexOf(' ');
  return `${end < 30 ? cut : cut.slice(0, end)}…`;
}
