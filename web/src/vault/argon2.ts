/** Argon2id, on a thread of its own: half a second on the page's thread would be heard in a call. */
import type { Argon2, Argon2Request } from './kdf';
import { type Bytes } from './bytes';
import workerAddress from './argon2.worker?worker&url';
import { scriptAddress } from './trusted';

export const argon2: Argon2 = (request) =>
  new Promise<Bytes>((resolve, reject) => {
    const worker = new Worker(scriptAddress(workerAddress), { type: 'module' });
    // Its memory, which the passphrase went through, goes with it.
    const end = () => worker.terminate();
    worker.onmessage = ({ data }: MessageEvent<Bytes | string>) => {
      end();
      if (typeof data === 'string') reject(new Error(data));
      else resolve(data);
    };
    worker.onerror = (event) => {
      end();
      reject(new Error(event.message || 'the derivation could not be started'));
    };
    worker.postMessage(request satisfies Argon2Request);
  });
