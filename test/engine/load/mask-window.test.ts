import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ObservedMask, windowOf } from '../../../src/engine/load/attention-rewrite.js';

const hidden = -3.4e38;

function mask(
  past: number,
  tokens: number,
  sees: (token: number, key: number) => boolean,
  seen = 0,
): ObservedMask {
  const total = past + tokens;
  const values = Float32Array.from({ length: tokens * total }, (_, i) =>
    sees(past + Math.floor(i / total), i % total) ? seen : hidden,
  );
  return { values, past, tokens };
}

/** A prompt, a chunk behind a long past, and a token. */
const shapes = [
  [0, 19],
  [60, 4],
  [33, 1],
] as const;
const observed = (sees: (token: number, key: number) => boolean) =>
  shapes.map(([past, tokens]) => mask(past, tokens, sees));
const causal = (token: number, key: number) => key <= token;

test('a causal mask has no window', () => {
  assert.equal(windowOf(observed(causal)), 0);
});

test('a sliding window is the number of keys that a token sees', () => {
  for (const window of [1, 6, 40])
    assert.equal(windowOf(observed((token, key) => causal(token, key) && key > token - window)), window);
});

test('a window wider than all that was seen is none', () => {
  assert.equal(windowOf(observed((token, key) => causal(token, key) && key > token - 64)), 0);
});

test('other masks are none of either', () => {
  const others: Record<string, (token: number, key: number) => boolean> = {
    'everything, later keys too': () => true,
    'one later key': (token, key) => key <= token + 1,
    'not itself': (token, key) => key < token,
    'a sink beside a window': (token, key) => causal(token, key) && (key === 0 || key > token - 6),
    chunks: (token, key) => causal(token, key) && Math.floor(key / 8) === Math.floor(token / 8),
    'every second key': (token, key) => causal(token, key) && (token - key) % 2 === 0,
    'a window that grows': (token, key) => causal(token, key) && key > token - (token < 30 ? 6 : 12),
    nothing: () => false,
  };
  for (const [name, sees] of Object.entries(others)) assert.equal(windowOf(observed(sees)), null, name);
});

test('a mask that weighs keys is none of either', () => {
  assert.equal(windowOf([mask(3, 4, causal, -0.5)]), null);
});
