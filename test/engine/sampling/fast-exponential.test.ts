import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exponential } from '../../../src/engine/sampling/fast-exponential.js';

test('exp(x) on [-30, 0] within a relative error of 3e-9', () => {
  const points = Array.from({ length: 30001 }, (_, i) => -i / 1000);
  const edges = Array.from({ length: 1921 }, (_, i) => [-i / 64, -i / 64 - 1e-12, -i / 64 + 1e-12]).flat();
  for (const x of [...points, ...edges].filter((value) => value >= -30 && value <= 0)) {
    const exact = Math.exp(x);
    assert.ok(Math.abs(exponential(x) - exact) <= 3e-9 * exact, `exp(${x})`);
  }
  assert.equal(exponential(0), 1);
});

test('zero below', () => {
  for (const x of [-30.000001, -1e6, Number.NEGATIVE_INFINITY]) assert.equal(exponential(x), 0);
});
