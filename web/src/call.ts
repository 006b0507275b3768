/**
 * Follows a call, so that the page can show its state, the captions, the last turn's times, and what went wrong.
 * It goes by the server's events; connection and sound are handed in, so that tests can stand in for them.
 */
import { Captions } from './captions';
import type { ContextTurn } from './contract';
import {
  callGone, callLost, endedByServer, endingSoon, modelFailed, notStored, problemOf, replyTooLong, serverReported, transcriptionFailed, type Problem,
} from './errors';
import { interruption, turnDetection, usualManner, type Manner } from './manner';
import { idle, type Model, type State } from './model';
import type { Heard, Place, PlaybackHandlers } from './playback';
import type { Hush, NewItem, ServerEvent, Session } from './protocol';
import { PushToTalk } from './push-to-talk';
import type { Measured } from './remote';
import type { Transport, TransportHandlers } from './transport';
import { whyNoWords, whyReply, whyTurn } from './why';
import { inCall } from './words';

/** What a call needs of the loudspeaker: see `Sound`. */
export interface CallSound {
  /** Replies that come as chunks. */
  readonly speech: {
    receive(message: string | ArrayBuffer): void;
    duck(responseId: string, hush: Hush): void;
    resume(responseId: string, place: Place | null): void;
    clear(responseId: string): void;
  };
  /** Replies that come as a track. */
  readonly track: {
    attach(stream: MediaStream): void;
    begin(responseId: string): void;
    end(): void;
  };
  listen(microphone: MediaStream): void;
  close(): void;
}

export interface CallSoundHandlers extends PlaybackHandlers {
  measured(measured: Measured): void;
}

export interface Parts {
  /** `resume`: the lost call to go on with. */
  transport(handlers: TransportHandlers, resume: string | null): Transport;
  sound(handlers: CallSoundHandlers): CallSound;
  /** The microphone was opened. */
  microphone(): void;
  /** How the person wants to talk. */
  manner?(): Manner;
  /** What was said before, where the server may not know it. */
  context?(): ContextTurn[];
}

/** The parts of one call, from the button to the end. */
interface Live {
  transport: Transport;
  sound: CallSound;
  remote: MediaStream | null;
  session: Session | null;
  /** The session as it began. */
  first: Session | null;
  manner: Manner;
  hold: PushToTalk;
  /** What the server is doing, kept while the path is broken. */
  talk: State;
  ending: string | null;
  /** Items that tell the server what was said before this call. */
  context: Set<string>;
  /** The lost call that it goes on with. */
  resume: string | null;
}

export class Call {
  readonly model: Model = idle();
  private captions = new Captions();
  private live: Live | null = null;

  constructor(
    private readonly parts: Parts,
    private readonly changed: (model: Model) => void,
  ) {}

  /** Calls; with the id of a lost call, goes on with that one. */
  async start(resume: string | null = null): Promise<void> {
    if (this.live) return;
    this.captions = new Captions();
    Object.assign(this.model, idle(), { captions: this.captions.list });
    await this.open(resume);
  }

  /** `before`: the problem that the person would have been told of, had this not been tried. */
  private async open(resume: string | null, before: Problem | null = null): Promise<void> {
    const manner = this.parts.manner?.() ?? usualManner;
    const { pushToTalk } = manner;
    Object.assign(this.model, { state: 'connecting', pushToTalk, callId: resume });
    const live: Live = {
      transport: this.parts.transport(this.handlers(() => this.live === live), resume),
      sound: this.parts.sound({
        report: (event) => live.transport.send(event),
        heard: (heard) => this.heard(heard),
        measured: (measured) => this.measured(measured),
      }),
      remote: null,
      session: null,
      first: null,
      manner,
      hold: new PushToTalk({
        send: (event) => live.transport.send(event),
        open: (open) => live.transport.mute(!open),
      }),
      talk: 'connecting',
      ending: null,
      context: new Set(),
      resume,
    };
    this.live = live;
    if (pushToTalk) live.transport.mute(true);
    this.changed(this.model);
    try {
      await live.transport.open();
    } catch (error) {
      if (this.live !== live) return;
      const problem = problemOf(error);
      // Whatever else went wrong, it can be tried again.
      this.end(before ?? problem, resume !== null && problem.code !== callGone().code);
    }
  }

