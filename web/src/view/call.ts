/** The call on the page: its strings, its state, its buttons, and what went wrong. Nothing is decided here. */
import type { Levels } from '../level';
import type { Waiting } from '../line';
import type { Devices } from '../microphone';
import type { Model } from '../model';
import { strand } from '../strand';
import { engines, hint, inCall, latency, privacy, stateWord, title, waitingLine } from '../words';
import { element, isField, setParts, setText, somethingOver } from './dom';
import { HoldView } from './hold';

export interface CallActions {
  call(): void;
  hangUp(): void;
  toggleMute(): void;
  press(): void;
  release(): void;
  dismiss(): void;
  /** No more tries where the server was full. */
  stopWaiting(): void;
  /** Continues a call that was lost. */
  goOn(): void;
  hearRest(): void;
  chooseMicrophone(id: string): void;
  chooseSpeaker(id: string): void;
}

export interface Choice {
  microphoneId: string;
  speakerId: string;
  /** Not every browser lets a page choose where sound goes. */
  canChooseSpeaker: boolean;
}

/** Assistive technology reads the meter no more often than this. */
const METER_EVERY_S = 0.5;

export class CallView {
  private readonly call = element('call', HTMLButtonElement);
  private readonly mute = element('mute', HTMLButtonElement);
  private readonly hold: HoldView;
  private readonly hangUp = element('hang-up', HTMLButtonElement);
  private readonly microphone = element('microphone', HTMLSelectElement);
  private readonly speaker = element('speaker', HTMLSelectElement);
  private readonly problem = element('problem', HTMLElement);
  private readonly waiting = element('waiting', HTMLElement);
  private readonly stopWaiting = element('stop-waiting', HTMLButtonElement);
  private readonly level = element('level', HTMLElement);
  private readonly interrupted = element('interrupted', HTMLElement);
  private readonly rest = element('hear-rest', HTMLButtonElement);
  private readonly strings = [...document.querySelectorAll<SVGPathElement>('[data-string]')];
  private readonly still = matchMedia('(prefers-reduced-motion: reduce)');
  private model: Model | null = null;
  private open = false;
  private meterAtS = 0;

  constructor(private readonly actions: CallActions) {
    this.hold = new HoldView(actions);
    this.call.addEventListener('click', () => actions.call());
    this.mute.addEventListener('click', () => actions.toggleMute());
    this.hangUp.addEventListener('click', () => actions.hangUp());
    element('dismiss', HTMLElement).addEventListener('click', () => actions.dismiss());
    this.stopWaiting.addEventListener('click', () => actions.stopWaiting());
    element('go-on', HTMLElement).addEventListener('click', () => actions.goOn());
    this.rest.addEventListener('click', () => actions.hearRest());
    this.microphone.addEventListener('change', () => actions.chooseMicrophone(this.microphone.value));
    this.speaker.addEventListener('change', () => actions.chooseSpeaker(this.speaker.value));
    document.addEventListener('keydown', (event) => this.key(event));
    this.draw({ microphone: 0, reply: 0, seconds: 0 });
  }

  /** `conversation` is what the one in front is called. */
  render(model: Model, conversation: string | null): void {
    this.model = model;
    const { dataset } = document.body;
    dataset['state'] = model.state;
    dataset['muted'] = String(model.muted);
    // Nobody is heard as long as no button is held.
    dataset['closed'] = String(model.muted || (model.pushToTalk && !model.holding));
    dataset['hearing'] = String(model.hearing);
    setText(element('state', HTMLElement), stateWord(model));
    setText(element('hint', HTMLElement), hint(model));
    setParts(element('engines', HTMLElement), engines(model.engines));
    setText(element('privacy', HTMLElement), privacy(model));
    if (document.title !== title(model, conversation)) document.title = title(model, conversation);
    this.renderLatency(model);
    this.renderProblem(model);
    this.renderButtons(model);
    if (model.state === 'ended') this.draw({ microphone: 0, reply: 0, seconds: 0 });
  }

  /** Whether a call that was lost can be continued. */
  offer(lost: boolean): void {
    this.interrupted.hidden = !lost;
  }

  /** What is waited for where the server was full. */
  wait(waiting: Waiting | null): void {
    const left = waiting === null && document.activeElement === this.stopWaiting;
    this.waiting.hidden = waiting === null;
    setText(element('waiting-line', HTMLElement), waitingLine(waiting));
    // The button in use disappears.
    if (left) this.call.focus({ preventScroll: true });
  }

  draw(levels: Levels): void {
    const state = this.model?.state ?? 'idle';
    for (const string of this.strings) {
      string.setAttribute('d', strand(Number(string.dataset['string']), state, levels, this.still.matches));
    }
    const shown = this.model?.muted ? 0 : levels.microphone;
    this.level.style.setProperty('--level', shown.toFixed(3));
    this.hold.level(this.model?.holding ? levels.microphone : 0);
    if (Math.abs(levels.seconds - this.meterAtS) < METER_EVERY_S) return;
    this.meterAtS = levels.seconds;
    this.level.ariaValueNow = String(Math.round(shown * 100));
  }

  devices({ microphones, speakers }: Devices, choice: Choice): void {
    fill(this.microphone, microphones, choice.microphoneId);
    fill(this.speaker, speakers, choice.speakerId);
    element('speaker-choice', HTMLElement).hidden = !choice.canChooseSpeaker || speakers.length === 0;
  }

  private renderLatency(model: Model): void {
    const line = element('latency', HTMLElement);
    const { timings } = model;
    setParts(line, latency(model));
    if (timings?.first_audio_ms == null) delete line.dataset['firstAudioMs'];
    else line.dataset['firstAudioMs'] = String(timings.first_audio_ms);
  }

  private renderProblem({ problem }: Model): void {
    this.problem.hidden = !problem;
    this.problem.dataset['code'] = problem?.code ?? '';
    setText(element('problem-title', HTMLElement), problem?.title ?? '');
    setText(element('problem-advice', HTMLElement), problem?.advice ?? '');
  }

  private renderButtons({ state, muted, pushToTalk, holding, missed }: Model): void {
    this.rest.hidden = !missed || !inCall(state);
    const open = state === 'connecting' || inCall(state);
    setText(element('mute-label', HTMLElement), muted ? 'Muted' : 'Mute');
    this.mute.ariaPressed = String(muted);
    const buttons = [this.call, this.mute, this.hold.button, this.hangUp];
    const focused = buttons.find((button) => button === document.activeElement);
    this.hold.show(open && pushToTalk, holding);
    element('mic', HTMLElement).hidden = !open || pushToTalk;
    this.call.hidden = open;
    this.hangUp.hidden = !open;
    const opened = open !== this.open;
    this.open = open;
    // The button in use disappears: the keyboard goes on from the one in its place, where a key does no harm.
    const place = !open ? this.call : pushToTalk ? this.hold.button : this.mute;
    if (focused && (opened || focused.closest('[hidden]'))) place.focus({ preventScroll: true });
  }

  /** Keys that mean something during a call; what is written or chosen in a field belongs to the field. */
  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented || !this.open) return;
    if (isField(event.target) || somethingOver()) return;
    if (event.key === 'Escape') this.actions.hangUp();
    else if (event.key.toLowerCase() === 'm') this.actions.toggleMute();
  }
}

function fill(select: HTMLSelectElement, devices: { id: string; label: string }[], chosen: string): void {
  select.replaceChildren(new Option('Chosen by the system', ''), ...devices.map(({ id, label }) => new Option(label, id)));
  select.value = chosen;
  if (select.selectedIndex < 0) select.value = '';
}
