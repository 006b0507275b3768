/** Private conversations as a whole: looked through, told, exported. Everything stays in memory. */
import type { ContextTurn, ExportedConversation, Match, Summary } from '../contract';
import type { History } from './history';
import type { OpenItem, OpenVault } from './opened';
import type { Server } from './server';

interface Text {
  title: string | null;
  items: OpenItem[];
}

/** So many conversations are read at once. */
const AT_ONCE = 4;
const AROUND = 60;
const MOST_MATCHES = 50;

export class Library {
  /** By id, for as long as nothing was said in it. */
  private readonly texts = new Map<string, { updatedMs: number; text: Promise<Text> }>();

  constructor(
    private readonly vault: OpenVault,
    private readonly server: Server,
    private readonly history: History,
  ) {}

  /** Titles first, then words, newest first. */
  async search(query: string): Promise<Match[]> {
    const wanted = folded(query.trim());
    if (wanted === '') return [];
    const found: Match[] = [];
    const summaries = await this.all();
    await inTurns(summaries, async (summary) => {
      const text = await this.text(summary).catch(() => null);
      if (text) found.push(...matches(summary.id, text, wanted));
    });
    const place = new Map(summaries.map(({ id }, at) => [id, at]));
    const rank = (match: Match) => (match.item_id === null ? 0 : summaries.length) + place.get(match.conversation)!;
    return found.sort((a, b) => rank(a) - rank(b) || b.seq - a.seq).slice(0, MOST_MATCHES);
  }

  /** The documented form, of one conversation or of all. What does not open is left out; it could not be read anywhere. */
  async export(one: Summary | null): Promise<ExportedConversation[]> {
    const summaries = one ? [one] : await this.all();
    const exported = new Map<string, ExportedConversation>();
    await inTurns(summaries, async (summary) => {
      const meta = await this.vault.meta(summary);
      const { items } = await this.text(summary);
      exported.set(summary.id, {
        id: summary.id, tier: 'private', title: meta.title, created_ms: summary.created_ms,
        instructions: meta.instructions, model: meta.model,
        items: items.map(({ role, text, status, via, at_ms }) => ({ role, text, status, via, at_ms })),
      });
    });
    return summaries.flatMap(({ id }) => exported.get(id) ?? []);
  }

  /** The last turns of a conversation that fit, oldest first: what the model is told when it goes on. */
  async context(summary: Summary, budgetCharacters: number): Promise<ContextTurn[]> {
    const { items } = await this.text(summary);
    const turns: ContextTurn[] = [];
    let left = budgetCharacters;
    for (const { role, text } of items.toReversed()) {
      left -= text.length;
      if (left < 0) break;
      turns.unshift({ role, text });
    }
    return turns;
  }

  private text(summary: Summary): Promise<Text> {
    const known = this.texts.get(summary.id);
    if (known?.updatedMs === summary.updated_ms) return known.text;
    const text = this.read(summary);
    this.texts.set(summary.id, { updatedMs: summary.updated_ms, text });
    text.catch(() => this.texts.delete(summary.id));
    return text;
  }

  private async read({ id }: Summary): Promise<Text> {
    const { summary, rows } = await this.history.fetch(id);
    const { title } = await this.vault.meta(summary);
    const items = await Promise.all(rows.map((row) => this.vault.item(summary, row).catch(() => null)));
    return { title, items: items.filter((item) => item !== null) };
  }

  private async all(): Promise<Summary[]> {
    const all: Summary[] = [];
    let next: string | null = null;
    do {
      const page = await this.server.conversations(next);
      all.push(...page.conversations.filter(({ tier }) => tier === 'private'));
      next = page.next;
    } while (next !== null);
    return all;
  }
}

function matches(conversation: string, { title, items }: Text, wanted: string): Match[] {
  const found: Match[] = [];
  if (title !== null && folded(title).includes(wanted)) {
    found.push({ conversation, title, item_id: null, seq: 0, snippet: title });
  }
  for (const { id, seq, text } of items) {
    const at = folded(text).indexOf(wanted);
    if (at >= 0) found.push({ conversation, title, item_id: id, seq, snippet: snippet(text, at, wanted.length) });
  }
  return found;
}

function snippet(text: string, at: number, length: number): string {
  const from = Math.max(0, at - AROUND);
  const to = Math.min(text.length, at + length + AROUND);
  return `${from > 0 ? '…' : ''}${text.slice(from, to)}${to < text.length ? '…' : ''}`;
}

/** Case does not count. Only what keeps the length is folded, so that places stay places. */
function folded(text: string): string {
  const lower = text.toLowerCase();
  return lower.length === text.length ? lower : text;
}

async function inTurns<T>(all: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  const waiting = [...all];
  const worker = async () => {
    for (let each = waiting.shift(); each !== undefined; each = waiting.shift()) await work(each);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
