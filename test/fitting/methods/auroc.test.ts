/** The area under the ROC curve, as the share of pairs in which the positive is the higher. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../../src/common/random.js';
import { auroc } from '../../../src/fitting/methods/auroc.js';

test('it is the share of pairs in which the positive is the higher, ties counting half', () => {
  const random = new Random(7);
  for (let round = 0; round < 20; round++) {
    const n = 4 + (random.bits() % 20);
    // Few values, so that many are equal.
    const values = Array.from({ length: n }, () => random.bits() % 5);
    const labels = values.map((_, i) => (i < 2 ? i : random.bits() % 2));
    let pairs = 0;
    let won = 0;
    for (const [i, a] of values.entries())
      for (const [j, b] of values.entries()) {
        if (labels[i] !== 1 || labels[j] !== 0) continue;
        pairs++;
        won += a > b ? 1 : a === b ? 0.5 : 0;
      }
    assert.ok(Math.abs((auroc(values, labels) ?? -1) - won / pairs) < 1e-12);
  }
});

test('what cannot be compared has none', () => {
  assert.equal(auroc([1, 2], [1, 1]), null);
  assert.equal(auroc([1, Number.NaN], [1, 0]), null);
  assert.equal(auroc([], []), null);
});
