/** What is typed into the dialogs, and what is told in them. */
import { button, make } from '../view/dom';

export interface Field {
  label: HTMLElement;
  input: HTMLInputElement;
}

/** What is typed can be shown; it is never offered to be remembered. */
export function secretField(name: string, text: string, hint = ''): Field {
  const input = make('input', {
    name, type: 'password', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', required: true, 'data-testid': name,
  });
  const eye = button({ class: 'small', 'aria-pressed': 'false' }, () => {
    const hidden = input.type === 'text';
    input.type = hidden ? 'password' : 'text';
    eye.setAttribute('aria-pressed', String(!hidden));
    eye.textContent = hidden ? 'Show' : 'Hide';
  }, 'Show');
  eye.setAttribute('aria-label', `Show: ${text}`);
  const label = make(
    'div',
    { class: 'secret-field' },
    make('label', {}, make('span', {}, text), input),
    eye,
    hint ? make('p', { class: 'quiet' }, hint) : null,
  );
  return { label, input };
}

export function textField(name: string, text: string): Field {
  const input = make('input', {
    name, type: 'text', autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false', required: true, 'data-testid': name,
  });
  return { label: make('label', {}, make('span', {}, text), input), input };
}

export function note(text: string): HTMLElement {
  return make('p', { class: 'quiet' }, text);
}

export function list(title: string, lines: readonly string[]): HTMLElement {
  return make('section', { class: 'told' }, make('h3', {}, title), make('ul', {}, ...lines.map((line) => make('li', {}, line))));
}

export function warning(text: string): HTMLElement {
  return make('p', { class: 'heed' }, text);
}

export function link(name: string, text: string, press: () => void): HTMLElement {
  return make('p', { class: 'quiet' }, button({ class: 'link', 'data-testid': name }, press, text));
}
