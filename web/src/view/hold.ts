/** The button that is held to talk, and the space bar in its place. Whatever holds it, it is let go when the page is left. */
import { element, isField, somethingOver } from './dom';

export interface HoldActions {
  press(): void;
  release(): void;
}

export class HoldView {
  readonly button = element('hold', HTMLButtonElement);
  private shown = false;
  /** The key or the kind of pointer that holds it. */
  private by: string | null = null;

  constructor(private readonly actions: HoldActions) {
    const { button } = this;
    button.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      // The finger may move off it while it speaks.
      button.setPointerCapture(event.pointerId);
      this.press('pointer');
    });
    for (const type of ['pointerup', 'pointercancel', 'lostpointercapture']) button.addEventListener(type, () => this.release('pointer'));
    // A long touch opens no menu.
    button.addEventListener('contextmenu', (event) => event.preventDefault());
    // Screen readers and switches can only click: once to speak, once more to end.
    button.addEventListener('click', (event) => {
      if (event.detail !== 0) return;
      if (this.by === null) this.press('click');
      else this.release('click');
    });
    document.addEventListener('keydown', (event) => this.keyDown(event));
    document.addEventListener('keyup', (event) => this.keyUp(event));
    window.addEventListener('blur', () => this.letGo());
    window.addEventListener('pagehide', () => this.letGo());
    document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && this.letGo());
  }

  show(shown: boolean, held: boolean): void {
    this.shown = shown;
    this.button.hidden = !shown;
    this.button.ariaPressed = String(held);
    if (!shown) this.by = null;
  }

  level(level: number): void {
    this.button.style.setProperty('--level', level.toFixed(3));
  }

  private press(by: string): void {
    if (this.by !== null || !this.shown) return;
    this.by = by;
    this.actions.press();
  }

  private release(by: string): void {
    if (this.by !== by) return;
    this.by = null;
    this.actions.release();
  }

  private letGo(): void {
    if (this.by !== null) this.release(this.by);
  }

  private keyDown(event: KeyboardEvent): void {
    if (event.code === this.by) return event.preventDefault();
    const { code, repeat, ctrlKey, metaKey, altKey, defaultPrevented } = event;
    if (!this.shown || ctrlKey || metaKey || altKey || defaultPrevented || !this.isMeant(event)) return;
    // It would scroll, or click.
    event.preventDefault();
    if (!repeat) this.press(code);
  }

  private keyUp(event: KeyboardEvent): void {
    if (event.code !== this.by) return;
    event.preventDefault();
    this.release(event.code);
  }

  /** Space belongs to whatever else is written in, chosen from or pressed; Enter only to the button. */
  private isMeant({ code, target }: KeyboardEvent): boolean {
    if (target instanceof Node && this.button.contains(target)) return code === 'Space' || code === 'Enter';
    const other = target instanceof Element && target.closest('button, a, summary, [role="button"]') !== null;
    return code === 'Space' && !other && !isField(target) && !somethingOver();
  }
}
