/** How conversations are kept unless another way is chosen, and how they leave and come in. */
import type { ExportedConversation, Tier } from '../contract';
import { readExport, save } from '../files';
import { messageOf } from '../people';
import { tierName, tiers, tierSentence } from '../tiers';
import { button, make } from '../view/dom';
import { outcome, part, type Context } from './settings';

export function keepingPart(context: Context): HTMLElement {
  const { app } = context;
  const said = outcome();
  const chosen = app.people.defaultTier;
  const choices = tiers.map((tier) => {
    const input = make('input', { type: 'radio', name: 'default-tier', value: tier, checked: tier === chosen, 'data-testid': `default-${tier}` });
    input.addEventListener('change', () => void choose(tier));
    return make('label', { class: 'check' }, input, make('span', {}, make('strong', {}, tierName[tier]), ` ${tierSentence[tier]}`));
  });

  async function choose(tier: Tier): Promise<void> {
    try {
      await app.people.setDefaultTier(tier);
      said.say(`New conversations begin as ${tierName[tier]}.`);
    } catch (error) {
      said.say(messageOf(error) || 'That did not work. Try again.', 'bad');
    }
  }

  const vault = make('div', { class: 'vault-place' });
  void app.vault.settings(vault);
  return part(
    'Conversations',
    make('fieldset', { class: 'checks' }, make('legend', {}, 'New conversations are'), ...choices),
    vault,
    moving(context, said),
    said.line,
  );
}

function moving({ app, api }: Context, said: ReturnType<typeof outcome>): HTMLElement {
  const file = make('input', { type: 'file', accept: 'application/json,.json', hidden: true, 'data-testid': 'import-file' });
  file.addEventListener('change', () => void take());

  async function all(): Promise<void> {
    try {
      const document = await api.export(null);
      const sealed: ExportedConversation[] = app.vault.isUnlocked() ? await app.vault.export(null) : [];
      save({ ...document, conversations: [...document.conversations, ...sealed] }, 'sotto conversations');
      const left = !app.vault.isUnlocked() && app.list.list.some(({ tier }) => tier === 'private');
      said.say(left ? 'Private conversations are locked and are not in the file.' : 'All conversations are in the file.');
    } catch (error) {
      said.say(messageOf(error) || 'The export did not work. Try again.', 'bad');
    }
  }

  async function take(): Promise<void> {
    const [chosen] = file.files ?? [];
    file.value = '';
    if (!chosen) return;
    try {
      const taken = await api.import(readExport(await chosen.text()));
      said.say(taken.length === 1 ? 'One conversation was taken in.' : `${taken.length} conversations were taken in.`);
      await app.refresh();
    } catch (error) {
      const words = messageOf(error) || (error instanceof Error ? error.message : '');
      said.say(words || 'The import did not work. Try again.', 'bad');
    }
  }

  return make(
    'div',
    { class: 'actions left' },
    button({ class: 'small', 'data-testid': 'export-all' }, () => void all(), 'Export all'),
    button({ class: 'small', 'data-testid': 'import' }, () => file.click(), 'Import a file'),
    file,
  );
}
