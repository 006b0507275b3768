/** The microphone, and the list of devices to choose from. */
import { CallError, microphoneProblem } from './errors';

/** A device in a list; the empty id stands for what the system has chosen. */
export interface Device {
  id: string;
  label: string;
}

export interface Devices {
  microphones: Device[];
  speakers: Device[];
}

/** Opens a microphone with echo cancellation. A chosen one that is gone is replaced by the system's. Throws a `CallError`. */
export async function openMicrophone(deviceId: string): Promise<MediaStream> {
  const audio: MediaTrackConstraints = {
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
    channelCount: 1,
  };
  if (deviceId) audio.deviceId = { exact: deviceId };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const gone = ['OverconstrainedError', 'NotFoundError'].includes((error as Error).name);
    if (deviceId && gone) return openMicrophone('');
    throw new CallError(microphoneProblem(error));
  }
}

/** The devices that can be named. Before the microphone was allowed, browsers name none. */
export async function listDevices(): Promise<Devices> {
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  const named = (kind: MediaDeviceKind) =>
    all
      .filter((device) => device.kind === kind && device.deviceId && device.label && device.deviceId !== 'default')
      .map((device) => ({ id: device.deviceId, label: device.label }));
  return { microphones: named('audioinput'), speakers: named('audiooutput') };
}
