import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commonLength } from '../../src/common/common-length.js';

test('lists and texts agree up to the first difference, or to the end of the shorter', () => {
  for (const [a, b, expected] of [
    [[], [1], 0],
    [[1, 2, 3], [1, 2, 4, 3], 2],
    [[1, 2], [1, 2, 3], 2],
    [[2], [1], 0],
    ['same', 'same', 4],
    ['sea', 'see', 2],
  ] as const) {
    assert.equal(commonLength(a, b), expected);
    assert.equal(commonLength(b, a), expected);
  }
});
