/** Words that would like to be more than words: in messages, replies, titles, names, transcripts and settings. */
import assert from 'node:assert/strict';
import { addItem, newConversation } from '../stubs/server.mjs';

const ELSEWHERE = 'http://evil.invalid';
export const corpus = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  `<img src="${ELSEWHERE}/pixel.png">`,
  '<svg/onload=alert(1)>',
  '<svg><script>alert&#40;1)</script></svg>',
  '<iframe srcdoc="<script>parent.alert(1)</script>"></iframe>',
  `<link rel=stylesheet href="${ELSEWHERE}/x.css"><style>@import '${ELSEWHERE}/y.css'</style>`,
  `<base href="${ELSEWHERE}/"><form action="${ELSEWHERE}"><button>go</button></form>`,
  '<details open ontoggle=alert(1)>',
  '<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>',
  '"><script>alert(1)</script>',
  "' autofocus onfocus=alert(1) x='",
  '[click](javascript:alert(1))',
  '[click](JaVaScRiPt:alert(1))',
  '[click](java&#115;cript:alert(1))',
  '[click](javascript&colon;alert(1))',
  '[click](\u0001javascript:alert(1))',
  '[click](data:text/html,<script>alert(1)</script>)',
  '[click](vbscript:alert(1))',
  '[click](blob:http://x/y) [click](file:///etc/passwd) [click](//evil.invalid/x) [click](/api/v1/logout)',
  '<javascript:alert(1)>',
  '[ref]\n\n[ref]: javascript:alert(1)',
  `![pixel](${ELSEWHERE}/pixel.png)`,
  `![pixel](${ELSEWHERE}/a.png "title' onload='alert(1)")`,
  `[![nested](${ELSEWHERE}/b.png)](javascript:alert(1))`,
  '```html\n<script>alert(1)</script>\n```',
  '```"><img src=x onerror=alert(1)>\ncode\n```',
  '`<script>alert(1)</script>`',
  '| <img src=x onerror=alert(1)> | [x](javascript:alert(1)) |\n|-|-|\n| <script>alert(1)</script> | b |',
  '# <img src=x onerror=alert(1)>',
  '> <svg onload=alert(1)>',
  '- [ ] <img src=x onerror=alert(1)>',
  '<a href="javascript:alert(1)">x</a>',
  '**<b onmouseover=alert(1)>x</b>**',
  '\u202egnp.exe\u202c \u0000 \ufffe',
  `${'>'.repeat(5000)} deep`,
  `${'[a](b'.repeat(3000)}`,
  `${'*a_ '.repeat(3000)}`,
  '${alert(1)} {{alert(1)}} <%= alert(1) %>',
];

/** Elements and attributes that only such words could have made. */
export const strange = `[...document.querySelectorAll('*')].filter((each) =>
  ['IMG', 'IFRAME', 'SCRIPT', 'STYLE', 'LINK', 'BASE', 'OBJECT', 'EMBED', 'MATH', 'FORM'].includes(each.tagName.toUpperCase()) && each.closest('body') && !['composer', ''].includes(each.id) ||
  each.closest('#captions, #list, #title') && (['IMG', 'IFRAME', 'SCRIPT', 'STYLE', 'LINK', 'FORM', 'BASE'].includes(each.tagName.toUpperCase()) ||
    [...each.attributes].some(({ name, value }) => name.startsWith('on') || name === 'style' || /^(src|srcdoc|action|formaction|background|poster)$/.test(name) ||
      (name === 'href' && each.localName === 'a' && !/^(https?:|mailto:|\\/c\\/|\\/$)/.test(value)))))
  .map((each) => each.outerHTML.slice(0, 120))`;

