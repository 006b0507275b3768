import { expect, test } from 'vitest';
import page from '../index.html?raw';
import { strand, HEIGHT } from '../src/strand';

test('the page has nothing that the content security policy forbids', () => {
  expect(page).not.toMatch(/<style|\sstyle=|\son[a-z]+=|javascript:/i);
  for (const [, attributes, body] of page.matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)) {
    expect(attributes).toContain('src="/');
    expect(body).toBe('');
  }
  for (const [, address] of page.matchAll(/(?:src|href)="([^"]*)"/g)) expect(address).toMatch(/^\/([^/]|$)/);
});

test('strings stay within their picture, whatever they are told', () => {
  for (const state of ['idle', 'connecting', 'listening', 'thinking', 'speaking', 'ended'] as const) {
    for (let seconds = 0; seconds < 20; seconds += 0.37) {
      const path = strand(0, state, { microphone: 1, reply: 1, seconds }, false);
      for (const [, y] of path.matchAll(/ (-?[\d.]+)/g)) {
        expect(Number(y)).toBeGreaterThanOrEqual(0);
        expect(Number(y)).toBeLessThanOrEqual(HEIGHT);
      }
    }
  }
});
