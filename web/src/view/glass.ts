/** A turn behind glass: what waited for what, how sure the model became, and how the sound arrived; drawn, and in numbers. */
import '../style/glass.css';
import { measures, quality } from '../network';
import type { Check, TurnRecord } from '../turn-record';
import { at, pauses, waterfall, type Pause, type Waterfall } from '../waterfall';
import { make, svg } from './dom';

const ROW_PX = 36;
const BAR_PX = 12;
/** Above the rows, for the names of moments; below them, for the clock. */
const HEAD_PX = 20;
const FOOT_PX = 22;
const CURVE_PX = 72;
/** From a line to what is written beside it, and room for what is written below the lowest point. */
const BESIDE_PX = 5;
const BELOW_PX = 16;

export function glass(record: TurnRecord): HTMLElement {
  const falls = waterfall(record);
  const asked = record.decision ? pauses(record.decision) : [];
  const parts: (HTMLElement | null)[] = [
    falls && figure('From your last word to my answer', drawWaterfall(falls), legend()),
    asked.length > 0 ? figure('How sure I was that you had finished', drawCurves(asked)) : null,
    record.network && make('p', { class: 'network', 'data-testid': 'network' }, `Your sound arrived ${arrived[quality(record.network)]}: ${measures(record.network).join(', ')}.`),
    inNumbers(record),
  ];
  // Not read out by itself in the middle of a call.
  return make('div', { class: 'glass', 'aria-live': 'off', 'data-testid': 'glass' }, ...parts);
}

const arrived = { good: 'well', fair: 'with gaps', poor: 'badly' };

function figure(title: string, ...drawn: Element[]): HTMLElement {
  return make('figure', {}, make('figcaption', {}, title), ...drawn);
}

function drawWaterfall(falls: Waterfall): SVGElement {
  const foot = HEAD_PX + falls.rows.length * ROW_PX;
  const x = (ms: number) => `${(at(falls, ms) * 100).toFixed(2)}%`;
  const moment = (ms: number, name: string, anchor: string) => [
    svg('line', { class: 'moment', x1: x(ms), x2: x(ms), y1: HEAD_PX - 4, y2: foot }),
    svg('text', { class: 'name', x: x(ms), y: HEAD_PX - 8, 'text-anchor': anchor }, name),
  ];
  const rows = falls.rows.flatMap(({ name, bars }, row) => {
    const top = HEAD_PX + row * ROW_PX;
    const took = bars.reduce((sum, { from, to }) => sum + to - from, 0);
    return [
      svg('text', { x: 0, dx: BESIDE_PX, y: top + 16 }, name),
      svg('text', { class: 'number', x: '100%', dx: -BESIDE_PX, y: top + 16, 'text-anchor': 'end' }, ms(took)),
      ...bars.map(({ kind, from, to }) =>
        svg('rect', { class: kind, x: x(from), y: top + 21, width: `${((at(falls, to) - at(falls, from)) * 100).toFixed(2)}%`, height: BAR_PX, rx: 2 }),
      ),
    ];
  });
  const clock = falls.ticks.flatMap((tick) => [
    svg('line', { class: 'tick', x1: x(tick), x2: x(tick), y1: HEAD_PX, y2: foot + 4 }),
    svg('text', { class: 'number', x: x(tick), y: foot + 17, 'text-anchor': anchorOf(at(falls, tick)) }, String(tick)),
  ]);
  const heard = falls.heard === null ? [] : moment(falls.heard, 'first sound', 'end');
  const label = falls.heard === null ? 'What was worked on after your last word' : `From your last word to my first sound: ${ms(falls.heard)}`;
  return picture(`${label}. The numbers follow.`, foot + FOOT_PX, ...clock, ...rows, ...moment(0, 'last word', 'start'), ...heard);
}

