/** Sums of products by column are exact in the kernels that they are for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ColumnLevels, fullLevels, pairLevels } from '../../../src/onnx/rewrite/column-levels.js';

/** The largest sum of two products: activations reach from 1 to twice the largest level and one. */
const largestPair = ({ weight, activation }: ColumnLevels) => 2 * (2 * activation + 1) * weight;

test('levels are those of bytes; two products fit into 16 bits where kernels add pairs, and would not with all levels', () => {
  for (const { weight, activation } of [fullLevels, pairLevels])
    assert.ok(weight <= 127 && 2 * activation + 1 <= 255);
  assert.ok(largestPair(pairLevels) < 2 ** 15);
  assert.ok(largestPair(fullLevels) >= 2 ** 15);
});
