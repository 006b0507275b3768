import { describe, expect, test } from 'vitest';
import { parseMarkdown, safeAddress, type Block, type Inline } from '../src/markdown';

describe('Markdown', () => {
  test('becomes a tree of what can be shown', () => {
    expect(parseMarkdown('# A\n\ntext *with* **marks** and `code`\nnext')).toMatchObject([
      { kind: 'heading', level: 1, inlines: [{ kind: 'text', text: 'A' }] },
      {
        kind: 'paragraph',
        inlines: [
          { kind: 'text', text: 'text ' }, { kind: 'em' }, { kind: 'text', text: ' ' }, { kind: 'strong' },
          { kind: 'text', text: ' and ' }, { kind: 'code', text: 'code' }, { kind: 'break' }, { kind: 'text', text: 'next' },
        ],
      },
    ]);
  });

  test('has lists, tasks, tables, quotes and code', () => {
    const [list, tasks, table, quote, code] = parseMarkdown(
      '3. a\n4. b\n\ntext\n\n- [x] done\n- [ ] not\n\n|a|b|\n|-|-:|\n|1|2|\n\n> q\n\n```js x\n<b>\n```',
    ).filter(({ kind }) => kind !== 'paragraph');
    expect(list).toMatchObject({ kind: 'list', start: 3, items: [{ checked: null }, {}] });
    expect(tasks).toMatchObject({ start: null, items: [{ checked: true }, { checked: false }] });
    expect(table).toMatchObject({ align: [null, 'right'], rows: [[[{ text: 'a' }], [{ text: 'b' }]], [[{ text: '1' }], [{ text: '2' }]]] });
    expect(quote).toMatchObject({ kind: 'quote', blocks: [{ kind: 'paragraph' }] });
    expect(code).toMatchObject({ kind: 'code', lang: 'js x', text: '<b>' });
  });

  test('shows HTML as it is written', () => {
    expect(words('<script>alert(1)</script>')).toBe('<script>alert(1)</script>');
    expect(words('a <img src=x onerror=alert(1)> b')).toBe('a <img src=x onerror=alert(1)> b');
    expect(words('<!-- hidden --> x')).toContain('<!-- hidden -->');
  });

  test('names characters as they are meant', () => {
    expect(words('a &amp; b &lt;c&gt; &#8364; &#x20AC; &hellip; &unknown; &toString;')).toBe('a & b <c> € € … &unknown; &toString;');
    expect(words('&#0; &#xD800; &#1114112;')).toBe('\ufffd \ufffd \ufffd');
    expect(words('`&amp;` \\*no\\*')).toBe('&amp; *no*');
  });

  test('never fails, and is not slow', () => {
    const nasty = ['>'.repeat(20_000), '['.repeat(20_000), '*a '.repeat(20_000), '- '.repeat(5_000), `${'a'.repeat(50_000)}|`.repeat(3), '`'.repeat(30_001)];
    for (const text of nasty) {
      const started = performance.now();
      expect(parseMarkdown(text).length).toBeGreaterThan(0);
      expect(performance.now() - started).toBeLessThan(3_000);
    }
  });
});

describe('addresses', () => {
  test.each([
    ['https://example.org/a?b=1&amp;c=2', 'https://example.org/a?b=1&c=2'],
    ['http://example.org', 'http://example.org/'],
    ['mailto:a@example.org', 'mailto:a@example.org'],
  ])('%s may be followed', (href, url) => {
    expect(safeAddress(href)).toBe(url);
  });

  test.each([
    'javascript:alert(1)', 'JavaScript:alert(1)', ' javascript:alert(1)', 'java\tscript:alert(1)', 'javascript&colon;alert(1)',
    '&#106;avascript:alert(1)', 'data:text/html,x', 'vbscript:x', 'blob:https://x/y', 'file:///etc/passwd', '//example.org', '/api/v1/logout', 'x', '',
  ])('%s may not', (href) => {
    expect(safeAddress(href)).toBeNull();
  });

  test('of pictures become links, those that lead nowhere words', () => {
    expect(inlines('![a cat](https://example.org/cat.png)')).toEqual([
      { kind: 'link', href: 'https://example.org/cat.png', inlines: [{ kind: 'text', text: 'a cat' }] },
    ]);
    expect(inlines('[a **b**](javascript:x)')).toMatchObject([{ kind: 'text', text: 'a ' }, { kind: 'strong' }]);
    expect(inlines('![](javascript:x)')).toEqual([{ kind: 'text', text: 'javascript:x' }]);
  });
});

function inlines(text: string): Inline[] {
  const [first] = parseMarkdown(text);
  return (first as Extract<Block, { kind: 'paragraph' }>).inlines;
}

function words(text: string): string {
  return inlines(text).map((inline) => ('text' in inline ? inline.text : '')).join('');
}
