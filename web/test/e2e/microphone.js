/**
 * A microphone that says what it is told, for browsers that cannot play a file into theirs. Runs in the page before its
 * own scripts. The samples come with the call, since the page's policy lets nothing be fetched from elsewhere.
 */
let room = null;

/** Says base64 of 16-bit samples at 16 kHz. */
window.say = (base64) => {
  const samples = new Int16Array(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);
  const buffer = room.context.createBuffer(1, samples.length, 16_000);
  buffer.copyToChannel(Float32Array.from(samples, (sample) => sample / 32_768), 0);
  const source = room.context.createBufferSource();
  source.buffer = buffer;
  source.connect(room);
  source.start();
};

// The empty page that a tab begins with has no devices.
if (navigator.mediaDevices) {
  navigator.mediaDevices.getUserMedia = async () => {
    room = new AudioContext().createMediaStreamDestination();
    return room.stream;
  };
}
