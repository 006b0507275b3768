import { defineConfig } from 'vitest/config';
import policy from './policy.json' with { type: 'json' };

const target = 'http://127.0.0.1:8080';
const proxy = { '/v1': { target, ws: true }, '/api': { target } };

export default defineConfig({
  build: {
    target: 'es2022',
    // A data: address in style or script would be refused by the policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy },
  // Some of them compute on purpose for long (Argon2id), and machines that run tests are busy.
  test: { testTimeout: 20_000, hookTimeout: 20_000 },
  // So that the page is shown under the server's rules.
  preview: { proxy, headers: { 'Content-Security-Policy': policy.page.join('; ') } },
});
