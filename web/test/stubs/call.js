/**
 * A server inside the page, for looking at it and for test/browser.mjs: it takes the call over a real peer connection
 * and real data channels, and talks when told to. Not part of the build. `window.stub` is its handle.
 */
(() => {
  const CALL = '/v1/realtime/calls/rtc_stub';
  const realFetch = window.fetch.bind(window);
  let peer = null;
  let count = 0;
  /** What was said last. */
  let asked = null;
  const channels = {};

  const stub = {
    /** What the page sent: client events, and requests as `{ request }`. */
    received: [],
    /** Microphones that the page opened. */
    tracks: [],
    /** Answer for the next POST instead of a call: `{ status, headers, body }`. */
    refuse: null,
    session: {
      output: 'blob',
      interruption: 'always',
      history: 'memory',
      engines: { vad: 'silero-v6', turn: 'smart-turn-v3.2', stt: 'whisper-small.en', llm: 'echo', tts: 'kokoro-82m' },
    },

    send(type, fields = {}) {
      channels['oai-events'].send(JSON.stringify({ type, event_id: `event_${++count}`, ...fields }));
    },

    /**
     * The longest silence between the first sound and the last that left the page, in ms; how much of the time was looked at;
     * the largest step from one sample to the next: a click is one.
     */
    silence: { longestMs: 0, soundMs: 0, seen: 1, step: 0 },

    /** Sends a chunk of speech: a tone that lasts 300 ms a word. */
    chunk(responseId, itemId, text, tone = 220) {
      const pieces = text.split(' ');
      const words = pieces.map((piece, i) => ({
        text: piece.replace(/[^\p{L}\p{N}']/gu, ''), start_ms: i * 300, end_ms: i * 300 + 280,
      }));
      const data = wav(pieces.length * 300, tone);
      const head = {
        type: 'sotto.audio.chunk', event_id: `event_${++count}`, response_id: responseId, item_id: itemId,
        chunk_id: `chunk_${++count}`, bytes: data.byteLength, duration_ms: pieces.length * 300, text, words,
      };
      channels['sotto-audio'].send(JSON.stringify(head));
      for (let at = 0; at < data.byteLength; at += 16384) channels['sotto-audio'].send(data.slice(at, at + 16384));
      return head;
    },

    /** The person says something; the item's id is given back. */
    said(text) {
      const item_id = `item_${++count}`;
      asked = item_id;
      this.send('input_audio_buffer.speech_started', { item_id, audio_start_ms: 0 });
      this.send('input_audio_buffer.speech_stopped', { item_id, audio_end_ms: 900 });
      this.send('input_audio_buffer.committed', { item_id });
      this.send('sotto.state', { state: 'thinking' });
      this.send('conversation.item.input_audio_transcription.completed', {
        item_id, content_index: 0, transcript: text, usage: { type: 'duration', seconds: 1 },
      });
      return item_id;
    },

    /** The assistant answers with these chunks; gives the response's and the item's id. */
    answers(...texts) {
      const response_id = `resp_${++count}`;
      const item_id = `item_${++count}`;
      this.send('response.created', { response: { id: response_id, status: 'in_progress' } });
      this.send('response.output_item.added', { response_id, output_index: 0, item: { id: item_id } });
      this.send('sotto.state', { state: 'speaking' });
      this.send('output_audio_buffer.started', { response_id });
      const chunks = texts.map((text) => this.chunk(response_id, item_id, text).chunk_id);
      this.send('sotto.turn', {
        turn: 1, item_id: asked, response_id, rejected: null, eager: { begun: 0, used: false },
        decision: { reason: 'model', silence_ms: 288, checks: [{ silence_ms: 96, probability: 0.92, threshold: 0.5 }], patience: 'usual' },
        timings: {
          endpoint_ms: 288, transcript_ms: 312, first_token_ms: 358, first_clause_ms: 371, first_speech_ms: 409, first_audio_ms: 421,
        },
        work: [
          { stage: 'stt', asked_ms: 96, waited_ms: 40, worked_ms: 176 }, { stage: 'turn', asked_ms: 96, waited_ms: 3, worked_ms: 21 },
          { stage: 'llm', asked_ms: 312, waited_ms: 0, worked_ms: 46 }, { stage: 'tts', asked_ms: 371, waited_ms: 8, worked_ms: 30 },
        ],
        network: { packets: 210, lost: 1, late: 0, dropped: 0, concealed_ms: 20, jitter_ms: 4, rtt_ms: 23 },
      });
      this.send('response.output_audio_transcript.done', {
        response_id, item_id, output_index: 0, content_index: 0, transcript: texts.join(' '),
      });
      this.send('response.done', { response: { id: response_id, status: 'completed' } });
      return { response_id, item_id, chunks };
    },

    /** What was said is written down. */
    stores(item_id, seq) {
      this.send('sotto.item.stored', { item_id, seq });
    },

    ends({ response_id }) {
      this.send('output_audio_buffer.stopped', { response_id });
      this.send('sotto.state', { state: 'listening' });
    },

    cuts({ response_id, item_id }, heardMs) {
      this.send('conversation.item.truncated', { item_id, content_index: 0, audio_end_ms: heardMs });
      this.send('sotto.audio.clear', { response_id });
      this.send('output_audio_buffer.cleared', { response_id });
      this.send('sotto.state', { state: 'listening' });
    },

    /** The server goes away. */
    close() {
      peer?.close();
      peer = null;
    },
  };

  window.stub = stub;
  const { mediaDevices } = navigator;
  const openMicrophone = mediaDevices?.getUserMedia.bind(mediaDevices);
  if (openMicrophone) {
    mediaDevices.getUserMedia = async (constraints) => {
      const stream = await openMicrophone(constraints);
      stub.tracks.push(...stream.getAudioTracks());
      return stream;
    };
  }
  window.fetch = async (input, init = {}) => {
    const url = new URL(String(input), location.href);
    if (!url.pathname.startsWith('/v1/realtime/calls')) return realFetch(input, init);
    const method = init.method ?? 'GET';
    stub.received.push({ request: method, url: url.pathname + url.search, headers: init.headers ?? {}, keepalive: init.keepalive });
    if (method === 'POST') {
      stub.session.conversation = url.searchParams.get('conversation');
      return stub.refuse ? refusal(stub.refuse) : answer(init.body);
    }
    if (method === 'PATCH' && init.headers['Content-Type'] === 'application/sdp') return again(init.body);
    if (method === 'DELETE') stub.close();
    return new Response(null, { status: method === 'PATCH' ? 204 : 200 });
  };

  function refusal({ fail, status, headers, body }) {
    if (fail) return Promise.reject(new TypeError('Failed to fetch'));
    return new Response(JSON.stringify(body ?? { error: { type: 'server_error', code: 'x', message: 'x' } }), { status, headers });
  }

  async function answer(offer) {
    peer = new RTCPeerConnection();
    peer.ondatachannel = ({ channel }) => {
      channels[channel.label] = channel;
      channel.onmessage = ({ data }) => stub.received.push(JSON.parse(data));
      channel.onopen = () => {
        if (channel.label !== 'oai-events') return;
        stub.send('session.created', { session: { type: 'realtime', id: 'sess_1', sotto: { call_id: 'rtc_stub', ...stub.session } } });
        stub.send('sotto.state', { state: 'listening' });
      };
      if (channel.readyState === 'open') channel.onopen();
    };
    const headers = { 'Content-Type': 'application/sdp', Location: CALL, ETag: '"1"' };
    return new Response(await respond(offer), { status: 201, headers });
  }

  async function again(offer) {
    return new Response(await respond(offer), { status: 200, headers: { 'Content-Type': 'application/sdp', ETag: '"2"' } });
  }

  async function respond(sdp) {
    await peer.setRemoteDescription({ type: 'offer', sdp });
    if (stub.session.output === 'track' && !peer.getSenders().some((sender) => sender.track)) peer.addTrack(tone());
    await peer.setLocalDescription();
    await new Promise((resolve) => {
      peer.onicegatheringstatechange = () => peer.iceGatheringState === 'complete' && resolve();
      setTimeout(resolve, 500);
    });
    return peer.localDescription.sdp;
  }

  function tone() {
    const context = new AudioContext();
    const oscillator = context.createOscillator();
    const destination = context.createMediaStreamDestination();
    oscillator.connect(destination);
    oscillator.start();
    return destination.stream.getAudioTracks()[0];
  }

  /** Looks at everything that leaves the page: an analyser keeps the last 0.7 s, which are read five times as often. */
  const { connect } = AudioNode.prototype;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target instanceof AudioDestinationNode) watch(this);
    return connect.call(this, target, ...rest);
  };

  function watch(node) {
    const { context } = node;
    const ear = context.createAnalyser();
    ear.fftSize = 32_768;
    connect.call(node, ear);
    const samples = new Float32Array(ear.fftSize);
    let done = Math.round(context.currentTime * context.sampleRate);
    let begun = null;
    let last = null;
    let lost = 0;
    setInterval(() => {
      const now = Math.round(context.currentTime * context.sampleRate);
      ear.getFloatTimeDomainData(samples);
      // The block that is being computed may be in it or not: what is newest is left for the next time.
      const until = now - 1024;
      lost += Math.max(0, until - done - (samples.length - 1024));
      for (let frame = Math.max(done, now - samples.length + 1); frame < until; frame += 1) {
        const at = samples.length - (now - frame);
        stub.silence.step = Math.max(stub.silence.step, Math.abs(samples[at] - samples[at - 1]));
        if (Math.abs(samples[at]) < 0.002) continue;
        begun ??= frame;
        if (last !== null) stub.silence.longestMs = Math.max(stub.silence.longestMs, ((frame - last) * 1000) / context.sampleRate);
        last = frame;
      }
      done = Math.max(done, until);
      if (begun === null) return;
      stub.silence.soundMs = ((last - begun) * 1000) / context.sampleRate;
      stub.silence.seen = 1 - lost / Math.max(1, done - begun);
    }, 130);
  }

  function wav(durationMs, hz) {
    const rate = 24000;
    const samples = Math.round((durationMs * rate) / 1000);
    const view = new DataView(new ArrayBuffer(44 + samples * 2));
    const text = (at, chars) => [...chars].forEach((char, i) => view.setUint8(at + i, char.charCodeAt(0)));
    text(0, 'RIFF');
    view.setUint32(4, 36 + samples * 2, true);
    text(8, 'WAVEfmt ');
    view.setUint32(16, 16, true);
    view.setUint16(20, 1, true);
    view.setUint16(22, 1, true);
    view.setUint32(24, rate, true);
    view.setUint32(28, rate * 2, true);
    view.setUint16(32, 2, true);
    view.setUint16(34, 16, true);
    text(36, 'data');
    view.setUint32(40, samples * 2, true);
    for (let i = 0; i < samples; i++) {
      // Swells with each word, as speech does.
      const swell = 0.3 + 0.7 * Math.abs(Math.sin((Math.PI * i) / (0.3 * rate)));
      view.setInt16(44 + i * 2, 16000 * swell * Math.sin((2 * Math.PI * hz * i) / rate), true);
    }
    return view.buffer;
  }
})();
