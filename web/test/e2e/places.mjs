/** Where everything is. Relative paths in the environment are meant from the repository's root. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { delimiter, join, resolve } from 'node:path';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const place = (variable, usual) => resolve(root, process.env[variable] || usual);

export const sottoProgram = place('SOTTO_BIN', 'target/debug/sotto');
export const sharedFolder = place('SOTTO_SHARED', '../shared');
export const modelsFolder = place('SOTTO_MODELS_DIR', 'models');
export const shotsFolder = place('SOTTO_SHOTS', 'web/test/shots');
export const chromiumProgram = process.env.CHROMIUM || program('chromium', 'chromium-browser', 'google-chrome');
export const firefoxProgram = process.env.FIREFOX || program('firefox-esr', 'firefox');
export const soundProgram = program('pulseaudio');
/** What would be skipped is a failure then. */
export const strict = process.env.SOTTO_TEST_STRICT === '1';

/** The first of these that is installed. */
function program(...names) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}
