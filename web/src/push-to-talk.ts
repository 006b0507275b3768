/** Talking while a button is held: the microphone is open meanwhile, and letting go ends the turn. */
import type { ClientEvent } from './protocol';

export interface Line {
  send(event: ClientEvent): void;
  /** Lets the microphone be heard, or not. */
  open(open: boolean): void;
}

/** People let go with the last syllable, and sound takes longer to the server than the news that it is over. */
export const TAIL_MS = 200;

export class PushToTalk {
  holding = false;
  private tail: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly line: Line) {}

  /** The person speaks: a reply stops, and what was picked up before is forgotten. */
  press(): void {
    if (this.holding) return;
    this.holding = true;
    // Taken up again at once: they have not finished after all.
    if (this.stopTail()) return;
    this.line.send({ type: 'output_audio_buffer.clear' });
    this.line.send({ type: 'input_audio_buffer.clear' });
    this.line.open(true);
  }

  /** The person has finished. */
  release(): void {
    if (!this.holding) return;
    this.holding = false;
    this.tail = setTimeout(() => this.commit(), TAIL_MS);
  }

  /** A reply begins. It answers something earlier: whoever speaks now is not spoken over. */
  replyBegins(): void {
    if (this.holding) this.line.send({ type: 'output_audio_buffer.clear' });
  }

  /** Buttons are no longer held. What was being said is finished; what was picked up without a button is forgotten. */
  end(): void {
    const spoke = this.stopTail() || this.holding;
    this.holding = false;
    if (spoke) this.commit();
    else this.line.send({ type: 'input_audio_buffer.clear' });
  }

  /** The call is over. */
  close(): void {
    this.stopTail();
    this.holding = false;
  }

  private commit(): void {
    this.tail = undefined;
    this.line.open(false);
    this.line.send({ type: 'input_audio_buffer.commit' });
  }

  /** Whether there was one. */
  private stopTail(): boolean {
    const was = this.tail !== undefined;
    clearTimeout(this.tail);
    this.tail = undefined;
    return was;
  }
}
