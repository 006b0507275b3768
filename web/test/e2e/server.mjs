/** The server itself, as its users start it, on ports of its own. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endWithUs } from './children.mjs';
import { modelsFolder, sharedFolder, sottoProgram } from './places.mjs';

/** Engines are loaded and measured first. */
const START_MS = 60_000;
/** Longer than the server gives its calls. */
const STOP_MS = 10_000;
const LOG_LINES = 30;
/** The server colours what it logs. */
const COLOUR = /\x1b\[\d+m/g;

/** `model`: where the language model is asked; `more`: settings that are not as usual. */
export async function startServer(model, more = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'sotto-e2e-'));
  const settings = {
    SERVER__BIND: '127.0.0.1:0',
    WEBRTC__UDP_PORT: '0',
    MODELS__OFFLINE: 'true',
    STT__ENGINE: 'whisper',
    STT__MODEL: join(sharedFolder, 'models/whisper-tiny.en-fixture'),
    LLM__PROVIDER: 'openai',
    LLM__BASE_URL: model,
    // One address comes in here as often as many people do.
    LIMITS__SIGN_INS_PER_MINUTE: '1000',
    TTS__ENGINE: 'command',
    TTS__COMMAND__PROGRAM: 'espeak-ng',
    ...more,
  };
  // The environment of whoever runs the tests sets nothing here.
  const inherited = Object.entries(process.env).filter(([name]) => !/^(SOTTO__|SECRET_KEY)/.test(name));
  const own = Object.entries(settings).map(([name, value]) => [`SOTTO__${name}`, value]);
  const child = spawn(sottoProgram, ['serve', '--data-dir', folder, '--models-dir', modelsFolder], {
    env: { ...Object.fromEntries([...inherited, ...own]), SECRET_KEY: randomBytes(32).toString('base64') },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  endWithUs(child);
  const log = [];
  const exit = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? signal));
  });
  const url = await new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the server did not start:\n${log.join('\n')}`));
    }, START_MS);
    const listen = (stream) => {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop();
        log.push(...lines);
        const address = lines.map((line) => /^\s*page\s+(\S+)/.exec(line)?.[1]).find(Boolean);
        if (!address) return;
        clearTimeout(late);
        resolve(address);
      });
    };
    listen(child.stdout);
    listen(child.stderr);
    exit.then(
      (code) => reject(new Error(`the server ended with ${code}:\n${log.join('\n')}`)),
      (error) => reject(new Error(`${sottoProgram} cannot be run (${error.message}); build it, or set SOTTO_BIN`)),
    ).finally(() => clearTimeout(late));
  }).catch(async (error) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });

  return {
    url,
    /** Where it keeps everything. */
    folder,
    log: () => log.join('\n').replace(COLOUR, ''),
    tail: () => log.slice(-LOG_LINES).join('\n').replace(COLOUR, ''),
    async activeCalls() {
      const status = await (await fetch(`${url}/api/v1/status`)).json();
      return status.calls.active;
    },
    /** Resolves to the exit code. */
    async stop() {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      const code = await exit;
      clearTimeout(late);
      await rm(folder, { recursive: true, force: true });
      return code;
    },
  };
}
