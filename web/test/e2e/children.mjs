/** The programs that these tests start. They may be scripts with children, so each leads a group of its own. */

/** Ends a program and what it started; one that has ended is left alone. */
export function endGroup(child, signal = 'SIGTERM') {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It ended this very moment.
  }
}

/** Whatever ends the tests, nothing is left running. */
export function endWithUs(child) {
  process.once('exit', () => endGroup(child, 'SIGKILL'));
}
