/** A turn behind glass: what waited for what, how sure the model became, and how the sound arrived; drawn, and in numbers. */
import '../style/glass.css';
import { measures, quality } from '../network';
import type { Check, TurnRecord } from '../turn-record';
import { at, curve, waterfall, type Waterfall } from '../waterfall';
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
  const checks = record.decision ? curve(record.decision) : [];
  const parts: (HTMLElement | null)[] = [
    falls && figure('From your last word to my answer', drawWaterfall(falls), legend()),
    checks.length > 0 ? figure('How sure I was that you had finished', drawCurve(checks, record.decision!.silence_ms)) : null,
    record.network && make('p', { class: 'network', 'data-testid': 'network' }, `Your sound arrived ${arrived[quality(record.network)]}: ${measures(record.network).join(', ')}.`),
    inNumbers(record, checks),
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

function drawCurve(checks: Check[], endMs: number): SVGElement {
  const clock = { from: 0, to: Math.max(endMs, ...checks.map((check) => check.silence_ms), 1) };
  const x = (time: number) => `${(at(clock, time) * 100).toFixed(2)}%`;
  const y = (part: number) => HEAD_PX + (1 - Math.min(1, Math.max(0, part))) * CURVE_PX;
  const foot = HEAD_PX + CURVE_PX + BELOW_PX;
  const line = (of: 'probability' | 'threshold') =>
    checks.slice(1).map((check, index) => {
      const before = checks[index]!;
      return svg('line', { class: of, x1: x(before.silence_ms), y1: y(before[of]), x2: x(check.silence_ms), y2: y(check[of]) });
    });
  const first = checks[0]!;
  const last = checks.at(-1)!;
  const needed = [
    svg('line', { class: 'threshold', x1: 0, y1: y(first.threshold), x2: x(first.silence_ms), y2: y(first.threshold) }),
    ...line('threshold'),
    svg('line', { class: 'threshold', x1: x(last.silence_ms), y1: y(last.threshold), x2: '100%', y2: y(last.threshold) }),
    svg('text', { class: 'needed', x: 0, y: y(first.threshold) - 5 }, `${percent(first.threshold)} needed`),
  ];
  const points = checks.map((check) => svg('circle', { class: 'probability', cx: x(check.silence_ms), cy: y(check.probability), r: 4 }));
  // On the side of the point where the threshold is not.
  const labels = checks.map(({ silence_ms: time, probability, threshold }) => {
    const beside = probability < threshold ? BELOW_PX : -BELOW_PX / 2;
    return svg('text', { class: 'sure', x: x(time), y: y(probability) + beside, 'text-anchor': anchorOf(at(clock, time)) }, percent(probability));
  });
  const clockLine = [
    svg('line', { class: 'tick', x1: 0, x2: '100%', y1: foot, y2: foot }),
    svg('text', { class: 'number', x: 0, y: foot + 17 }, '0'),
    svg('text', { class: 'number', x: '100%', y: foot + 17, 'text-anchor': 'end' }, `${ms(clock.to)} of silence`),
  ];
  const said = checks.map((check) => `${percent(check.probability)} after ${ms(check.silence_ms)}, when ${percent(check.threshold)} was needed`);
  return picture(`${said.join('; ')}.`, foot + FOOT_PX, ...clockLine, ...needed, ...line('probability'), ...points, ...labels);
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
function inNumbers({ timings, work }: TurnRecord, checks: Check[]): HTMLElement | null {
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
  const asked = checks.map((check) => [String(check.silence_ms), percent(check.probability), percent(check.threshold)]);
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
