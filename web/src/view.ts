/** The page's elements: shows a model, and says what the person did. Nothing is decided here. */
import type { Model } from './call';
import type { Caption } from './captions';
import type { Levels } from './level';
import type { Devices } from './microphone';
import { strand } from './strand';
import { captionText, engines, hint, inCall, latency, privacy, stateWord, title } from './words';

export interface Actions {
  call(): void;
  hangUp(): void;
  toggleMute(): void;
  dismiss(): void;
  chooseMicrophone(id: string): void;
  chooseSpeaker(id: string): void;
}

export interface Choice {
  microphoneId: string;
  speakerId: string;
  /** Not every browser lets a page choose where sound goes. */
  canChooseSpeaker: boolean;
}

/** Within this of its end, the list of captions follows what is added. */
const FOLLOW_PX = 64;
/** Assistive technology reads the meter no more often than this. */
const METER_EVERY_S = 0.5;

export class View {
  private readonly call = element('call', HTMLButtonElement);
  private readonly mute = element('mute', HTMLButtonElement);
  private readonly hangUp = element('hang-up', HTMLButtonElement);
  private readonly sound = element('sound', HTMLDetailsElement);
  private readonly microphone = element('microphone', HTMLSelectElement);
  private readonly speaker = element('speaker', HTMLSelectElement);
  private readonly captions = element('captions', HTMLElement);
  private readonly problem = element('problem', HTMLElement);
  private readonly level = element('level', HTMLElement);
  private readonly strings = [...document.querySelectorAll<SVGPathElement>('[data-string]')];
  private readonly still = matchMedia('(prefers-reduced-motion: reduce)');
  private readonly shown = new Map<string, HTMLElement>();
  private model: Model | null = null;
  private open = false;
  private meterAtS = 0;
  /** Whether the end of the captions is being read, and not something before it. */
  private follows = true;

  constructor(private readonly actions: Actions) {
    this.call.addEventListener('click', () => actions.call());
    this.mute.addEventListener('click', () => actions.toggleMute());
    this.hangUp.addEventListener('click', () => actions.hangUp());
    element('dismiss', HTMLElement).addEventListener('click', () => actions.dismiss());
    this.microphone.addEventListener('change', () => actions.chooseMicrophone(this.microphone.value));
    this.speaker.addEventListener('change', () => actions.chooseSpeaker(this.speaker.value));
    this.captions.addEventListener('scroll', () => {
      const { scrollHeight, scrollTop, clientHeight } = this.captions;
      this.follows = scrollHeight - scrollTop - clientHeight < FOLLOW_PX;
    });
    // A turned phone or a message leaves less room: what was read last stays in it.
    new ResizeObserver(() => this.follow()).observe(this.captions);
    document.addEventListener('keydown', (event) => this.key(event));
    document.addEventListener('pointerdown', ({ target }) => {
      if (target instanceof Node && !this.sound.contains(target)) this.sound.open = false;
    });
    this.draw({ microphone: 0, reply: 0, seconds: 0 });
  }

  render(model: Model): void {
    this.model = model;
    const { dataset } = document.body;
    dataset['state'] = model.state;
    dataset['muted'] = String(model.muted);
    dataset['hearing'] = String(model.hearing);
    setText(element('state', HTMLElement), stateWord(model));
    setText(element('hint', HTMLElement), hint(model));
    setParts(element('engines', HTMLElement), engines(model.engines));
    setText(element('privacy', HTMLElement), privacy(model));
    if (document.title !== title(model)) document.title = title(model);
    this.renderLatency(model);
    this.renderProblem(model);
    this.renderCaptions(model);
    this.renderButtons(model);
    if (model.state === 'ended') this.draw({ microphone: 0, reply: 0, seconds: 0 });
  }

  draw(levels: Levels): void {
    const state = this.model?.state ?? 'idle';
    for (const string of this.strings) {
      string.setAttribute('d', strand(Number(string.dataset['string']), state, levels, this.still.matches));
    }
    const shown = this.model?.muted ? 0 : levels.microphone;
    this.level.style.setProperty('--level', shown.toFixed(3));
    if (Math.abs(levels.seconds - this.meterAtS) < METER_EVERY_S) return;
    this.meterAtS = levels.seconds;
    this.level.ariaValueNow = String(Math.round(shown * 100));
  }

  devices({ microphones, speakers }: Devices, choice: Choice): void {
    fill(this.microphone, microphones, choice.microphoneId);
    fill(this.speaker, speakers, choice.speakerId);
    element('speaker-choice', HTMLElement).hidden = !choice.canChooseSpeaker || speakers.length === 0;
  }