  hangUp(): void {
    if (this.live) this.end(null);
  }

  /** The page is being left. Nobody hung up: the call can be continued. */
  leave(): void {
    this.live?.transport.leave();
    if (this.live) this.end(null, true);
  }

  /** The rest of what was being said when the call was lost. */
  hearRest(): void {
    if (!this.live || !this.model.missed) return;
    this.live.transport.send({ type: 'sotto.replay' });
    this.model.missed = false;
    this.changed(this.model);
  }

  /** Forgets a call that is over: something else is in front now. */
  reset(): void {
    if (this.model.state !== 'ended') return;
    this.captions = new Captions();
    Object.assign(this.model, idle(), { captions: this.captions.list });
    this.changed(this.model);
  }

  /** With a button to hold there is nothing to mute. */
  toggleMute(): void {
    if (!this.live || this.model.pushToTalk) return;
    this.model.muted = !this.model.muted;
    this.live.transport.mute(this.model.muted);
    this.changed(this.model);
  }

  /** The person holds the button, and speaks. */
  press(): void {
    const { live, model } = this;
    if (!live || !model.pushToTalk || !inCall(model.state)) return;
    this.captions.dropUncommitted();
    live.hold.press();
    Object.assign(model, { holding: true, unheard: null });
    this.changed(model);
  }

  /** The person lets the button go. */
  release(): void {
    if (!this.live || !this.model.holding) return;
    this.live.hold.release();
    this.model.holding = false;
    this.changed(this.model);
  }

  /** The person wants to talk differently from now on. The next call asks for it by itself. */
  behave(manner: Manner): void {
    const { live, model } = this;
    if (!live) return;
    const before = live.manner;
    live.manner = manner;
    if (manner.pushToTalk !== before.pushToTalk) {
      if (before.pushToTalk && live.session) live.hold.end();
      live.transport.mute(manner.pushToTalk);
      Object.assign(model, { pushToTalk: manner.pushToTalk, holding: false, muted: false });
      if (live.session) live.transport.send({ type: 'session.update', session: turnDetection(manner) });
    }
    if (live.first && (manner.interruption !== before.interruption || manner.minWords !== before.minWords)) {
      live.transport.send({ type: 'session.update', session: interruption(manner, live.first) });
    }
    this.changed(model);
  }

  /** Types into the call. A reply that is going on stops, as it would if one spoke; this is answered aloud. */
  say(text: string): void {
    const live = this.live;
    if (!live?.session) return;
    const item = message('user', text);
    this.captions.personTyped(item.id, text);
    live.transport.send({ type: 'output_audio_buffer.clear' });
    live.transport.send({ type: 'conversation.item.create', item });
    live.transport.send({ type: 'response.create' });
    this.changed(this.model);
  }

  async useMicrophone(deviceId: string): Promise<void> {
    try {
      await this.live?.transport.useMicrophone(deviceId);
    } catch (error) {
      if (this.live) this.tell(problemOf(error));
    }
  }

  /** Shows a problem; one that comes outside a call stays until the next. */
  tell(problem: Problem | null): void {
    this.model.problem = problem;
    this.changed(this.model);
  }

  /** Only the call that is on may speak: `current` says whether these handlers are still its own. */
  private handlers(current: () => boolean): TransportHandlers {
    const guarded =
      <A extends unknown[]>(handle: (live: Live, ...args: A) => void) =>
      (...args: A) => {
        if (this.live && current()) handle(this.live, ...args);
      };
    return {
      microphone: guarded((live, stream: MediaStream) => {
        live.sound.listen(stream);
        this.parts.microphone();
        if (this.model.waiting === 'microphone') this.model.waiting = 'server';
        this.changed(this.model);
      }),
      event: guarded((live, event: ServerEvent) => {
        this.follow(live, event);
        this.changed(this.model);
      }),
      audio: guarded((live, message: string | ArrayBuffer) => live.sound.speech.receive(message)),
      track: guarded((live, stream: MediaStream) => {
        live.remote = stream;
        this.attach(live);
      }),
      broken: guarded((live, broken: boolean) => {
        this.model.waiting = 'path';
        this.model.state = broken ? 'connecting' : live.talk;
        this.changed(this.model);
      }),
      trouble: guarded((_, problem: Problem) => this.tell(problem)),
      closed: guarded((live, problem: Problem | null) => {
        if (problem?.code === callLost().code) this.lost(live, problem);
        else this.end(problem ?? endedByServer(live.ending));
      }),
    };
  }

