/**
 * Waits for a free line where the server was full, and calls again: a few times, while the page is looked at, and not after
 * somebody stopped it. Whether a line is free is asked first, so that the microphone is not opened in vain.
 */
import type { Problem } from './errors';
import type { Model } from './model';
import { inCall } from './words';

export interface Waiting {
  /** Until it is tried again; 0 while that is being done. */
  seconds: number;
  /** Which try that will be, counted from 1, and how many there are. */
  attempt: number;
  of: number;
}

export interface LineHandlers {
  /** Asks whether a line is free: when to ask again, in seconds, or null if one is. */
  ask(): Promise<number | null>;
  call(): void;
  /** What is waited for, or that nothing is any more. */
  shown(waiting: Waiting | null): void;
  /** All was tried. */
  gaveUp(): void;
  /** Whether somebody looks at the page: no microphone opens behind their back. */
  looked(): boolean;
}

export const TRIES = 8;
const TICK_MS = 1_000;

export class Line {
  private tries = 0;
  private untilMs = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** The refusal that is being dealt with. */
  private problem: Problem | null = null;
  /** The call that is being opened is one of the tries. */
  private trying = false;
  /** Counts waits: an answer for one that was stopped comes too late. */
  private wait = 0;

  constructor(
    private readonly handlers: LineHandlers,
    private readonly now: () => number = Date.now,
  ) {}

  /** The call has changed. */
  follow({ state, problem }: Model): void {
    if (state === 'ended' && problem?.retryS !== undefined) {
      if (problem === this.problem) return;
      if (!this.trying) this.tries = 0;
      this.problem = problem;
      this.begin(problem.retryS);
      return;
    }
    if (state === 'connecting' && this.trying) return this.hide();
    if (state === 'connecting' || inCall(state) || problem !== this.problem) this.over();
  }

  /** Nobody wants to wait any longer. */
  stop(): void {
    const { problem } = this;
    this.over();
    this.problem = problem;
  }

  private begin(seconds: number): void {
    this.trying = false;
    if (this.tries === TRIES) {
      this.over();
      return this.handlers.gaveUp();
    }
    this.tries++;
    this.wait++;
    this.untilMs = this.now() + seconds * 1000;
    this.tick();
  }

  private tick(): void {
    const seconds = Math.max(0, Math.ceil((this.untilMs - this.now()) / 1000));
    this.handlers.shown({ seconds, attempt: this.tries, of: TRIES });
    if (seconds === 0 && this.handlers.looked()) void this.try();
    else this.timer = setTimeout(() => this.tick(), TICK_MS);
  }

  private async try(): Promise<void> {
    const { wait } = this;
    const seconds = await this.handlers.ask();
    if (wait !== this.wait) return;
    if (seconds !== null) return this.begin(seconds);
    this.trying = true;
    this.handlers.call();
  }

  private over(): void {
    this.tries = 0;
    this.trying = false;
    this.problem = null;
    this.hide();
  }

  private hide(): void {
    clearTimeout(this.timer);
    this.wait++;
    this.handlers.shown(null);
  }
}
