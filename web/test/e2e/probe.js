/**
 * Runs in the page before its own scripts, and changes nothing that they see: it notes what the page goes through, how
 * long connections take, and how loud the page really is, whatever the page itself says of it.
 */
const LISTEN_EVERY_MS = 40;

const probe = {
  states: [],
  problems: [],
  violations: [],
  /** From the answer to `connected`, one entry a call. */
  connectedMs: [],
  connection: null,
  /** What the server said, without words: when, and the type of the event. */
  events: [],
  /** What left the page: [when, loudest sample since the entry before]. */
  sound: [],
  /** The loudest sample of the last milliseconds. */
  loudest(lastMs = Infinity) {
    const since = performance.now() - lastMs;
    return Math.max(0, ...this.sound.filter(([at]) => at >= since).map(([, peak]) => peak));
  },
  /** Sound packets of the reply that came in, and those that did not. */
  async received() {
    const stats = [...(await this.connection.getStats()).values()].find((each) => each.type === 'inbound-rtp');
    return { packets: stats?.packetsReceived ?? 0, lost: stats?.packetsLost ?? 0 };
  },
};
window.probe = probe;

addEventListener('securitypolicyviolation', (event) => {
  probe.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
addEventListener('error', (event) => probe.violations.push(event.message));
addEventListener('unhandledrejection', (event) => probe.violations.push(String(event.reason)));

new MutationObserver(() => {
  const { state } = document.body?.dataset ?? {};
  if (state && state !== probe.states.at(-1)) probe.states.push(state);
  const problem = document.querySelector('#problem:not([hidden])')?.dataset.code;
  if (problem && problem !== probe.problems.at(-1)) probe.problems.push(problem);
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['data-state', 'data-code'] });

// Who asks Firefox for this may wait for ever: see output-latency.ts.
if (navigator.userAgent.includes('Firefox/')) {
  Object.defineProperty(AudioContext.prototype, 'outputLatency', {
    get() {
      probe.violations.push('outputLatency was asked for');
      return 0;
    },
  });
}

const { connect } = AudioNode.prototype;
const ears = [];
function listenTo(node) {
  const ear = node.context.createAnalyser();
  ear.fftSize = 4096;
  connect.call(node, ear);
  ears.push({ ear, samples: new Float32Array(ear.fftSize) });
}

AudioNode.prototype.connect = function (target, ...rest) {
  if (target instanceof AudioDestinationNode) listenTo(this);
  return connect.call(this, target, ...rest);
};

window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...args) {
    super(...args);
    probe.connection = this;
    this.addEventListener('track', ({ track }) => {
      listenTo(new AudioContext().createMediaStreamSource(new MediaStream([track])));
    });
  }

  createDataChannel(label, ...rest) {
    const channel = super.createDataChannel(label, ...rest);
    if (label === 'oai-events') {
      channel.addEventListener('message', ({ data }) => {
        probe.events.push(`${Math.round(performance.now())} ${JSON.parse(data).type}`);
      });
    }
    return channel;
  }

  setRemoteDescription(answer) {
    const answeredMs = performance.now();
    const connected = () => {
      if (this.connectionState !== 'connected') return;
      probe.connectedMs.push(performance.now() - answeredMs);
      this.removeEventListener('connectionstatechange', connected);
    };
    this.addEventListener('connectionstatechange', connected);
    return super.setRemoteDescription(answer);
  }
};

setInterval(() => {
  let peak = 0;
  for (const { ear, samples } of ears) {
    if (ear.context.state !== 'running') continue;
    ear.getFloatTimeDomainData(samples);
    for (const sample of samples) peak = Math.max(peak, Math.abs(sample));
  }
  probe.sound.push([performance.now(), peak]);
}, LISTEN_EVERY_MS);
