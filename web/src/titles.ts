/** What conversations are called, also those whose titles only this browser can read. */
import type { Summary } from './contract';
import type { Vault } from './vault-seam';

export class Titles {
  /** By id: the sealed text it came from, and the title. */
  private readonly known = new Map<string, { meta: string; title: string | null }>();

  constructor(
    private readonly vault: Vault,
    private readonly changed: () => void,
  ) {}

  /** What to show for it now; better words may follow. */
  of(summary: Summary): string {
    if (summary.tier !== 'private') return summary.title ?? 'New conversation';
    if (!this.vault.isUnlocked()) return 'Private conversation';
    const meta = summary.sealed?.meta ?? '';
    const known = this.known.get(summary.id);
    if (known?.meta !== meta) void this.open(summary, meta, known?.title ?? null);
    return this.known.get(summary.id)?.title ?? 'Private conversation';
  }

  /** The keys are gone: so are the words. */
  forget(): void {
    this.known.clear();
  }

  private async open(summary: Summary, meta: string, before: string | null): Promise<void> {
    this.known.set(summary.id, { meta, title: before });
    const opened = await this.vault.openSummary(summary).catch(() => null);
    if (!opened || this.known.get(summary.id)?.meta !== meta) return;
    this.known.set(summary.id, { meta, title: opened.title });
    this.changed();
  }
}