  private follow(live: Live, event: ServerEvent): void {
    const { model, captions } = this;
    switch (event.type) {
      case 'session.created':
        this.enter(live, 'listening');
        model.answered = true;
        this.know(live, event.session);
        this.agree(live, event.session);
        this.remind(live);
        break;
      case 'session.updated':
        this.know(live, event.session);
        break;
      case 'sotto.state':
        this.enter(live, event.state);
        // The reply goes on: what was heard meanwhile was no turn.
        if (event.state === 'speaking' && !model.hearing) captions.dropUncommitted();
        break;

      case 'input_audio_buffer.speech_started':
        model.hearing = true;
        model.unheard = null;
        captions.personSpeaks(event.item_id);
        break;
      case 'input_audio_buffer.speech_stopped':
        model.hearing = false;
        break;
      case 'input_audio_buffer.committed':
        model.hearing = false;
        if (!live.ending) model.problem = null;
        model.unheard = null;
        captions.personCommitted(event.item_id);
        break;
      case 'input_audio_buffer.timeout_triggered':
        captions.personSilent(event.item_id);
        break;
      case 'conversation.item.input_audio_transcription.delta':
        captions.personWords(event.item_id, event.delta);
        break;
      case 'sotto.transcript.interim':
        captions.personMurmurs(event.item_id, event.stable, event.tail);
        break;
      case 'conversation.item.input_audio_transcription.completed':
        captions.personSaid(event.item_id, event.transcript);
        break;
      case 'conversation.item.input_audio_transcription.failed':
        captions.personNotUnderstood(event.item_id);
        model.problem = transcriptionFailed(event.message);
        break;

      case 'conversation.item.added':
        if (event.role === 'user' && event.text && !live.context.has(event.item_id)) {
          captions.personTyped(event.item_id, event.text);
        }
        break;
      case 'sotto.item.stored':
        captions.stored(event.item_id, event.seq);
        break;
      case 'sotto.item.not_stored':
        captions.notStored(event.item_id);
        model.problem = notStored();
        break;

      case 'response.created':
        model.missed = false;
        live.hold.replyBegins();
        break;
      case 'response.output_item.added':
        captions.belongs(event.item_id, event.response_id);
        break;
      case 'response.output_audio_transcript.delta':
        // Chunks bring their own text, and with it the times of its words.
        if (live.session?.sotto.output === 'track') captions.append(event.item_id, event.response_id, event.delta);
        break;
      case 'response.output_text.delta':
        captions.append(event.item_id, event.response_id, event.delta);
        break;
      case 'response.output_audio_transcript.done':
        captions.wholeText(event.item_id, event.response_id, event.transcript);
        break;
      case 'response.output_text.done':
        captions.wholeText(event.item_id, event.response_id, event.text);
        captions.finish(event.response_id);
        break;
      case 'response.done':
        if (event.status === 'failed') {
          model.problem = modelFailed(event.message);
          captions.finish(event.response_id);
        }
        if (event.status === 'incomplete') model.problem = replyTooLong();
        break;

      case 'output_audio_buffer.started':
        // Chunks are measured where they are played.
        if (live.session?.sotto.output === 'track') live.sound.track.begin(event.response_id);
        break;
      case 'output_audio_buffer.stopped':
        live.sound.track.end();
        captions.finish(event.response_id);
        break;
      case 'output_audio_buffer.cleared':
      case 'sotto.audio.clear':
        live.sound.track.end();
        live.sound.speech.clear(event.response_id);
        captions.cut(event.response_id);
        break;
      case 'conversation.item.truncated':
        captions.cutItem(event.item_id, event.text);
        break;
      case 'sotto.audio.duck':
        live.sound.speech.duck(event.response_id, event.level);
        break;
      case 'sotto.audio.resume': {
        const { response_id, chunk_id: chunkId, from_ms: fromMs } = event;
        live.sound.speech.resume(response_id, chunkId === null ? null : { chunkId, fromMs });
        // What is still being heard may be an answer to the end of the reply.
        if (!model.hearing) captions.dropUncommitted();
        break;
      }
      case 'sotto.interruption':
        captions.explainReply(event.response_id, whyReply(event));
        break;

      case 'sotto.turn':
        model.timings = event.timings;
        captions.explainTurn(event.item_id, whyTurn(event), event);
        if (event.rejected !== null) model.unheard = whyNoWords(event.rejected);
        break;
      case 'sotto.network':
        model.network = event.network;
        break;
      case 'sotto.resumed':
        model.missed = event.missed.trim() !== '';
        break;
      case 'sotto.call.ending':
        live.ending = event.reason;
        model.problem = endingSoon(event.reason, event.in_ms);
        break;
      case 'error':
        // Somebody held the button and said nothing.
        if (event.code === 'input_audio_buffer_commit_empty') model.unheard = 'I heard nothing.';
        else model.problem = serverReported(event.message);
        break;
    }
  }

