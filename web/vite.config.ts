import { defineConfig } from 'vite';

/** The server's policy, so that `vite preview` shows the page under the same rules. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const proxy = { '/v1': { target: 'http://127.0.0.1:8080', ws: true } };

export default defineConfig({
  build: {
    target: 'es2022',
    // A data: address in style or script would be refused by the policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy },
  preview: { proxy, headers: { 'Content-Security-Policy': policy } },
});
