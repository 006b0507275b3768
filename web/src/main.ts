/** Puts the page together. */
import { Api } from './api';
import { App } from './app';
import { Call } from './call';
import { microphoneSilent, obstacle, problemOf, soundSilent, stillFull } from './errors';
import { Interruption, type Lost } from './interruption';
import { Line } from './line';
import { rememberManner, rememberedManner } from './manner';
import { listDevices } from './microphone';
import { peopleTrouble } from './people';
import { remember, remembered } from './remembered';
import { askForLine } from './signalling';
import { Sound } from './sound';
import { WebRtcTransport } from './transport';
import { PrivateVault } from './vault/seam';
import { CallView } from './view/call';
import { element } from './view/dom';
import { MannerView } from './view/manner';
import { watchMenus } from './view/menu';
import { PageView } from './view/page';
import { WakeLock } from './wakelock';
import { inCall } from './words';

const output = new URLSearchParams(location.search).get('output') === 'track' ? 'track' : 'blob';

/** Which devices were chosen is remembered on this device. */
const choice = {
  microphoneId: remembered('sotto.microphone'),
  speakerId: remembered('sotto.speaker'),
  canChooseSpeaker:
    typeof AudioContext === 'function' &&
    'setSinkId' in (output === 'track' ? HTMLMediaElement : AudioContext).prototype,
};

let manner = rememberedManner();
let sound: Sound | null = null;
const wakeLock = new WakeLock();
const api = new Api();

const vault = new PrivateVault({
  send: (path, init) => api.send(path, init),
  person: () => app.people.person?.id ?? null,
  busy: () => app.calling.on,
});

const app: App = new App(api, vault, () => call, {
  changed: () => page.changed(),
  opened: (item) => page.opened(item),
  signIn: () => page.signIn(),
});
const page: PageView = new PageView(app, api, () => call);

const callView = new CallView({
  call: () => {
    if (blocked) call.tell(blocked);
    else void app.startCall().catch((error: unknown) => call.tell(problemOf(error)));
  },
  hangUp: () => call.hangUp(),
  toggleMute: () => call.toggleMute(),
  press: () => call.press(),
  release: () => call.release(),
  dismiss: () => call.tell(null),
  stopWaiting: () => line.stop(),
  goOn: () => {
    if (lost) void app.continueCall(lost).catch((error: unknown) => call.tell(problemOf(error)));
  },
  hearRest: () => call.hearRest(),
  chooseMicrophone: (id) => {
    choice.microphoneId = remember('sotto.microphone', id);
    void call.useMicrophone(id);
  },
  chooseSpeaker: (id) => {
    choice.speakerId = remember('sotto.speaker', id);
    void sound?.playOn(id);
  },
});

const call: Call = new Call(
  {
    transport: (handlers, resume) =>
      new WebRtcTransport(
        {
          output,
          microphoneId: choice.microphoneId,
          send: (path, init) => api.send(String(path), init),
          conversation: () => app.calling.conversation(),
          resume,
        },
        handlers,
      ),
    sound: (handlers) => {
      sound = new Sound(element('remote', HTMLAudioElement), {
        ...handlers,
        draw: (levels) => callView.draw(levels),
        silent: () => {
          if (!call.model.muted && !call.model.pushToTalk) call.tell(microphoneSilent());
        },
        stuck: () => call.tell(soundSilent()),
      });
      if (choice.speakerId) void sound.playOn(choice.speakerId);
      return sound;
    },
    // Devices have names only once the microphone was allowed.
    microphone: () => void showDevices(),
    manner: () => manner,
    context: () => app.calling.context(),
  },
  (model) => {
    callView.render(model, page.title());
    app.callChanged(model);
    interruption.follow(model);
    line.follow(model);
    wakeLock.hold(model.state === 'connecting' || inCall(model.state));
  },
);

let lost: Lost | null = null;
const interruption = new Interruption((found) => {
  lost = found;
  // Said once is enough.
  if (found && call.model.problem?.code === 'call-lost') call.tell(null);
  callView.offer(found !== null);
});

const line = new Line({
  ask: askForLine,
  call: () => void (lost ? app.continueCall(lost) : app.startCall()).catch((error: unknown) => call.tell(problemOf(error))),
  shown: (waiting) => callView.wait(waiting),
  gaveUp: () => call.tell(stillFull()),
  looked: () => document.visibilityState === 'visible',
});

new MannerView(manner, (chosen) => {
  manner = chosen;
  rememberManner(chosen);
  call.behave(chosen);
});

const blocked = obstacle({
  secure: window.isSecureContext,
  microphone: typeof navigator.mediaDevices?.getUserMedia === 'function',
  webrtc: typeof RTCPeerConnection === 'function',
  port: location.port,
});

watchMenus();
page.onTitle(() => callView.render(call.model, page.title()));
callView.render(call.model, null);
if (blocked) call.tell(blocked);
void showDevices();
void app.start().then(
  () => {
    const { trouble } = app.people;
    if (trouble && trouble.status !== 404 && !blocked) call.tell(peopleTrouble(trouble));
    if (!blocked && call.model.state === 'idle') interruption.look();
  },
  (error: unknown) => call.tell(problemOf(error)),
);
navigator.mediaDevices?.addEventListener('devicechange', () => void showDevices());
window.addEventListener('popstate', () => page.back());
window.addEventListener('pagehide', () => {
  interruption.leave();
  app.leave();
});
window.addEventListener('pageshow', ({ persisted }) => persisted && app.returned());
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible' && app.people.person) void app.refresh();
});

async function showDevices(): Promise<void> {
  callView.devices(await listDevices(), choice);
}
