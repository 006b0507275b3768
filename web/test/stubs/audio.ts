/** As much of an AudioContext as playback needs; its clock is set by the test. */
export class FakeContext {
  currentTime = 0;
  outputLatency = 0;
  readonly destination = {};
  readonly sources: FakeSource[] = [];
  readonly gains: FakeGain[] = [];
  /** What the analyser hears. */
  sample = 0;
  failDecoding = false;
  private gate: Promise<void> = Promise.resolve();
  private open: () => void = () => undefined;

  constructor(readonly sampleRate: number) {}

  createAnalyser() {
    return {
      fftSize: 0,
      connect: () => undefined,
      getFloatTimeDomainData: (samples: Float32Array) => samples.fill(this.sample),
    };
  }

  createGain(): FakeGain {
    const gain = new FakeGain();
    this.gains.push(gain);
    return gain;
  }

  createBufferSource(): FakeSource {
    const source = new FakeSource();
    this.sources.push(source);
    return source;
  }

  /** Every byte is a millisecond. */
  async decodeAudioData(wav: ArrayBuffer): Promise<{ length: number }> {
    await this.gate;
    if (this.failDecoding) throw new Error('not a sound');
    return { length: (wav.byteLength * this.sampleRate) / 1000 };
  }

  holdDecoding(): void {
    this.gate = new Promise((resolve) => (this.open = resolve));
  }

  releaseDecoding(): void {
    this.open();
  }
}

export class FakeSource {
  buffer: { length: number } | null = null;
  startedAt: number | null = null;
  /** Where in its buffer it starts. */
  offset = 0;
  stoppedAt: number | null = null;
  onended: (() => void) | null = null;
  connect = () => undefined;
  disconnect = () => undefined;

  start(when: number, offset = 0): void {
    this.startedAt = when;
    this.offset = offset;
  }

  stop(when: number): void {
    this.stoppedAt = when;
  }
}

export class FakeGain {
  readonly ramps: [number, number][] = [];
  private line: [number, number][] = [];
  readonly gain = {
    cancelScheduledValues: () => (this.line = []),
    setValueAtTime: (value: number, at: number) => this.line.push([value, at]),
    linearRampToValueAtTime: (value: number, at: number) => {
      this.line.push([value, at]);
      this.ramps.push([value, at]);
    },
  };

  /** How loud it is at a time. */
  at(time: number): number {
    const after = this.line.findIndex(([, at]) => at > time);
    if (this.line.length === 0) return 1;
    if (after <= 0) return this.line.at(after)![0];
    const [[from, fromAt], [to, toAt]] = [this.line[after - 1]!, this.line[after]!];
    return from + ((to - from) * (time - fromAt)) / (toAt - fromAt);
  }

  connect = () => undefined;
  disconnect = () => undefined;
}
