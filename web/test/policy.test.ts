import { expect, test } from 'vitest';
import headers from '../../src/http/headers.rs?raw';
import policy from '../policy.json';

test('the preview and the tests in browsers have the server’s policy', () => {
  const written = /CONTENT_SECURITY_POLICY: &str =\s*"([^"]*)"/.exec(headers)?.[1];
  expect(written?.replace(/\\\n\s*/g, '')).toBe(policy.page.join('; '));
});
