import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evenlySpread } from '../../src/common/evenly-spread.js';

test('a sample keeps the order, repeats nothing, and leaves gaps of one size', () => {
  for (const length of [1, 2, 7, 100, 1013]) {
    const items = Array.from({ length }, (_, i) => i);
    for (const count of [1, 2, 3, 6, 50, 99, 1012, 1013, 5000]) {
      const kept = evenlySpread(items, count);
      assert.equal(kept.length, Math.min(count, length));
      for (let i = 1; i < kept.length; i++) {
        const gap = (kept[i] as number) - (kept[i - 1] as number);
        assert.ok(
          gap >= Math.floor(length / count) && gap <= Math.ceil(length / Math.min(count, length)),
          `${gap}`,
        );
        assert.ok(gap > 0);
      }
    }
  }
});
