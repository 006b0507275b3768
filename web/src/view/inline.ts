/** A text that becomes a field where it stands. */
import { make } from './dom';

/** Puts a field in the place of `shown`; gives the new text, or null if nothing is to change. */
export function editInPlace(shown: HTMLElement, value: string, label: string): Promise<string | null> {
  return new Promise((resolve) => {
    const field = make('input', { class: 'in-place', 'aria-label': label, maxlength: 200, 'data-testid': 'in-place' });
    field.value = value;
    let over = false;
    const leave = (text: string | null) => {
      if (over) return;
      over = true;
      const focused = document.activeElement === field;
      field.replaceWith(shown);
      if (focused) shown.focus();
      resolve(text && text !== value ? text : null);
    };
    field.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.isComposing) leave(field.value.trim());
      else if (event.key === 'Escape') leave(null);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    field.addEventListener('blur', () => leave(field.value.trim()));
    shown.replaceWith(field);
    field.select();
    field.focus();
  });
}
