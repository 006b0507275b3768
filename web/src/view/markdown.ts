/** Shows Markdown: an element of a fixed set for each piece, and text for all the rest. Loaded when it is first needed. */
import { parseMarkdown, type Block, type Inline } from '../markdown';
import { copyButton } from './copy';
import { make } from './dom';

const shown = new WeakMap<Element, string>();

/** Fills `target` with this text. What is there already and has not changed stays, so that a growing text does not flicker. */
export function showMarkdown(target: Element, text: string): void {
  const blocks = parseMarkdown(text);
  let same = 0;
  for (const child of target.children) {
    if (same >= blocks.length || shown.get(child) !== blocks[same]!.raw) break;
    same++;
  }
  while (target.childNodes.length > same) target.lastChild!.remove();
  for (const block of blocks.slice(same)) {
    const made = blockElement(block);
    shown.set(made, block.raw);
    target.append(made);
  }
}

function blockElement(block: Block): HTMLElement {
  switch (block.kind) {
    case 'paragraph':
      return make('p', {}, ...inlineNodes(block.inlines));
    case 'heading':
      // The page's own headings come first; a reply begins below them.
      return make(block.level <= 1 ? 'h3' : block.level === 2 ? 'h4' : 'h5', {}, ...inlineNodes(block.inlines));
    case 'code':
      return codeElement(block.lang, block.text);
    case 'quote':
      return make('blockquote', {}, ...block.blocks.map(blockElement));
    case 'list':
      return listElement(block);
    case 'table':
      return tableElement(block);
    case 'rule':
      return make('hr');
  }
}

function codeElement(lang: string, text: string): HTMLElement {
  const name = lang.trim().split(/\s/)[0] ?? '';
  const head = make('figcaption', {}, make('span', {}, name), copyButton(() => text, 'Copy the code'));
  return make('figure', { class: 'code' }, head, make('pre', { tabindex: 0 }, make('code', {}, text)));
}

function listElement({ start, items }: Extract<Block, { kind: 'list' }>): HTMLElement {
  const children = items.map(({ checked, blocks }) => {
    const mark = checked === null ? null : make('span', { class: 'task', role: 'img', 'aria-label': checked ? 'done' : 'to do' }, checked ? '☑' : '☐');
    // The text of a tight list stands without paragraphs of its own.
    const content = blocks.flatMap((block) => (block.kind === 'paragraph' && blocks.length === 1 ? inlineNodes(block.inlines) : [blockElement(block)]));
    return make('li', {}, mark, ...content);
  });
  return start === null ? make('ul', {}, ...children) : make('ol', { start }, ...children);
}

function tableElement({ rows, align }: Extract<Block, { kind: 'table' }>): HTMLElement {
  const line = (cells: Inline[][], kind: 'th' | 'td') =>
    make('tr', {}, ...cells.map((cell, at) => make(kind, { 'data-align': align[at] ?? null }, ...inlineNodes(cell))));
  const [head, ...body] = rows;
  const table = make('table', {}, make('thead', {}, line(head ?? [], 'th')), make('tbody', {}, ...body.map((row) => line(row, 'td'))));
  return make('div', { class: 'wide', tabindex: 0 }, table);
}

function inlineNodes(inlines: Inline[]): Node[] {
  return inlines.map((inline) => {
    switch (inline.kind) {
      case 'text':
        return document.createTextNode(inline.text);
      case 'code':
        return make('code', {}, inline.text);
      case 'break':
        return make('br');
      case 'link':
        return make('a', { href: inline.href, rel: 'noopener noreferrer', target: '_blank' }, ...inlineNodes(inline.inlines));
      default:
        return make(inline.kind, {}, ...inlineNodes(inline.inlines));
    }
  });
}