export const hostile = {
  'words that were stored stay words': async (tab, { world }) => {
    await tab.say('hello');
    await tab.settled();
    const [person] = world.people.keys();
    const all = newConversation(world, person, { title: corpus[1], title_by: 'person' });
    for (const text of corpus) {
      addItem(all, { text });
      addItem(all, { role: 'assistant', text, status: corpus.indexOf(text) % 3 ? 'completed' : 'interrupted', via: 'voice' });
    }
    for (const text of corpus.slice(0, 30)) newConversation(world, person, { title: text, title_by: 'person', instructions: text, model: text, voice: text });
    await tab.open(`c/${all.id}`);
    await tab.until(`document.querySelectorAll('.formatted').length > 10`);
    // Back to the beginning.
    for (let i = 0; i < 4; i++) {
      await tab.run(`document.querySelector('#captions').scrollTop = 0`);
      await tab.wait(80);
    }
    await tab.until(`document.querySelectorAll('.caption').length === ${corpus.length * 2}`);
    assert.deepEqual(await tab.run(strange), []);
    // What looks for them would find them.
    await tab.run(`document.querySelector('#captions').append(document.createElement('img')), 0`);
    assert.equal((await tab.run(strange)).length, 1);
    await tab.run(`document.querySelector('#captions img').remove()`);
    const shown = await tab.turns();
    assert.ok(shown.some((turn) => turn === 'sotto: <script>alert(1)</script>' || turn === 'sotto: <script>alert(1)</script>…'));
    assert.equal(shown[0], 'you: <script>alert(1)</script>');
    assert.equal(await tab.run(`document.querySelector('[data-testid="rename"]').textContent`), corpus[1]);
    await tab.run(`document.querySelectorAll('#captions a').forEach((link) => { link.removeAttribute('target'); link.addEventListener('click', (e) => e.preventDefault()); link.click(); })`);
    await tab.run(`document.querySelectorAll('#captions *').forEach((each) => each.dispatchEvent(new MouseEvent('mouseover', { bubbles: true })))`);
    await tab.click('setup');
    await tab.wait(300);
    assert.deepEqual(await tab.run(strange), []);
    await tab.key('Escape');
    await tab.fill('search', 'alert');
    await tab.see('match');
    assert.deepEqual(await tab.run(strange), []);
    await tab.wait(200);
  },

  'words that are being written and spoken stay words': async (tab, { world }) => {
    world.reply = () => corpus.slice(0, 35).join('\n\n');
    world.title = () => corpus[4];
    world.paceMs = 0;
    await tab.say(corpus.join('\n'));
    await tab.settled();
    await tab.until(`document.querySelector('[data-testid="rename"]').textContent === ${JSON.stringify(corpus[4])}`);
    assert.deepEqual(await tab.run(strange), []);
    await tab.click('call');
    await tab.until(`document.body.dataset.state === 'listening'`);
    await tab.run(`stub.session.engines.llm = '<img src=x onerror=alert(1)>'`);
    for (const text of corpus.slice(0, 24)) {
      await tab.run(`stub.said(${JSON.stringify(text)})`);
      await tab.run(`stub.send('response.output_text.delta', { response_id: 'r', item_id: 'i${corpus.indexOf(text)}', delta: ${JSON.stringify(text)} })`);
      await tab.run(`stub.send('response.output_text.done', { response_id: 'r', item_id: 'i${corpus.indexOf(text)}', text: ${JSON.stringify(text)} })`);
    }
    await tab.run(`stub.send('error', { error: { message: '<img src=x onerror=alert(1)>' } })`);
    await tab.until(`document.querySelectorAll('.caption').length > 40`);
    assert.deepEqual(await tab.run(strange), []);
    await tab.click('hang-up');
    await tab.wait(300);
  },

  'names stay words': async (tab, { world }) => {
    await tab.until(`document.querySelector('#person-name').textContent === 'Sign in'`);
    await tab.click('person');
    await tab.click('to-sign-up');
    await tab.fill('name', corpus[1]);
    await tab.fill('password', 'a long password');
    await tab.click('door-go');
    await tab.until(`document.querySelector('#person-name').textContent === ${JSON.stringify(corpus[1])}`);
    const [person] = world.people.keys();
    world.logins.set('another', { id: 'login_other', csrf: 'x', person, created_ms: 1, label: corpus[3] });
    world.tokens.push({ id: 'token_1', label: corpus[2], scopes: ['calls'], created_ms: 1, used_ms: null, expires_ms: null });
    await tab.click('person');
    await tab.until(`document.querySelectorAll('[data-testid="tokens"] li, [data-testid="logins"] li').length === 3`);
    world.refusals.push(['DELETE', 'logins', 400, 'x', corpus[1]]);
    await tab.click('end-login');
    await tab.until(`document.querySelector('.settings .complaint:not(:empty)')`);
    assert.equal(await tab.run(`document.querySelectorAll('img, iframe, svg[onload]').length`), 0);
  },
};
