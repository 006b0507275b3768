/** A button that copies, and says that it did. */
import { button } from './dom';
import { icon } from './icons';

const SAID_MS = 1_500;

export function copyButton(text: () => string, label = 'Copy'): HTMLButtonElement {
  const made = button({ class: 'icon', 'aria-label': label, title: label }, () => void copy(), icon('copy'));
  const say = (words: string, sign: 'check' | 'copy' | 'close') => {
    made.ariaLabel = made.title = words;
    made.replaceChildren(icon(sign));
  };
  async function copy(): Promise<void> {
    const copied = await navigator.clipboard?.writeText(text()).then(() => true, () => false);
    say(copied ? 'Copied' : 'The browser does not allow copying', copied ? 'check' : 'close');
    setTimeout(() => say(label, 'copy'), SAID_MS);
  }
  return made;
}
