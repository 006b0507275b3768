/** How the person wants to talk in calls, and what the server is told of it. Remembered on this device. */
import type { Interruption, Session, SessionChange } from './protocol';
import { remember, remembered } from './remembered';

export interface Manner {
  /** The microphone is open only while a button is held. */
  pushToTalk: boolean;
  /** What speaking over a reply does; null: what the server is set to. */
  interruption: Interruption | null;
  /** So many words stop a reply with `after_words`. */
  minWords: number;
}

export const usualManner: Manner = { pushToTalk: false, interruption: null, minWords: 2 };

const MAX_WORDS = 20;

export function rememberedManner(): Manner {
  const interruption = remembered('sotto.interruption');
  const minWords = Number(remembered('sotto.min-words'));
  const isKnown = interruption === 'always' || interruption === 'after_words' || interruption === 'never';
  const isCount = Number.isInteger(minWords) && minWords >= 1 && minWords <= MAX_WORDS;
  return {
    pushToTalk: remembered('sotto.push-to-talk') === 'yes',
    interruption: isKnown ? interruption : null,
    minWords: isCount ? minWords : usualManner.minWords,
  };
}

export function rememberManner({ pushToTalk, interruption, minWords }: Manner): void {
  remember('sotto.push-to-talk', pushToTalk ? 'yes' : '');
  remember('sotto.interruption', interruption ?? '');
  remember('sotto.min-words', String(minWords));
}

/** Who ends turns. */
export function turnDetection({ pushToTalk }: Manner): SessionChange {
  const detection = pushToTalk ? null : ({ type: 'semantic_vad', eagerness: 'auto' } as const);
  return { type: 'realtime', audio: { input: { turn_detection: detection } } };
}

/** What speaking over a reply does. `usual` is what the session began with. */
export function interruption({ interruption: chosen, minWords }: Manner, usual: Session): SessionChange {
  const words = chosen === null ? usual.sotto.min_words : chosen === 'after_words' ? minWords : null;
  const what = chosen ?? usual.sotto.interruption ?? 'always';
  return { type: 'realtime', sotto: { interruption: what, ...(words === null ? {} : { min_words: words }) } };
}
