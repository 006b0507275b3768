/** How well the person's sound reached the server, in a few words and numbers. */
import type { Network } from './turn-record';

export type Quality = 'good' | 'fair' | 'poor';

/** Beyond the first of each it is fair, beyond the second poor: what one begins to hear, and what costs words. */
const LOSS = [0.01, 0.05];
const JITTER_MS = [30, 60];
const RTT_MS = [200, 400];

export function quality(network: Network): Quality {
  const { jitter_ms: jitter, rtt_ms: rtt } = network;
  const worst = Math.max(grade(lossOf(network), LOSS), grade(jitter, JITTER_MS), grade(rtt ?? 0, RTT_MS));
  return (['good', 'fair', 'poor'] as const)[worst]!;
}

/** The numbers, each with its name. */
export function measures(network: Network): string[] {
  const { rtt_ms: rtt, jitter_ms: jitter, late, dropped, concealed_ms: concealed } = network;
  return [
    rtt === null ? '' : `${rtt < 1 ? 'under 1' : rtt}\u00a0ms there and back`,
    `${jitter}\u00a0ms jitter`,
    `${(lossOf(network) * 100).toFixed(1)}\u00a0% lost`,
    late > 0 ? `${late} too late` : '',
    dropped > 0 ? `${dropped} dropped here` : '',
    concealed > 0 ? `${concealed}\u00a0ms made up` : '',
  ].filter(Boolean);
}

/** Of all packets that were sent. */
function lossOf({ packets, lost }: Network): number {
  return packets + lost === 0 ? 0 : lost / (packets + lost);
}

function grade(value: number, [fair, poor]: number[]): number {
  return value > poor! ? 2 : value > fair! ? 1 : 0;
}
