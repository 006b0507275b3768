/**
 * The file that plays into the microphone holds no echo of the reply, and a canceller that looks for one in vain takes the
 * person's words for it. So it is switched off where one talks over a reply.
 */
if (navigator.mediaDevices) {
  const openMicrophone = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = ({ audio }) => openMicrophone({ audio: { ...audio, echoCancellation: false } });
}