  private renderLatency({ timings }: Model): void {
    const line = element('latency', HTMLElement);
    setParts(line, latency(timings));
    if (timings?.first_audio_ms == null) delete line.dataset['firstAudioMs'];
    else line.dataset['firstAudioMs'] = String(timings.first_audio_ms);
  }

  private renderProblem({ problem }: Model): void {
    this.problem.hidden = !problem;
    this.problem.dataset['code'] = problem?.code ?? '';
    setText(element('problem-title', HTMLElement), problem?.title ?? '');
    setText(element('problem-advice', HTMLElement), problem?.advice ?? '');
  }

  private renderButtons({ state, muted }: Model): void {
    const open = state === 'connecting' || inCall(state);
    setText(element('call-label', HTMLElement), state === 'ended' ? 'Call again' : 'Call');
    setText(element('mute-label', HTMLElement), muted ? 'Muted' : 'Mute');
    this.mute.ariaPressed = String(muted);
    element('welcome', HTMLElement).hidden = state !== 'idle';
    if (open === this.open) return;
    this.open = open;
    const focused = [this.call, this.mute, this.hangUp].some((button) => button === document.activeElement);
    this.call.hidden = open;
    element('mic', HTMLElement).hidden = !open;
    this.hangUp.hidden = !open;
    // The button in use disappears: the keyboard goes on from the one in its place, where a key does no harm.
    if (focused) (open ? this.mute : this.call).focus({ preventScroll: true });
  }

  private renderCaptions({ captions }: Model): void {
    const list = this.captions;
    const ids = new Set(captions.map((caption) => caption.id));
    for (const [id, article] of this.shown) {
      if (ids.has(id)) continue;
      article.remove();
      this.shown.delete(id);
    }
    captions.forEach((caption, index) => {
      const article = this.article(caption);
      if (list.children[index] !== article) list.insertBefore(article, list.children[index] ?? null);
    });
    this.follow();
  }

  private follow(): void {
    if (this.follows) this.captions.scrollTop = this.captions.scrollHeight;
  }

  private article(caption: Caption): HTMLElement {
    const article = this.shown.get(caption.id) ?? newArticle(caption);
    this.shown.set(caption.id, article);
    const { text, mark } = captionText(caption);
    article.dataset['phase'] = caption.phase;
    // A reply still growing is not read out word by word.
    article.ariaBusy = String(caption.phase === 'open');
    if (caption.role === 'assistant') {
      article.dataset['heardMs'] = String(caption.heardMs);
      article.dataset['peak'] = caption.peak.toFixed(2);
    }
    setText(article.querySelector('.words')!, text);
    setText(article.querySelector('.cut')!, mark);
    return article;
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !this.open) return this.closeOn(event);
    const choosing = event.target instanceof HTMLSelectElement;
    if (event.key === 'Escape' && !this.sound.open) this.actions.hangUp();
    else if (event.key.toLowerCase() === 'm' && !choosing) this.actions.toggleMute();
    else this.closeOn(event);
  }

  /** Escape first closes what is open over the page. */
  private closeOn(event: KeyboardEvent): void {
    if (event.key !== 'Escape' || !this.sound.open) return;
    this.sound.open = false;
    this.sound.querySelector('summary')?.focus();
  }
}

function newArticle({ id, role }: Caption): HTMLElement {
  const article = document.createElement('p');
  article.className = 'caption';
  article.dataset['role'] = role;
  article.dataset['itemId'] = id;
  const body = article.appendChild(document.createElement('span'));
  body.appendChild(document.createElement('span')).className = 'words';
  const cut = body.appendChild(document.createElement('span'));
  cut.className = 'cut';
  cut.title = 'Interrupted here';
  return article;
}

function fill(select: HTMLSelectElement, devices: { id: string; label: string }[], chosen: string): void {
  select.replaceChildren(new Option('Chosen by the system', ''), ...devices.map(({ id, label }) => new Option(label, id)));
  select.value = chosen;
  if (select.selectedIndex < 0) select.value = '';
}

/** Writes only what changed: a live region announces every write. */
function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** Writes parts between which a line may break, and nowhere else. */
function setParts(target: Element, parts: string[]): void {
  if (target.textContent === parts.join(' · ')) return;
  const spans = parts.map((part, index) => {
    const span = document.createElement('span');
    span.textContent = index < parts.length - 1 ? `${part} ·` : part;
    return span;
  });
  target.replaceChildren(...spans.flatMap((span, index) => (index > 0 ? [' ', span] : [span])));
}

function element<T extends HTMLElement>(id: string, kind: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${id}`);
  return found;
}
