/** One call over WebRTC: the microphone goes out, events and speech come in, and the path is mended when it breaks. */
import { CallError, callLost, microphoneProblem, noMediaPath, type Problem } from './errors';
import { openMicrophone } from './microphone';
import { parseServerEvent, type ClientEvent, type Output, type ServerEvent } from './protocol';
import { Recovery } from './recovery';
import { Signalling } from './signalling';
import { Trickle } from './trickle';

/** What a call needs of its connection; tests put a stub in its place. */
export interface Transport {
  /** Resolves when events flow. Rejects with a `CallError`. */
  open(): Promise<void>;
  send(event: ClientEvent): void;
  mute(muted: boolean): void;
  useMicrophone(deviceId: string): Promise<void>;
  /** Hangs up. */
  close(): void;
  /** Closes the connection and does not hang up: what is left of the call can be gone on with. */
  leave(): void;
}

export interface TransportHandlers {
  /** The microphone is open; from now on the server is called. Called again when the device changes. */
  microphone(stream: MediaStream): void;
  event(event: ServerEvent): void;
  /** A message of the channel `sotto-audio`. */
  audio(message: string | ArrayBuffer): void;
  track(stream: MediaStream): void;
  /** The path broke (true) or is there again (false). */
  broken(broken: boolean): void;
  /** Something went wrong, and the call goes on. */
  trouble(problem: Problem): void;
  /** The call is over, by the server's will (null) or because it was lost. */
  closed(problem: Problem | null): void;
}

export interface TransportOptions {
  output: Output;
  microphoneId: string;
  /** `fetch` with whatever lets this person in. */
  send: typeof fetch;
  /** Which conversation the call belongs to. Asked once the microphone is allowed: a call that is none makes none. */
  conversation(): Promise<string | null>;
  /** The lost call to go on with; it has a conversation. */
  resume: string | null;
}

/** Host candidates are there within milliseconds; what takes longer is sent after the offer. */
const GATHER_MS = 300;
const CONNECT_TIMEOUT_MS = 15_000;

export class WebRtcTransport implements Transport {
  private readonly signalling: Signalling;
  private readonly trickle: Trickle;
  private readonly recovery: Recovery;
  private readonly left = new AbortController();
  private connection: RTCPeerConnection | null = null;
  private events: RTCDataChannel | null = null;
  private sender: RTCRtpSender | null = null;
  private stream: MediaStream | null = null;
  private muted = false;
  private opened = false;

  constructor(
    private readonly options: TransportOptions,
    private readonly handlers: TransportHandlers,
  ) {
    this.signalling = new Signalling(options.output, options.send);
    this.trickle = new Trickle(
      () => this.connection?.localDescription?.sdp ?? '',
      (fragment) => this.signalling.trickle(fragment),
    );
    this.recovery = new Recovery({
      restart: () => this.restart(),
      connected: () => ['connected', 'completed'].includes(this.connection?.iceConnectionState ?? ''),
      broken: (broken) => this.handlers.broken(broken),
      lost: () => this.finish(callLost()),
    });
  }

  async open(): Promise<void> {
    // The microphone first: once it is allowed, browsers name their real addresses as candidates.
    const [stream, iceServers] = await Promise.all([
      openMicrophone(this.options.microphoneId),
      this.signalling.iceServers(),
    ]);
    const track = this.take(stream);
    const connection = new RTCPeerConnection({ iceServers });
    this.connection = connection;
    const ready = this.listen(connection);
    const transceiver = connection.addTransceiver(track, { direction: 'sendrecv' });
    this.sender = transceiver.sender;
    await connection.setLocalDescription();
    const { resume } = this.options;
    const belongs = resume === null ? this.options.conversation() : null;
    const [conversation] = await Promise.all([belongs, gathered(connection)]);
    if (this.closed) return;
    this.trickle.hold();
    const answer = await this.signalling.call(connection.localDescription?.sdp ?? '', conversation, resume);
    if (this.closed) return this.signalling.hangUp();
    this.trickle.release();
    await connection.setRemoteDescription({ type: 'answer', sdp: answer });
    await ready;
    this.opened = true;
    this.watchNetwork();
  }

  send(event: ClientEvent): void {
    if (this.events?.readyState === 'open') this.events.send(JSON.stringify(event));
  }

