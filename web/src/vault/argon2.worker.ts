/** One derivation; then the thread is ended. */
import { argon2id } from 'hash-wasm';
import type { Argon2Request } from './kdf';

self.onmessage = async ({ data }: MessageEvent<Argon2Request>) => {
  const { password, salt, m_kib, t, p } = data;
  try {
    const key = await argon2id({
      password, salt, memorySize: m_kib, iterations: t, parallelism: p, hashLength: 32, outputType: 'binary',
    });
    self.postMessage(key);
  } catch (error) {
    self.postMessage(String(error));
  }
};
