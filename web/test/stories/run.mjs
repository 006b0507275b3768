/** Tells stories one after the other, each in the tab of the same browser. */
import assert from 'node:assert/strict';

/**
 * Prints how each went. Whether all went well.
 *
 * `parts`: only stories whose name has one of these in it are told; none means all. `open`: brings the tab to where a story
 * begins.
 */
export async function tell(stories, parts, tab, open, ...more) {
  let well = true;
  for (const [name, story] of Object.entries(stories)) {
    if (parts.length > 0 && !parts.some((part) => name.includes(part))) continue;
    const started = performance.now();
    try {
      await open();
      const figures = await story(tab, ...more);
      assert.deepEqual(await tab.run('window.violations'), [], 'content security policy');
      assert.deepEqual(tab.alarms, [], 'dialogs and requests elsewhere');
      console.log(`ok    ${name} (${Math.round(performance.now() - started)} ms)${figures ? `: ${figures}` : ''}`);
    } catch (error) {
      well = false;
      console.log(`FAIL  ${name}: ${error.message}`);
    }
  }
  return well;
}
