/** As much of an AudioContext as playback needs; its clock is set by the test. */
export class FakeContext {
  currentTime = 0;
  outputLatency = 0;
  baseLatency = 0;
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
  stoppedAt: number | null = null;
  onended: (() => void) | null = null;
  connect = () => undefined;
  disconnect = () => undefined;

  start(when: number): void {
    this.startedAt = when;
  }

  stop(when: number): void {
    this.stoppedAt = when;
  }
}

export class FakeGain {
  readonly ramps: [number, number][] = [];
  readonly targets: number[] = [];
  readonly gain = {
    value: 1,
    cancelScheduledValues: () => undefined,
    setValueAtTime: () => undefined,
    linearRampToValueAtTime: (value: number, at: number) => this.ramps.push([value, at]),
    setTargetAtTime: (value: number) => this.targets.push(value),
  };
  connect = () => undefined;
  disconnect = () => undefined;
}
