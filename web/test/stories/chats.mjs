/** Writing, and what becomes of it. */
import assert from 'node:assert/strict';

const title = `document.querySelector('[data-testid="rename"]').textContent`;

export const chats = {
  'a message is sent, answered as it is written, saved and titled': async (tab, { world }) => {
    world.storeMs = 900;
    await tab.say('What is a sotto voce?');
    await tab.until(`document.querySelector('.caption[data-role="user"] .words')?.textContent === 'What is a sotto voce?'`);
    await tab.see('unsaved');
    await tab.until(`document.querySelectorAll('.caption[data-role="user"]').length === 1 && !document.querySelector('.turn[data-role="user"] [data-testid="unsaved"]')`);
    await tab.settled();
    assert.deepEqual(await tab.turns(), ['you: What is a sotto voce?', 'sotto: You said: What is a sotto voce?']);
    await tab.until(`${title} === 'About What is a'`);
    assert.match(await tab.run('location.pathname'), /^\/c\/conv_/);
    assert.deepEqual(world.requests.filter(({ method }) => method === 'POST').map(({ path }) => path.replace(/conv_\w+/, 'ID')), ['guest', 'conversations', 'conversations/ID/messages']);
    await tab.reload();
    await tab.until(`document.querySelectorAll('.caption').length === 2`);
    assert.deepEqual(await tab.turns(), ['you: What is a sotto voce?', 'sotto: You said: What is a sotto voce?']);
  },
};
