import { defineConfig } from 'vite';

/** The server's policy, so that `vite preview` shows the page under the same rules. */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "object-src 'none'",
  "require-trusted-types-for 'script'",
  'trusted-types sotto',
].join('; ');

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
  preview: { proxy, headers: { 'Content-Security-Policy': policy } },
});
