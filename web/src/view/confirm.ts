/** Asks before something is done that cannot be undone. */
import { button, make } from './dom';

export interface Question {
  title: string;
  text: string;
  /** What the button says that does it. */
  yes: string;
}

export function confirmed({ title, text, yes }: Question): Promise<boolean> {
  // One for each question: a dialog tells late that it was closed, perhaps when the next question is already being asked.
  document.querySelector('#confirm')?.remove();
  const dialog = make('dialog', { id: 'confirm', class: 'dialog', 'aria-labelledby': 'confirm-title' });
  return new Promise((resolve) => {
    dialog.append(
      make('h2', { id: 'confirm-title' }, title),
      make('p', {}, text),
      make(
        'div',
        { class: 'actions' },
        button({ class: 'small', autofocus: true, 'data-testid': 'confirm-no' }, () => dialog.close(), 'Cancel'),
        button({ class: 'small danger', 'data-testid': 'confirm-yes' }, () => dialog.close('yes'), yes),
      ),
    );
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
