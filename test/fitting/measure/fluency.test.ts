import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distinct2 } from '../../../src/fitting/measure/fluency.js';

test('pairs that repeat lower it, single tokens that repeat do not', () => {
  assert.equal(distinct2([1, 2, 3, 4]), 1);
  assert.equal(distinct2([1, 2, 1, 3, 1, 4]), 1);
  assert.equal(distinct2([1, 2, 1, 2, 1]), 0.5);
  assert.equal(distinct2(new Array(11).fill(7)), 0.1);
});

test('what is too short to repeat is distinct', () => {
  for (const tokens of [[], [1], [1, 1]]) assert.equal(distinct2(tokens), 1);
});
