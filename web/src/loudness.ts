/**
 * How loud something is: a line of straight pieces that can be changed under way without a click.
 *
 * The line is kept here too, because not every browser says how far a ramp has come.
 */

/** A change begins so much later than now, or the audio thread would learn of it when part of it is over, and jump. */
export const SOON_S = 0.005;
/** Long enough not to click, too short to be heard as a fade. */
export const RAMP_S = 0.01;

interface Point {
  atS: number;
  gain: number;
}

export class Loudness {
  private line: Point[] = [{ atS: 0, gain: 1 }];

  constructor(readonly node: GainNode) {}

  /** Goes to `gain` within `overS` from `fromS` on. Gives the time at which it is there. */
  change(gain: number, nowS: number, fromS = nowS + SOON_S, overS = RAMP_S): number {
    const begin = { atS: nowS, gain: this.at(nowS) };
    const between = this.line.filter(({ atS }) => atS > nowS && atS < fromS);
    const end = { atS: fromS + overS, gain };
    const line = [begin, ...between, { atS: fromS, gain: this.at(fromS) }, end];
    const { gain: parameter } = this.node;
    parameter.cancelScheduledValues(0);
    parameter.setValueAtTime(begin.gain, begin.atS);
    for (const point of line.slice(1)) parameter.linearRampToValueAtTime(point.gain, point.atS);
    this.line = line;
    return end.atS;
  }

  private at(timeS: number): number {
    const next = this.line.findIndex(({ atS }) => atS > timeS);
    // Before the first point or after the last.
    if (next <= 0) return this.line.at(next)!.gain;
    const [before, after] = [this.line[next - 1]!, this.line[next]!];
    const part = (timeS - before.atS) / (after.atS - before.atS);
    return before.gain + (after.gain - before.gain) * part;
  }
}
