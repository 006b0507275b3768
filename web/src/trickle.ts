/** Candidates that are found after the offer was sent, in the form of RFC 8840 (`application/trickle-ice-sdpfrag`). */

/** What of a local candidate goes into a fragment. */
export interface Candidate {
  candidate: string;
  sdpMid: string | null;
}

/** Collects candidates until the server has the offer, then sends what is there, one request at a time. */
export class Trickle {
  private waiting: Candidate[] = [];
  private complete = false;
  private open = false;
  private sending = false;

  /** `offer` gives the description that the candidates belong to. */
  constructor(
    private readonly offer: () => string,
    private readonly send: (fragment: string) => Promise<void>,
  ) {}

  /** Candidates found up to now are in the offer that is about to be sent. */
  hold(): void {
    this.open = false;
    this.complete = false;
    this.waiting = [];
  }

  /** The server has the offer: candidates may follow. */
  release(): void {
    this.open = true;
    void this.flush();
  }

  /** Takes a candidate of the connection; null when there are no more. */
  add(candidate: Candidate | null): void {
    if (candidate?.candidate) this.waiting.push(candidate);
    else this.complete = true;
    void this.flush();
  }

  private async flush(): Promise<void> {
    if (!this.open || this.sending) return;
    this.sending = true;
    while (this.open && this.waiting.length > 0) {
      await this.send(fragment(this.offer(), this.waiting.splice(0), this.complete));
    }
    this.sending = false;
  }
}

/** One fragment with these candidates of an offer. */
export function fragment(offer: string, candidates: Candidate[], complete: boolean): string {
  const line = (prefix: string) => offer.split(/\r?\n/).find((text) => text.startsWith(prefix));
  const mids = new Set(candidates.map((candidate) => candidate.sdpMid ?? '0'));
  const lines = [line('a=ice-ufrag:'), line('a=ice-pwd:')];
  for (const mid of mids) {
    lines.push(line('m='), `a=mid:${mid}`);
    lines.push(...candidates.filter((each) => (each.sdpMid ?? '0') === mid).map((each) => `a=${each.candidate}`));
    if (complete) lines.push('a=end-of-candidates');
  }
  return `${lines.filter((text) => text !== undefined).join('\r\n')}\r\n`;
}
