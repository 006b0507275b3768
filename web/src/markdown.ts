/**
 * Markdown as a small tree of what this page can show, and nothing else. The parser only tells words from marks: HTML stays
 * text, pictures are not fetched, and of addresses those of the web and of mail remain.
 */
import { Lexer, type Token, type Tokens } from 'marked';

export type Block = { raw: string } & (
  | { kind: 'paragraph'; inlines: Inline[] }
  | { kind: 'heading'; level: number; inlines: Inline[] }
  | { kind: 'code'; lang: string; text: string }
  | { kind: 'quote'; blocks: Block[] }
  | { kind: 'list'; start: number | null; items: { checked: boolean | null; blocks: Block[] }[] }
  | { kind: 'table'; align: ('left' | 'center' | 'right' | null)[]; rows: Inline[][][] }
  | { kind: 'rule' }
);

export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'strong' | 'em' | 'del'; inlines: Inline[] }
  | { kind: 'link'; href: string; inlines: Inline[] }
  | { kind: 'break' };

/** Beyond this a text is shown as it is written. */
const LONGEST = 100_000;

export function parseMarkdown(text: string): Block[] {
  if (text.length > LONGEST) return [plain(text)];
  try {
    return blocks(new Lexer({ gfm: true, breaks: true }).lex(text));
  } catch {
    // Nested deeper than anybody writes.
    return [plain(text)];
  }
}

/** An address that may be followed; null for everything else. */
export function safeAddress(href: string): string | null {
  try {
    const url = new URL(decoded(href));
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function plain(text: string): Block {
  return { kind: 'paragraph', raw: text, inlines: [{ kind: 'text', text }] };
}

function blocks(tokens: Token[]): Block[] {
  return tokens.flatMap((token) => block(token) ?? []);
}

function block(token: Token): Block | null {
  const { raw } = token;
  switch (token.type) {
    case 'space':
    case 'def':
    case 'checkbox':
      return null;
    case 'heading':
      return { kind: 'heading', raw, level: (token as Tokens.Heading).depth, inlines: inlines(token) };
    case 'code':
      return { kind: 'code', raw, lang: (token as Tokens.Code).lang ?? '', text: (token as Tokens.Code).text };
    case 'blockquote':
      return { kind: 'quote', raw, blocks: blocks(token.tokens ?? []) };
    case 'list':
      return list(token as Tokens.List);
    case 'table':
      return table(token as Tokens.Table);
    case 'hr':
      return { kind: 'rule', raw };
    case 'html':
      return { kind: 'paragraph', raw, inlines: [{ kind: 'text', text: raw.trimEnd() }] };
    default:
      // Paragraphs, and the text of a tight list.
      return { kind: 'paragraph', raw, inlines: inlines(token) };
  }
}

function list({ raw, ordered, start, items }: Tokens.List): Block {
  return {
    kind: 'list',
    raw,
    start: ordered ? Number(start) || 0 : null,
    items: items.map((item) => ({ checked: item.task ? Boolean(item.checked) : null, blocks: blocks(item.tokens) })),
  };
}

function table({ raw, header, rows, align }: Tokens.Table): Block {
  return { kind: 'table', raw, align, rows: [header, ...rows].map((row) => row.map((cell) => inlines(cell))) };
}

function inlines(token: object): Inline[] {
  const { tokens, text } = token as { tokens?: Token[]; text?: string };
  return tokens ? tokens.flatMap(inline) : [{ kind: 'text', text: decoded(text ?? '') }];
}

function inline(token: Token): Inline | Inline[] {
  switch (token.type) {
    case 'strong':
    case 'em':
    case 'del':
      return { kind: token.type, inlines: inlines(token) };
    case 'codespan':
      return { kind: 'code', text: (token as Tokens.Codespan).text };
    case 'br':
      return { kind: 'break' };
    case 'link':
    case 'image':
      return link(token as Tokens.Link | Tokens.Image);
    case 'html':
      return { kind: 'text', text: token.raw };
    case 'checkbox':
      return [];
    case 'escape':
      return { kind: 'text', text: (token as Tokens.Escape).text };
    default:
      return token.type === 'text' && (token as Tokens.Text).tokens
        ? inlines(token as Tokens.Text)
        : { kind: 'text', text: decoded((token as Tokens.Text).text ?? token.raw) };
  }
}

/** A picture becomes a link to it. What cannot be followed is only text. */
function link(token: Tokens.Link | Tokens.Image): Inline | Inline[] {
  const href = safeAddress(token.href);
  const text = token.type === 'image' ? [{ kind: 'text', text: decoded(token.text) || token.href } as Inline] : inlines(token);
  return href === null ? text : { kind: 'link', href, inlines: text };
}

/** The characters that are written by name often enough to matter. */
const named: Record<string, string> = {
  amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0', colon: ':', lpar: '(', rpar: ')', Tab: '\t', NewLine: '\n',
  copy: '©', reg: '®', trade: '™', hellip: '…', mdash: '—', ndash: '–', lsquo: '‘', rsquo: '’', ldquo: '“', rdquo: '”',
  laquo: '«', raquo: '»', bull: '•', middot: '·', times: '×', deg: '°', plusmn: '±', euro: '€', pound: '£', sect: '§',
  rarr: '→', larr: '←', uarr: '↑', darr: '↓', le: '≤', ge: '≥', ne: '≠', infin: '∞',
};

function decoded(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|(\w{2,10}));/g, (whole, decimal, hex, name) => {
    if (name !== undefined) return Object.hasOwn(named, name) ? named[name]! : whole;
    const code = decimal === undefined ? parseInt(hex, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : '\ufffd';
  });
}
