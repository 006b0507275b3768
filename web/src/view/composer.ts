/** Where messages are written. Enter sends, Shift+Enter begins a new line. */
import { element } from './dom';

export interface ComposerActions {
  send(text: string): void;
  stop(): void;
}

export interface ComposerState {
  /** Changes when another conversation comes to the front; each keeps what was begun in it. */
  of: object;
  writing: boolean;
  calling: boolean;
  /** Why nothing can be written here; null when it can. */
  closed: string | null;
  /** Why no call can be made here. */
  silent: boolean;
}

const TALLEST_PX = 240;

export class ComposerView {
  private readonly field = element('write', HTMLTextAreaElement);
  private readonly send = element('send', HTMLButtonElement);
  private readonly stop = element('stop', HTMLButtonElement);
  private readonly call = element('call', HTMLButtonElement);
  private readonly begun = new WeakMap<object, string>();
  private state: ComposerState | null = null;

  constructor(private readonly actions: ComposerActions) {
    element('composer', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.submit();
    });
    this.stop.addEventListener('click', () => actions.stop());
    this.field.addEventListener('input', () => this.fit());
    this.field.addEventListener('keydown', (event) => {
      // While letters are being composed, Enter chooses among them.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.submit();
    });
  }

  show(state: ComposerState): void {
    if (state.of !== this.state?.of) {
      if (this.state) this.begun.set(this.state.of, this.field.value);
      this.field.value = this.begun.get(state.of) ?? '';
    }
    this.state = state;
    this.field.disabled = state.closed !== null;
    this.field.placeholder = state.closed ?? (state.calling ? 'Write into the call' : 'Write a message');
    this.call.disabled = state.silent;
    const stopped = document.activeElement === this.stop;
    this.stop.hidden = !state.writing;
    this.send.hidden = state.writing;
    if (stopped && !state.writing) this.field.focus();
    this.fit();
  }

  /** Puts a text back that was not sent after all. */
  put(text: string): void {
    this.field.value = this.field.value ? `${text}\n${this.field.value}` : text;
    this.fit();
    this.focus();
  }

  focus(): void {
    this.field.focus({ preventScroll: true });
  }

  private submit(): void {
    const text = this.field.value.trim();
    if (!text || !this.state || this.state.writing || this.state.closed !== null) return;
    this.field.value = '';
    this.fit();
    this.actions.send(text);
  }

  private fit(): void {
    this.send.disabled = !this.field.value.trim() || this.field.disabled;
    const { style } = this.field;
    style.height = 'auto';
    style.height = `${Math.min(this.field.scrollHeight, TALLEST_PX)}px`;
  }
}
