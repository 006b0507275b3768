/**
 * A sound device that nobody hears. Firefox lets no page sound without a device, and machines that run tests have none;
 * Chromium makes do.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endGroup, endWithUs } from './children.mjs';
import { soundProgram } from './places.mjs';

const START_MS = 10_000;
const POLL_MS = 25;

/** Starts one; gives the environment in which programs find it. */
export async function startSound() {
  const folder = await mkdtemp(join(tmpdir(), 'sotto-sound-'));
  const socket = join(folder, 'native');
  const child = spawn(
    soundProgram,
    [
      '-n', '--daemonize=no', '--exit-idle-time=-1', '--use-pid-file=no', '--log-target=stderr', '--load=module-null-sink',
      `--load=module-native-protocol-unix socket=${socket} auth-anonymous=1`,
    ],
    { stdio: 'ignore', detached: true, env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder } },
  );
  endWithUs(child);
  const ended = new Promise((resolve) => child.once('exit', resolve).once('error', resolve));
  const close = async () => {
    endGroup(child);
    await ended;
    await rm(folder, { recursive: true, force: true });
  };
  for (const end = performance.now() + START_MS; !existsSync(socket); ) {
    if (performance.now() > end) {
      await close();
      throw new Error(`${soundProgram} did not start`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return { environment: { PULSE_SERVER: `unix:${socket}` }, close };
}
