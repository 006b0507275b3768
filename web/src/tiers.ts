/** How conversations can be kept, in plain words. */
import type { Tier } from './contract';

export const tiers: readonly Tier[] = ['standard', 'private', 'ephemeral'];

export const tierName: Record<Tier, string> = {
  standard: 'Standard',
  private: 'Private',
  ephemeral: 'Ephemeral',
};

/** One sentence, for choosing. */
export const tierSentence: Record<Tier, string> = {
  standard: 'Kept on this server, encrypted with its key; found again on all your devices.',
  private: 'Kept so that only your passphrase opens it, not even the server.',
  ephemeral: 'Kept nowhere: forgotten when you leave, hang up, or are quiet for 30 minutes.',
};

/** What it means, for whoever wants to know. */
export const tierMeaning: Record<Tier, string[]> = {
  standard: [
    'Every turn and every title is stored encrypted, with keys that this server holds.',
    'Whoever has only the database can read nothing. Whoever runs the server could.',
    'If you forget your password, nothing is lost.',
  ],
  private: [
    'Zero-knowledge storage: each finished turn is sealed with your key, and the server cannot open it again.',
    'While it answers, the server has to hear and read what you say. Only models on its own premises are used.',
    'If you lose your passphrase and your recovery key, nobody can bring these conversations back.',
  ],
  ephemeral: [
    'It is held in memory only: nothing goes into the database, the log or a file.',
    'It ends with its call, when you leave this page, or after 30 idle minutes. Nobody can bring it back.',
    'Only models on the server’s own premises are used.',
  ],
};