  mute(muted: boolean): void {
    this.muted = muted;
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  async useMicrophone(deviceId: string): Promise<void> {
    const track = this.take(await openMicrophone(deviceId));
    await this.sender?.replaceTrack(track);
  }

  close(): void {
    if (this.closed) return;
    this.signalling.hangUp();
    this.leave();
  }

  leave(): void {
    if (this.closed) return;
    this.left.abort();
    this.recovery.stop();
    this.connection?.close();
    for (const track of this.stream?.getTracks() ?? []) track.stop();
  }

  private get closed(): boolean {
    return this.left.signal.aborted;
  }

  /** Makes a stream the microphone of this call, and lets the one before go. */
  private take(stream: MediaStream): MediaStreamTrack {
    const track = stream.getAudioTracks()[0];
    if (!track || this.closed) {
      for (const each of stream.getTracks()) each.stop();
      throw new CallError(microphoneProblem({ name: 'NotFoundError' }));
    }
    for (const old of this.stream?.getTracks() ?? []) old.stop();
    this.stream = stream;
    track.enabled = !this.muted;
    // Unplugged: go on with what the system offers instead.
    track.onended = () => void this.useMicrophone('').catch(() => {
      if (!this.closed) this.handlers.trouble(microphoneProblem({ name: 'NotFoundError' }));
    });
    this.handlers.microphone(stream);
    return track;
  }

  /** Sets up everything that is heard from the connection; resolves when events flow. */
  private listen(connection: RTCPeerConnection): Promise<void> {
    const events = connection.createDataChannel('oai-events');
    this.events = events;
    events.onmessage = ({ data }) => {
      const event = parseServerEvent(data);
      if (event && !this.closed) this.handlers.event(event);
    };
    if (this.options.output === 'blob') {
      const audio = connection.createDataChannel('sotto-audio', { ordered: true });
      audio.binaryType = 'arraybuffer';
      audio.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
        if (!this.closed) this.handlers.audio(data);
      };
    }
    connection.ontrack = ({ streams, track }) => this.handlers.track(streams[0] ?? new MediaStream([track]));
    connection.onicecandidate = ({ candidate }) => this.trickle.add(candidate);
    connection.oniceconnectionstatechange = () => {
      if (this.opened) this.recovery.state(connection.iceConnectionState);
    };
    const ready = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new CallError(noMediaPath())), CONNECT_TIMEOUT_MS);
      this.left.signal.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(new CallError(callLost()));
      });
      events.onopen = () => {
        clearTimeout(timer);
        resolve();
      };
      connection.onconnectionstatechange = () => {
        if (connection.connectionState !== 'failed') return;
        if (this.opened && connection.iceConnectionState !== 'failed') this.finish(callLost());
        reject(new CallError(noMediaPath()));
      };
    });
    events.onclose = () => this.finish(null);
    // It may fail while the server's answer is still awaited; whoever waits for it hears of it then.
    ready.catch(() => undefined);
    return ready;
  }

  /** Asks for a new path; gives false when the server no longer knows the call. */
  private async restart(): Promise<boolean> {
    const connection = this.connection;
    if (!connection || this.closed) return false;
    // Nothing of the new path may reach the server before the offer that announces it.
    this.trickle.hold();
    connection.restartIce();
    await connection.setLocalDescription(await connection.createOffer({ iceRestart: true }));
    await gathered(connection);
    this.trickle.hold();
    const result = await this.signalling.restart(connection.localDescription?.sdp ?? '');
    if (result === 'gone') return false;
    if (result === 'unreachable') return true;
    this.trickle.release();
    await connection.setRemoteDescription({ type: 'answer', sdp: result.answer });
    return true;
  }

  private watchNetwork(): void {
    const { signal } = this.left;
    const changed = () => this.recovery.networkChanged();
    window.addEventListener('online', changed, { signal });
    // Where browsers know it. The event also comes when only its estimate of the speed moved; that is no new network.
    const network = (navigator as { connection?: EventTarget & { type?: string } }).connection;
    let type = network?.type;
    const moved = () => {
      if (network?.type !== type) changed();
      type = network?.type;
    };
    network?.addEventListener('change', moved, { signal });
  }

  /** Ends the call from this side of the wire, and says so once. */
  private finish(problem: Problem | null): void {
    if (this.closed) return;
    // Whatever ended it, nobody hung up.
    this.leave();
    this.handlers.closed(problem);
  }
}

/** Waits for the candidates of this machine, but not for long. */
function gathered(connection: RTCPeerConnection): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHER_MS);
    const done = () => {
      if (connection.iceGatheringState !== 'complete') return;
      clearTimeout(timer);
      resolve();
    };
    connection.addEventListener('icegatheringstatechange', done);
    done();
  });
}
