import type { Place } from '../../src/playback';
import type { ClientEvent, Hush, ServerEvent } from '../../src/protocol';
import type { CallSound, CallSoundHandlers } from '../../src/call';
import type { Transport, TransportHandlers } from '../../src/transport';

/** A connection that a test drives from the server's side. */
export class StubTransport implements Transport {
  readonly sent: ClientEvent[] = [];
  readonly log: string[] = [];
  private settle: { resolve(): void; reject(error: unknown): void } | null = null;

  constructor(readonly handlers: TransportHandlers) {}

  open(): Promise<void> {
    return new Promise((resolve, reject) => (this.settle = { resolve, reject }));
  }

  opened(): void {
    this.handlers.microphone({} as MediaStream);
    this.settle?.resolve();
  }

  async fail(error: unknown): Promise<void> {
    this.settle?.reject(error);
    await Promise.resolve();
    await Promise.resolve();
  }

  receive(...events: ServerEvent[]): void {
    for (const event of events) this.handlers.event(event);
  }

  send(event: ClientEvent): void {
    this.sent.push(event);
  }

  mute(muted: boolean): void {
    this.log.push(muted ? 'mute' : 'unmute');
  }

  async useMicrophone(deviceId: string): Promise<void> {
    this.log.push(`microphone ${deviceId}`);
  }

  close(): void {
    this.log.push('close');
  }

  leave(): void {
    this.log.push('leave');
  }
}

/** A loudspeaker that only remembers. */
export class StubSound implements CallSound {
  readonly log: string[] = [];
  readonly speech = {
    receive: () => this.log.push('receive'),
    duck: (id: string, hush: Hush) => this.log.push(`duck ${id} ${hush}`),
    resume: (id: string, place: Place | null) => this.log.push(`resume ${id}${place ? ` ${place.chunkId} ${place.fromMs}` : ''}`),
    clear: (id: string) => this.log.push(`clear ${id}`),
  };
  readonly track = {
    attach: () => this.log.push('attach'),
    begin: (id: string) => this.log.push(`begin ${id}`),
    end: () => this.log.push('end'),
  };

  constructor(readonly handlers: CallSoundHandlers) {}

  listen(): void {
    this.log.push('listen');
  }

  close(): void {
    this.log.push('close');
  }
}
