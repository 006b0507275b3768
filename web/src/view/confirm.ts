/** Asks before something is done that cannot be undone. */
import { button, element, make } from './dom';

export interface Question {
  title: string;
  text: string;
  /** What the button says that does it. */
  yes: string;
}

export function confirmed({ title, text, yes }: Question): Promise<boolean> {
  const dialog = element('confirm', HTMLDialogElement);
  return new Promise((resolve) => {
    dialog.returnValue = '';
    dialog.replaceChildren(
      make('h2', { id: 'confirm-title' }, title),
      make('p', {}, text),
      make(
        'div',
        { class: 'actions' },
        button({ class: 'small', autofocus: true, 'data-testid': 'confirm-no' }, () => dialog.close(), 'Cancel'),
        button({ class: 'small danger', 'data-testid': 'confirm-yes' }, () => dialog.close('yes'), yes),
      ),
    );
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
    dialog.showModal();
  });
}
