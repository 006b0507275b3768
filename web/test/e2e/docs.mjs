/** The page that shows the API, as the server serves it. */
import assert from 'node:assert/strict';
import { looks } from './page.mjs';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const RENDER_MS = 30_000;

export async function apiIsShown(page, server) {
  const { paths } = await (await fetch(`${server.url}/api/v1/openapi.json`)).json();
  const wanted = Object.entries(paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => `${method.toUpperCase()} ${path}`),
  );
  await page.browser.open(`${server.url}/docs`);
  await page.until(`document.querySelectorAll('.opblock').length >= ${wanted.length}`, RENDER_MS);
  const shown = await page.run(`[...document.querySelectorAll('.opblock')].map((each) =>
    each.querySelector('.opblock-summary-method').textContent + ' ' + each.querySelector('.opblock-summary-path').dataset.path)`);
  assert.deepEqual(shown.sort(), wanted.sort());
  // One of them with everything that it has.
  await page.run(`document.querySelector('.opblock-summary-control').click()`);
  await page.until(`document.querySelector('.opblock-body .responses-table')`, RENDER_MS);
  await page.picture('docs-desk-light', looks['desk-light']);
  await page.picture('docs-small-light', looks['small-light']);
  await page.browser.resize(looks['desk-light']);
  assert.deepEqual(await page.run('probe.violations'), []);
  const elsewhere = page.browser.requests.filter((url) => !url.startsWith(`${server.url}/`) && !/^(data|blob|about):/.test(url));
  assert.deepEqual(elsewhere, []);
  return `${shown.length} operations`;
}
