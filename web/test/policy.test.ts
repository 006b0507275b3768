import { expect, test } from 'vitest';
import headers from '../../src/http/headers.rs?raw';
import policy from '../policy.json';

test.each([
  ['CONTENT_SECURITY_POLICY', policy.page],
  ['DOCS_POLICY', policy.docs],
])('the preview and the tests in browsers have the server’s policy: %s', (name, parts) => {
  const written = new RegExp(`const ${name}: &str =\\s*"([^"]*)"`).exec(headers)?.[1];
  expect(written?.replace(/\\\n\s*/g, '')).toBe(parts.join('; '));
});
