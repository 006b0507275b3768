/** How much later than an AudioContext's clock says its sound leaves the device. */

/** A longer delay than this is a broken report of the browser. */
const MAX_S = 0.5;
/**
 * What Firefox on Linux is taken to need (24 to 43 ms with PulseAudio's null sink); it must not be asked. While it answers,
 * the page holds a lock of the audio graph and waits for the sound server's; a callback that holds the latter may be waiting
 * for the former, and then the page stands still for good. Seen in Firefox 140, in one of some tens of contexts.
 */
const UNASKED_S = 0.03;
const DEADLOCKS = /Linux.*Firefox\//;

/** In seconds; 0 where the browser does not know. `browser` is what it calls itself (`navigator.userAgent`). */
export function outputLatency(context: Pick<AudioContext, 'outputLatency' | 'baseLatency'>, browser: string): number {
  if (DEADLOCKS.test(browser)) return UNASKED_S;
  const latency = context.outputLatency || context.baseLatency || 0;
  return Math.min(Math.max(latency, 0), MAX_S);
}