  /** No way to the server was found. Another call may find one, and go on where this one stopped. */
  private lost(live: Live, problem: Problem): void {
    const id = live.session?.sotto.call_id ?? null;
    // Tried once: one that never came about is not tried again.
    if (id === null) return this.end(problem, live.resume !== null);
    this.release();
    live.sound.close();
    live.hold.close();
    this.live = null;
    this.captions.close();
    Object.assign(this.model, { hearing: false, muted: false, holding: false, unheard: null, missed: false, problem: null, waiting: 'path' });
    void this.open(id, problem);
  }

  private enter(live: Live, state: State): void {
    live.talk = state;
    this.model.state = state;
  }

  private know(live: Live, session: Session): void {
    live.session = session;
    this.model.engines = session.sotto.engines;
    this.model.history = session.sotto.history;
    this.model.tier = session.sotto.tier;
    this.model.callId = session.sotto.call_id;
    this.model.conversation = session.sotto.conversation;
    this.captions.keep(session.sotto.history === 'stored');
    this.attach(live);
  }

  /** Tells the server how the person wants to talk, where that is not the usual way. */
  private agree(live: Live, session: Session): void {
    const { manner, transport } = live;
    live.first = session;
    if (manner.pushToTalk) transport.send({ type: 'session.update', session: turnDetection(manner) });
    if (manner.interruption) transport.send({ type: 'session.update', session: interruption(manner, session) });
  }

  /** Tells the server what was said before this call. */
  private remind(live: Live): void {
    // It knows.
    if (live.resume !== null) return;
    for (const { role, text } of this.parts.context?.() ?? []) {
      const item: NewItem = { ...message(role, text), sotto: { context: true } };
      live.context.add(item.id);
      live.transport.send({ type: 'conversation.item.create', item });
    }
  }

  /** With chunks the track is silent and stays unheard; the server says which it is. */
  private attach(live: Live): void {
    if (!live.remote || live.session?.sotto.output !== 'track') return;
    live.sound.track.attach(live.remote);
    live.remote = null;
  }

  private heard(heard: Heard): void {
    this.captions.heard(heard);
    this.changed(this.model);
  }

  private measured({ responseId, heardMs, peak }: Measured): void {
    this.captions.measured(responseId, heardMs, peak);
    this.changed(this.model);
  }

  /** `resumable`: nobody hung up, and it may be gone on with. */
  private end(problem: Problem | null, resumable = false): void {
    const live = this.live;
    // The last report of what was heard goes out before the line is closed.
    live?.sound.close();
    live?.hold.close();
    this.live = null;
    live?.transport.close();
    this.captions.close();
    if (!resumable) this.model.callId = null;
    Object.assign(this.model, { state: 'ended', hearing: false, muted: false, holding: false, unheard: null, missed: false, problem });
    this.changed(this.model);
  }
}

function message(role: NewItem['role'], text: string): NewItem {
  const id = `item_${crypto.randomUUID().replaceAll('-', '')}`;
  return { id, type: 'message', role, content: [{ type: role === 'assistant' ? 'output_text' : 'input_text', text }] };
}
