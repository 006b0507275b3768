/** A dialog of one or more steps: each asks for something, does it, and says what comes next. */
import { button, make } from '../view/dom';
import { refusalWords } from './words';
import '../style/forms.css';
import './private.css';

export interface Step {
  /** For tests, and to tell steps apart. */
  name: string;
  title: string;
  body: (Node | string)[];
  /** What the button says that goes on. */
  go: string;
  /** Other ways to go on. */
  others?: HTMLElement[];
  /** Gives the next step, or null when all is done. */
  act(): Promise<Step | null>;
}

/** Resolves with true when the last step is done, with false when the person turned away. */
export function runSteps(first: (show: (step: Step) => void) => Step): Promise<boolean> {
  const dialog = make('dialog', { class: 'dialog private', 'aria-labelledby': 'private-title', 'data-testid': 'private' });
  const show = (step: Step) => render(dialog, step, show);
  document.body.append(dialog);
  show(first(show));
  dialog.showModal();
  focusFirst(dialog);
  return new Promise((resolve) =>
    dialog.addEventListener('close', () => {
      // What was typed or shown goes with it.
      dialog.remove();
      resolve(dialog.returnValue === 'done');
    }),
  );
}

function render(dialog: HTMLDialogElement, step: Step, show: (step: Step) => void): void {
  const complaint = make('p', { class: 'complaint', role: 'alert', 'data-testid': 'private-complaint' });
  const go = make('button', { type: 'submit', class: 'small primary', 'data-testid': 'private-go' }, step.go);
  const form = make(
    'form',
    { class: 'form', novalidate: true, 'data-step': step.name },
    make('h2', { id: 'private-title' }, step.title),
    ...step.body,
    complaint,
    make('div', { class: 'actions' }, button({ class: 'small', 'data-testid': 'private-cancel' }, () => dialog.close(), 'Cancel'), go),
    ...(step.others ?? []),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void submit();
  });
  dialog.replaceChildren(form);
  if (dialog.open) focusFirst(dialog);

  async function submit(): Promise<void> {
    if (go.disabled) return;
    complaint.textContent = '';
    go.disabled = true;
    form.setAttribute('aria-busy', 'true');
    try {
      const next = await step.act();
      // Turned away in the meantime.
      if (!dialog.open || !form.isConnected) return;
      if (next) show(next);
      else dialog.close('done');
    } catch (error) {
      complaint.textContent = refusalWords(error);
      form.querySelector('input')?.select();
    } finally {
      go.disabled = false;
      form.removeAttribute('aria-busy');
    }
  }
}

function focusFirst(dialog: HTMLDialogElement): void {
  (dialog.querySelector<HTMLElement>('input') ?? dialog.querySelector<HTMLElement>('[type=submit]'))?.focus();
}
