/** Puts the page together. */
import { Call } from './call';
import { microphoneSilent, obstacle, soundSilent } from './errors';
import { listDevices } from './microphone';
import { Sound } from './sound';
import { WebRtcTransport } from './transport';
import { View } from './view';
import { WakeLock } from './wakelock';
import { inCall } from './words';

const output = new URLSearchParams(location.search).get('output') === 'track' ? 'track' : 'blob';
const element = document.getElementById('remote') as HTMLAudioElement;

/** Which devices were chosen is remembered on this device. Of a call nothing is. */
const choice = {
  microphoneId: remembered('sotto.microphone'),
  speakerId: remembered('sotto.speaker'),
  canChooseSpeaker:
    typeof AudioContext === 'function' &&
    'setSinkId' in (output === 'track' ? HTMLMediaElement : AudioContext).prototype,
};

let sound: Sound | null = null;
const wakeLock = new WakeLock();

const view = new View({
  call: () => {
    if (blocked) call.tell(blocked);
    else void call.start();
  },
  hangUp: () => call.hangUp(),
  toggleMute: () => call.toggleMute(),
  dismiss: () => call.tell(null),
  chooseMicrophone: (id) => {
    choice.microphoneId = remember('sotto.microphone', id);
    void call.useMicrophone(id);
  },
  chooseSpeaker: (id) => {
    choice.speakerId = remember('sotto.speaker', id);
    void sound?.playOn(id);
  },
});

const call = new Call(
  {
    transport: (handlers) => new WebRtcTransport({ output, microphoneId: choice.microphoneId }, handlers),
    sound: (handlers) => {
      sound = new Sound(element, {
        ...handlers,
        draw: (levels) => view.draw(levels),
        silent: () => {
          if (!call.model.muted) call.tell(microphoneSilent());
        },
        stuck: () => call.tell(soundSilent()),
      });
      if (choice.speakerId) void sound.playOn(choice.speakerId);
      return sound;
    },
    // Devices have names only once the microphone was allowed.
    microphone: () => void showDevices(),
  },
  (model) => {
    view.render(model);
    wakeLock.hold(model.state === 'connecting' || inCall(model.state));
  },
);

const blocked = obstacle({
  secure: window.isSecureContext,
  microphone: typeof navigator.mediaDevices?.getUserMedia === 'function',
  webrtc: typeof RTCPeerConnection === 'function',
  port: location.port,
});

view.render(call.model);
if (blocked) call.tell(blocked);
void showDevices();
navigator.mediaDevices?.addEventListener('devicechange', () => void showDevices());
window.addEventListener('pagehide', () => call.hangUp());

async function showDevices(): Promise<void> {
  view.devices(await listDevices(), choice);
}

/** Where storage is refused, a choice lasts as long as the page. */
function remembered(key: string): string {
  try {
    return localStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}

function remember(key: string, value: string): string {
  try {
    localStorage.setItem(key, value);
  } catch {
    // See above.
  }
  return value;
}
