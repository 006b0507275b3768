/** Making and finding elements. Text is always text: nothing here takes HTML. */

export function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}

type Attributes = Record<string, string | number | boolean | null>;

/** An element with attributes and what is in it. Attributes that are false or null are left out. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string | null)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false && value !== null) made.setAttribute(name, value === true ? '' : String(value));
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** An element of a drawing. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | number> = {},
  ...children: (SVGElement | string)[]
): SVGElementTagNameMap[K] {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

export function button(attributes: Attributes, press: (event: MouseEvent) => void, ...children: (Node | string | null)[]): HTMLButtonElement {
  const made = make('button', { type: 'button', ...attributes }, ...children);
  made.addEventListener('click', press);
  return made;
}

/** Writes only what changed: a live region announces every write. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Writes parts between which a line may break, and nowhere else. */
export function setParts(target: Element, parts: string[]): void {
  if (target.textContent === parts.join(' · ')) return;
  const spans = parts.map((part, index) => make('span', {}, index < parts.length - 1 ? `${part} ·` : part));
  target.replaceChildren(...spans.flatMap((span, index) => (index > 0 ? [' ', span] : [span])));
}

/** Whether keys belong to a field that is being written in or chosen from. */
export function isField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]');
}

/** Whether something lies over the page that Escape closes first. */
export function somethingOver(): boolean {
  return document.querySelector('dialog[open], :popover-open, details.menu[open]') !== null;
}