/** A curve for each pause, one after the other. */
function drawCurves(drawn: Pause[]): SVGElement {
  const [first, last] = [drawn[0]!, drawn.at(-1)!];
  const clock = { from: 0, to: last.to };
  const x = (time: number) => `${(at(clock, time) * 100).toFixed(2)}%`;
  const y = (part: number) => HEAD_PX + (1 - Math.min(1, Math.max(0, part))) * CURVE_PX;
  const foot = HEAD_PX + CURVE_PX + BELOW_PX;
  // One check makes no curve: it is said in words, beside its point.
  const single = drawn.length === 1 && first.checks.length === 1;
  const curves = drawn.flatMap(({ from, to, checks }) => {
    const line = (of: 'probability' | 'threshold') =>
      checks.slice(1).map((check, index) => {
        const before = checks[index]!;
        return svg('line', { class: of, x1: x(from + before.silence_ms), y1: y(before[of]), x2: x(from + check.silence_ms), y2: y(check[of]) });
      });
    const level = ({ threshold }: Check, x1: number, x2: number) =>
      svg('line', { class: 'threshold', x1: x(x1), y1: y(threshold), x2: x(x2), y2: y(threshold) });
    const [earliest, latest] = [checks[0]!, checks.at(-1)!];
    const points = checks.map((check) => svg('circle', { class: 'probability', cx: x(from + check.silence_ms), cy: y(check.probability), r: 4 }));
    const labels = checks.map(({ silence_ms: time, probability, threshold }) => {
      const part = at(clock, from + time);
      // On the side of the point where the threshold is not.
      const beside = probability < threshold ? BELOW_PX : -BELOW_PX / 2;
      const text = single ? `${percent(probability)} after ${ms(time)}` : percent(probability);
      const anchor = single ? (part < 0.6 ? 'start' : 'end') : anchorOf(part);
      return svg('text', { class: 'sure', x: x(from + time), y: y(probability) + beside, 'text-anchor': anchor }, text);
    });
    return [
      svg('line', { class: 'tick', x1: x(from), x2: x(to), y1: foot, y2: foot }),
      level(earliest, from, from + earliest.silence_ms),
      ...line('threshold'),
      level(latest, from + latest.silence_ms, to),
      ...line('probability'),
      ...points,
      ...labels,
    ];
  });
  const { threshold } = first.checks[0]!;
  const needed = svg('text', { class: 'needed', x: 0, y: y(threshold) - 5 }, `${percent(threshold)} needed`);
  const earlier = drawn.length === 1 ? '0' : drawn.length === 2 ? 'earlier pause' : 'earlier pauses';
  const lasted = ms(last.to - last.from);
  const clockLine = [
    svg('text', { class: 'number', x: 0, y: foot + 17 }, earlier),
    svg('text', { class: 'number', x: '100%', y: foot + 17, 'text-anchor': 'end' }, drawn.length === 1 ? `${lasted} of silence` : `last pause: ${lasted}`),
  ];
  const said = ({ checks }: Pause) =>
    checks.map((check) => `${percent(check.probability)} after ${ms(check.silence_ms)}, when ${percent(check.threshold)} was needed`).join('; ');
  return picture(`${drawn.map(said).join('. You went on. ')}.`, foot + FOOT_PX, ...clockLine, needed, ...curves);
}

/** A drawing that is read out as one sentence. */
function picture(label: string, height: number, ...drawn: SVGElement[]): SVGElement {
  return svg('svg', { role: 'img', 'aria-label': label, width: '100%', height }, ...drawn);
}

function legend(): HTMLElement {
  const key = (kind: string, name: string) =>
    make('span', {}, svg('svg', { width: 14, height: 10, 'aria-hidden': 'true' }, svg('rect', { class: kind, x: 1, y: 1, width: 12, height: 8, rx: 2 })), name);
  return make('p', { class: 'legend' }, key('wait', 'waited'), key('work', 'worked'), 'in ms');
}

/** The same for those who want to read it, or hear it read. */
function inNumbers({ timings, work, decision }: TurnRecord): HTMLElement | null {
  const phases: [string, number | null][] = [
    ['your turn was over', timings.endpoint_ms],
    ['your words were there', timings.transcript_ms],
    ['first word of the model', timings.first_token_ms],
    ['first clause', timings.first_clause_ms],
    ['first sound made', timings.first_speech_ms],
    ['first sound heard', timings.first_audio_ms],
  ];
  const known = phases.filter(([, time]) => time !== null).map(([name, time]) => [name, String(time)]);
  const jobs = work.map((job) => [stages[job.stage] ?? job.stage, ...[job.asked_ms, job.waited_ms, job.worked_ms].map(String)]);
  const asked = (decision?.checks ?? []).map((check) => [String(check.silence_ms), percent(check.probability), percent(check.threshold)]);
  if (known.length + jobs.length + asked.length === 0) return null;
  return make(
    'details',
    {},
    make('summary', { 'data-testid': 'numbers' }, 'In numbers'),
    table('After your last word', ['', 'ms'], known),
    table('What was worked on, in ms', ['', 'asked', 'waited', 'worked'], jobs),
    table('Had you finished?', ['silence, ms', 'sure', 'needed'], asked),
  );
}

const stages: Record<string, string> = { turn: 'end of turn', stt: 'recognition', llm: 'model', tts: 'voice' };

function table(caption: string, head: string[], rows: string[][]): HTMLElement | null {
  if (rows.length === 0) return null;
  const first = head[0] === '';
  return make(
    'table',
    {},
    make('caption', {}, caption),
    make('thead', {}, make('tr', {}, ...head.map((name) => (name ? make('th', { scope: 'col' }, name) : make('td'))))),
    make('tbody', {}, ...rows.map((row) => make('tr', {}, ...row.map((text, column) => (first && column === 0 ? make('th', { scope: 'row' }, text) : make('td', {}, text)))))),
  );
}

/** So that a label at an edge stays inside. */
function anchorOf(part: number): string {
  return part < 0.1 ? 'start' : part > 0.9 ? 'end' : 'middle';
}

function ms(time: number): string {
  return `${Math.round(time)}\u00a0ms`;
}

function percent(part: number): string {
  return `${Math.round(part * 100)}\u00a0%`;
}
