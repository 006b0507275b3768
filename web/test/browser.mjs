/**
 * The built page in a real Chromium, under the server's content security policy: against a server that speaks the HTTP API
 * (stubs/server.mjs) and one inside the page that takes calls (stubs/call.js).
 *
 *   npm run build && node test/browser.mjs [--pictures FOLDER] [part of a story's name]
 *
 * Not part of `npm test`: it needs a Chromium (`$CHROMIUM`, else /usr/bin/chromium).
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { calls } from './stories/calls.mjs';
import { chats } from './stories/chats.mjs';
import { hostile } from './stories/hostile.mjs';
import { people } from './stories/people.mjs';
import { reach } from './stories/reach.mjs';
import { tell } from './stories/run.mjs';
import { startTab } from './stories/tab.mjs';
import { startStub } from './stubs/server.mjs';

const { values, positionals } = parseArgs({ options: { pictures: { type: 'string' } }, allowPositionals: true });
const server = await startStub(fileURLToPath(new URL('../dist', import.meta.url)));
const browser = await startTab(server.address, values.pictures);
const stories = { ...calls, ...chats, ...people, ...hostile, ...reach };
let well = false;

try {
  const { tab } = browser;
  const open = async () => {
    server.reset();
    await tab.forget();
    await tab.open();
  };
  well = await tell(stories, positionals, tab, open, server);
} finally {
  await browser.close();
  await server.close();
}
process.exit(well ? 0 : 1);
