/** The content security policy is written down where the server, the preview and the tests need it; it is one. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { policy } from '../vite.config';

const server = readFileSync('../src/http/headers.rs', 'utf8');

test('the preview and the tests in browsers have the server’s policy', () => {
  const written = /CONTENT_SECURITY_POLICY: &str =\s*"([^"]*)"/.exec(server)?.[1] ?? '';
  expect(policy).toBe(written.replace(/\\\n\s*/g, ''));
  for (const stub of ['test/stubs/server.mjs', 'test/vault/stub.mjs']) {
    const list = /POLICY = \[([^\]]*)\]/.exec(readFileSync(stub, 'utf8'))?.[1] ?? '';
    const parts = [...list.matchAll(/"([^"]*)"|'([^']*)'(?=,|\s*$)/gm)].map(([, one, other]) => one ?? other);
    expect(parts.join('; '), stub).toBe(policy);
  }
});
