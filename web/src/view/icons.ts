/** The drawings on buttons that scripts make. Those of the page itself stand in index.html. */
import { svg } from './dom';

const paths = {
  again: 'M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4',
  bin: 'M5 7h14M10 7V5h4v2M7 7l1 12h8l1-12',
  check: 'M5 12.5l4.5 4.5L19 7',
  close: 'M7 7l10 10M17 7L7 17',
  copy: 'M9 9h10v10H9zM15 9V5H5v10h4',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  hourglass: 'M7 4h10M7 20h10M8 4c0 4 3 5.5 4 8 1-2.5 4-4 4-8M8 20c0-4 3-5.5 4-8 1 2.5 4 4 4 8',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  more: 'M6 12h.01M12 12h.01M18 12h.01',
  pen: 'M5 19l1-4L16 5l3 3L9 18z',
  shield: 'M12 4l7 2.5v5c0 4-3 7-7 8.5-4-1.5-7-4.5-7-8.5v-5z',
} as const;

export type Icon = keyof typeof paths;

export function icon(name: Icon): SVGSVGElement {
  return svg('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('path', { d: paths[name] }));
}
