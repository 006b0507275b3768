/** The part of the panel in which one chooses how to talk. */
import type { Manner } from '../manner';
import type { Interruption } from '../protocol';
import { element } from './dom';

export class MannerView {
  private readonly pushToTalk = element('push-to-talk', HTMLInputElement);
  private readonly interruption = element('interruption', HTMLSelectElement);
  private readonly minWords = element('min-words', HTMLSelectElement);

  constructor(manner: Manner, changed: (manner: Manner) => void) {
    this.show(manner);
    for (const field of [this.pushToTalk, this.interruption, this.minWords]) {
      field.addEventListener('change', () => {
        const chosen = this.read();
        this.show(chosen);
        changed(chosen);
      });
    }
  }

  private read(): Manner {
    return {
      pushToTalk: this.pushToTalk.checked,
      interruption: (this.interruption.value || null) as Interruption | null,
      minWords: Number(this.minWords.value),
    };
  }

  /** Whoever holds a button interrupts by pressing it. */
  private show({ pushToTalk, interruption, minWords }: Manner): void {
    this.pushToTalk.checked = pushToTalk;
    this.interruption.value = interruption ?? '';
    if (![...this.minWords.options].some(({ value }) => value === String(minWords))) this.minWords.add(new Option(`${minWords} words`, String(minWords)));
    this.minWords.value = String(minWords);
    element('interruption-choice', HTMLElement).hidden = pushToTalk;
    element('min-words-choice', HTMLElement).hidden = pushToTalk || interruption !== 'after_words';
    element('push-to-talk-note', HTMLElement).hidden = !pushToTalk;
  }
}
