/** Writing, and what becomes of it. */
import assert from 'node:assert/strict';
import { addItem, newConversation } from '../stubs/server.mjs';
import { HESITANT } from './calls.mjs';

const title = `document.querySelector('[data-testid="rename"]').textContent`;
const entries = `[...document.querySelectorAll('[data-testid="entry"] .entry-title')].map((each) => each.textContent)`;
const posts = ({ requests }) => requests.filter(({ method }) => method === 'POST').map(({ path }) => path.replace(/conv_\w+/, 'ID'));

export const MARKDOWN = `Sotto voce means *in a quiet voice*. Three places where one meets it:

1. **Music**: the singer lowers the voice for effect
2. **Theatre**: an aside that only the audience hears
3. **Law**: the judge speaks to the bench

> It is heard because it is quiet.

\`\`\`rust
/// Speaks so that only the next person hears.
fn sotto_voce(words: &str) -> Voice {
    Voice::quiet(words)
}
\`\`\`

| word | language | meaning |
|------|----------|--------:|
| sotto | Italian | under |
| voce | Italian | voice |

More at [a page](https://example.org/sotto?a=1&b=2), ![a picture](https://example.org/p.png) and \`code\`.`;

export const chats = {
  'how a turn went can be seen later': async (tab, { world }) => {
    await tab.say('Hello');
    await tab.settled();
    const [conversation] = world.conversations.values();
    const spoken = addItem(conversation, { text: 'Tell me a story.', via: 'voice' });
    addItem(conversation, { role: 'assistant', text: 'Once upon a time.', via: 'voice' });
    conversation.turns = [{ id: 'turn_1', item_id: spoken.id, at_ms: spoken.at_ms, report: HESITANT }];
    await tab.reload();
    await tab.until(`document.querySelectorAll('[data-testid="why"]').length === 1`);
    await tab.click('why');
    await tab.see('glass');
    assert.match(await tab.text('why-text'), /^You paused for 0\.8.s\./);
    await tab.picture('glass-later', ['desk-light', 'small-dark']);
  },

  'a message is sent, answered as it is written, saved and titled': async (tab, { world }) => {
    world.storeMs = 900;
    await tab.say('What is a sotto voce?');
    await tab.until(`document.querySelector('.caption[data-role="user"] .words')?.textContent === 'What is a sotto voce?'`);
    await tab.see('unsaved');
    assert.equal(await tab.text('unsaved'), 'not saved yet');
    await tab.until(`!document.querySelector('.turn[data-side="user"] [data-testid="unsaved"]')`);
    await tab.settled();
    assert.deepEqual(await tab.turns(), ['you: What is a sotto voce?', 'sotto: You said: What is a sotto voce?']);
    await tab.until(`${title} === 'About What is a'`);
    assert.match(await tab.run('location.pathname'), /^\/c\/conv_/);
    assert.deepEqual(posts(world), ['guest', 'conversations', 'conversations/ID/messages']);
    await tab.reload();
    await tab.until(`document.querySelectorAll('.caption').length === 2`);
    assert.deepEqual(await tab.turns(), ['you: What is a sotto voce?', 'sotto: You said: What is a sotto voce?']);
    assert.match(await tab.run('document.title'), /^About What is a · Sotto$/);
  },

  'Markdown is shown as it is meant': async (tab, { world }) => {
    world.reply = () => MARKDOWN;
    world.paceMs = 0;
    await tab.say('What does it mean?');
    await tab.settled();
    await tab.until(`document.querySelector('.formatted table')`);
    const shown = await tab.run(`(() => {
      const of = (selector) => [...document.querySelectorAll('.formatted ' + selector)];
      return {
        items: of('ol > li').length, cells: of('td').length, code: of('pre code')[0].textContent, quote: of('blockquote')[0].textContent,
        links: of('a').map((a) => [a.textContent, a.href, a.rel, a.target]), images: of('img').length,
      };
    })()`);
    assert.deepEqual({ items: shown.items, cells: shown.cells, images: shown.images }, { items: 3, cells: 6, images: 0 });
    assert.match(shown.code, /^\/\/\/ Speaks so .*\n}$/s);
    assert.deepEqual(shown.links, [
      ['a page', 'https://example.org/sotto?a=1&b=2', 'noopener noreferrer', '_blank'],
      ['a picture', 'https://example.org/p.png', 'noopener noreferrer', '_blank'],
    ]);
    await tab.picture('markdown');
    await tab.run(`navigator.clipboard.writeText = async (text) => { window.copied = text; }`);
    await tab.run(`document.querySelector('.code .icon').click()`);
    await tab.until(`window.copied?.startsWith('/// Speaks')`);
  },

  'a reply is stopped: what was written stays': async (tab, { world }) => {
    world.paceMs = 120;
    world.reply = () => `one two three${' and so on'.repeat(40)}`;
    await tab.say('Count.');
    await tab.until(`document.querySelector('.caption[data-role="assistant"]')?.textContent.includes('three')`);
    await tab.say('Is this held back?');
    assert.equal(await tab.run(`document.querySelector('#write').value`), 'Is this held back?');
    await tab.picture('writing', ['desk-light', 'phone-dark']);
    await tab.click('stop');
    await tab.settled();
    const [, reply] = await tab.turns();
    assert.match(reply, /^sotto: one two three.*…$/);
    assert.equal(await tab.run(`document.querySelector('.caption[data-role="assistant"]').dataset.phase`), 'cut');
  },

  'a message is edited: what came after it goes': async (tab) => {
    await tab.say('first');
    await tab.settled();
    await tab.say('second');
    await tab.settled();
    await tab.click('edit');
    await tab.picture('editing', ['desk-light', 'small-dark']);
    await tab.fill('edit-field', 'another first');
    await tab.click('edit-send');
    await tab.until(`document.querySelectorAll('.caption').length === 2`);
    await tab.settled();
    assert.deepEqual(await tab.turns(), ['you: another first', 'sotto: You said: another first']);
    await tab.reload();
    await tab.until(`document.querySelectorAll('.caption').length === 2`);
    assert.deepEqual(await tab.turns(), ['you: another first', 'sotto: You said: another first']);
  },

  'a reply is written anew': async (tab, { world }) => {
    let count = 0;
    world.reply = () => `answer ${++count}`;
    await tab.say('Say something.');
    await tab.settled();
    await tab.click('again');
    await tab.until(`document.querySelector('.caption[data-role="assistant"]')?.textContent === 'answer 2'`);
    await tab.settled();
    assert.deepEqual(await tab.turns(), ['you: Say something.', 'sotto: answer 2']);
  },

  'what cannot be saved says so, and is sent again': async (tab, { world }) => {
    await tab.say('first');
    await tab.settled();
    world.refusals.push(['POST', 'messages$', 500, 'internal_error', 'the store is away']);
    await tab.say('second');
    await tab.see('not-saved');
    assert.match(await tab.text('hitch'), /The store is away\./);
    assert.equal(await tab.run(`document.querySelectorAll('[data-testid="not-saved"]').length`), 1);
    await tab.picture('not-saved', ['desk-light', 'small-dark']);
    await tab.click('retry');
    await tab.settled();
    assert.deepEqual(await tab.turns(), ['you: first', 'sotto: You said: first', 'you: second', 'sotto: You said: second']);
    assert.equal(await tab.text('hitch'), null);
  },

  'a message whose confirmation was lost is not sent twice': async (tab, { world }) => {
    await tab.say('first');
    await tab.settled();
    world.breakBefore = 'stored';
    await tab.say('second');
    await tab.see('not-saved');
    await tab.click('retry');
    await tab.until(`!document.querySelector('[data-testid="not-saved"]')`);
    assert.deepEqual(await tab.turns(), ['you: first', 'sotto: You said: first', 'you: second']);
    assert.equal(posts(world).filter((path) => path.endsWith('messages')).length, 2);
  },

  'a model that fails is told, and asked again': async (tab, { world }) => {
    world.reply = () => ({ error: { code: 'llm_unreachable', message: 'the model server does not answer' } });
    await tab.say('Hello?');
    await tab.see('hitch');
    assert.match(await tab.text('hitch'), /The model server does not answer\. Try again/);
    assert.deepEqual(await tab.turns(), ['you: Hello?']);
    assert.equal(await tab.text('not-saved'), null);
    world.reply = () => 'Here I am.';
    await tab.click('answer-again');
    await tab.settled();
    assert.deepEqual(await tab.turns(), ['you: Hello?', 'sotto: Here I am.']);
  },

  'conversations are renamed in the head and in the list, and deleted after a question': async (tab) => {
    await tab.say('one');
    await tab.settled();
    await tab.until(`${title} === 'About one'`);
    await tab.click('rename');
    await tab.fill('in-place', 'My own name');
    await tab.press('Enter');
    await tab.until(`${title} === 'My own name' && ${entries}[0] === 'My own name'`);
    await tab.say('two');
    await tab.settled();
    await tab.wait(100);
    assert.equal(await tab.run(title), 'My own name');

    await tab.run(`document.querySelector('[data-testid="entry"] button').click()`);
    await tab.see('menu-rename');
    await tab.picture('menu', ['desk-light']);
    await tab.click('menu-rename');
    await tab.fill('in-place', 'Yet another');
    await tab.press('Enter');
    await tab.until(`${title} === 'Yet another' && ${entries}[0] === 'Yet another'`);

    await tab.run(`document.querySelector('[data-testid="entry"] button').click()`);
    await tab.click('menu-delete');
    await tab.see('confirm-no');
    await tab.picture('delete', ['desk-light', 'phone-dark']);
    await tab.press('Escape');
    assert.equal(await tab.run(`${entries}.length`), 1);
    await tab.run(`document.querySelector('[data-testid="entry"] button').click()`);
    await tab.click('menu-delete');
    await tab.click('confirm-yes');
    await tab.until(`${entries}.length === 0 && location.pathname === '/'`);
    assert.deepEqual(await tab.turns(), []);
  },

  'search finds titles and words, and leads to them': async (tab, { world }) => {
    await tab.say('hello');
    await tab.settled();
    const [person] = world.people.keys();
    const old = newConversation(world, person, { title: 'Old letters', title_by: 'person', updated_ms: Date.now() - 40 * 86_400_000 });
    for (let i = 0; i < 120; i++) addItem(old, { role: i % 2 ? 'assistant' : 'user', text: i === 7 ? 'The marmalade is in the cellar.' : `line ${i}` });
    await tab.fill('search', 'marmalade');
    await tab.see('match');
    assert.equal(await tab.text('found'), 'One place.');
    assert.equal(await tab.run(`document.querySelector('mark').textContent`), 'marmalade');
    await tab.picture('search', ['desk-light']);
    await tab.run(`document.querySelector('[data-testid="match"] a').click()`);
    await tab.until(`document.querySelector('.turn.found')?.textContent.includes('marmalade')`);
    const { top, bottom } = await tab.run(`document.querySelector('.turn.found').getBoundingClientRect().toJSON()`);
    assert.ok(top > 0 && bottom < 800, `it stands at ${top} to ${bottom}`);
    await tab.fill('search', '');
    await tab.until(`${entries}.length === 2`);
  },

  'back and forward lead through the conversations': async (tab) => {
    await tab.say('alpha');
    await tab.settled();
    await tab.click('new');
    await tab.until(`location.pathname === '/'`);
    await tab.say('beta');
    await tab.settled();
    await tab.run('history.back()');
    await tab.until(`document.querySelector('.caption')?.textContent === 'alpha'`);
    await tab.run('history.forward()');
    await tab.until(`document.querySelector('.caption')?.textContent === 'beta'`);
    await tab.open('c/conv_00000000000000000000000000000000');
    await tab.see('gone');
    await tab.picture('gone', ['desk-light']);
  },

  'a reply that is being written goes on while another conversation is read': async (tab, { world }) => {
    await tab.say('alpha');
    await tab.settled();
    world.paceMs = 60;
    world.reply = () => 'one two three four five six seven eight nine ten';
    await tab.say('Count.');
    await tab.until(`document.querySelectorAll('.caption').length === 4`);
    const path = await tab.run('location.pathname');
    await tab.click('new');
    await tab.until(`document.querySelectorAll('.caption').length === 0`);
    await tab.wait(200);
    await tab.run('history.back()');
    await tab.until(`location.pathname === '${path}' && document.querySelectorAll('.caption').length === 4`);
    await tab.settled();
    assert.equal((await tab.turns()).at(-1), 'sotto: one two three four five six seven eight nine ten');
  },

  'model, voice and instructions are chosen for a conversation': async (tab, { world }) => {
    await tab.click('setup');
    await tab.until(`document.querySelector('#model').options.length === 3`);
    await tab.fill('model', 'claude');
    await tab.fill('instructions', 'Answer in one word.');
    await tab.picture('setup', ['desk-light', 'small-dark']);
    await tab.key('Escape');
    await tab.say('Hello');
    await tab.settled();
    const [made] = [...world.conversations.values()];
    assert.deepEqual([made.model, made.instructions, made.voice], ['claude', 'Answer in one word.', null]);
    await tab.click('setup');
    await tab.fill('voice', 'michael');
    const listen = `document.querySelector('[data-testid=hear-voice]')`;
    await tab.click('hear-voice');
    await tab.until(`${listen}.textContent === 'Stop'`);
    await tab.picture('voice', ['desk-light', 'small-dark']);
    await tab.click('hear-voice');
    await tab.until(`${listen}.textContent === 'Listen'`);
    assert.equal(world.spoken.at(-1).voice, 'michael');
    await tab.click('hear-voice');
    await tab.until(`${listen}.textContent === 'Stop'`);
    await tab.until(`${listen}.textContent === 'Listen'`, 5_000);
    await tab.until(`${title} !== ''`);
    await tab.wait(100);
    assert.equal(made.voice, 'michael');
  },

  'conversations leave as a file and come back': async (tab, { world }) => {
    await tab.say('alpha');
    await tab.settled();
    await tab.run(`HTMLAnchorElement.prototype.click = function () { window.saved = this.download; }`);
    await tab.click('setup');
    await tab.click('export-one');
    await tab.until(`window.saved === 'About alpha.json'`);
    await tab.key('Escape');
    await tab.click('person');
    await tab.see('import');
    await tab.run(`(async () => {
      const exported = await (await fetch('/api/v1/export')).text();
      const files = new DataTransfer();
      files.items.add(new File([exported], 'x.json'));
      const field = document.querySelector('[data-testid="import-file"]');
      field.files = files.files;
      field.dispatchEvent(new Event('change'));
    })()`);
    await tab.until(`${entries}.length === 2`);
    assert.equal(world.conversations.size, 2);
  },
};
