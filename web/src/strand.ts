/** The picture of a call: strings that lie still, tremble with a voice, and carry a slow wave while the server thinks. */
import type { State } from './model';
import type { Levels } from './level';

/** The drawing's own units; the page scales it. */
export const WIDTH = 600;
export const HEIGHT = 96;

const POINTS = 72;

/** The path of one string. `still` draws the same loudness without movement. */
export function strand(index: number, state: State, levels: Levels, still: boolean): string {
  const seconds = still ? 0 : levels.seconds;
  const points: string[] = [];
  for (let i = 0; i <= POINTS; i++) {
    const x = i / POINTS;
    const y = HEIGHT / 2 + (HEIGHT / 2 - 3) * pinned(x) * displacement(x, index, state, levels, seconds);
    points.push(`${(x * WIDTH).toFixed(1)} ${y.toFixed(2)}`);
  }
  return `M${points.join('L')}`;
}

/** Held at both ends, as a string is. */
function pinned(x: number): number {
  return Math.sin(Math.PI * x) ** 1.4;
}

/** From -1 to 1. Each string has its own phase and weight, so that they part when they move. */
function displacement(x: number, index: number, state: State, levels: Levels, seconds: number): number {
  const weight = 1 - index * 0.28;
  const phase = index * 0.9;
  const breath = 0.035 * Math.sin(2 * Math.PI * x + seconds * 0.9 + phase);
  switch (state) {
    case 'listening':
      return breath + weight * levels.microphone * wave(x, 3.5, seconds * 5 + phase);
    case 'speaking':
      return breath + weight * levels.reply * wave(x, 2.5, seconds * -4 + phase);
    case 'thinking': {
      const at = 0.5 - 0.38 * Math.cos(seconds * 1.7 - index * 0.25);
      return 0.4 * weight * Math.exp(-(((x - at) / 0.09) ** 2));
    }
    case 'connecting':
      return breath;
    default:
      return 0;
  }
}

/** Two waves that never quite repeat. */
function wave(x: number, turns: number, phase: number): number {
  return 0.62 * Math.sin(2 * Math.PI * turns * x - phase) + 0.38 * Math.sin(2 * Math.PI * turns * 1.7 * x - phase * 1.3);
}
