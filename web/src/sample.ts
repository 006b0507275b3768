/** A voice to be heard before it is chosen. */

const TEXT = 'Hello! This is how I sound when we talk. Shall we?';
/** What the server sends: 16-bit samples and nothing else. */
const RATE_HZ = 24_000;

export class Sample {
  private context: AudioContext | null = null;
  /** Cancels what is being fetched or played. */
  private current: AbortController | null = null;

  constructor(private readonly fetcher: (path: string, init: RequestInit) => Promise<Response>) {}

  /** Says a sentence with `voice`, or with the usual one. Ends with it, when it is stopped, or rejects when it was refused. */
  async play(voice: string | null): Promise<void> {
    this.stop();
    // Made in the gesture that asked for it: browsers let no sound out otherwise.
    this.context ??= new AudioContext();
    await this.context.resume();
    const current = (this.current = new AbortController());
    const body = JSON.stringify({ input: TEXT, response_format: 'pcm', ...(voice === null ? {} : { voice }) });
    try {
      const headers = { 'Content-Type': 'application/json' };
      const reply = await this.fetcher('/v1/audio/speech', { method: 'POST', headers, body, signal: current.signal });
      if (!reply.ok) throw new Error(await refusal(reply));
      await this.sound(samplesOf(await reply.arrayBuffer()), current.signal);
    } catch (error) {
      if (!current.signal.aborted) throw error;
    } finally {
      if (this.current === current) this.current = null;
    }
  }

  stop(): void {
    this.current?.abort();
    this.current = null;
  }

  private sound(samples: Float32Array<ArrayBuffer>, signal: AbortSignal): Promise<void> {
    const { context } = this;
    if (!context || samples.length === 0 || signal.aborted) return Promise.resolve();
    const buffer = context.createBuffer(1, samples.length, RATE_HZ);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(context.destination);
    return new Promise((resolve) => {
      source.onended = () => resolve();
      signal.addEventListener('abort', () => source.stop());
      source.start();
    });
  }
}

export function samplesOf(bytes: ArrayBuffer): Float32Array<ArrayBuffer> {
  const view = new DataView(bytes);
  const samples = new Float32Array(view.byteLength >> 1);
  for (let at = 0; at < samples.length; at += 1) samples[at] = view.getInt16(2 * at, true) / 32_768;
  return samples;
}

async function refusal(reply: Response): Promise<string> {
  const body = (await reply.json().catch(() => null)) as { error?: { message?: unknown } } | null;
  return typeof body?.error?.message === 'string' ? body.error.message : `the server answered ${reply.status}`;
}
