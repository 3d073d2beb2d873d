import assert from 'node:assert/strict';
import { test } from 'node:test';
import { meanInterval, wilsonInterval } from '../../../src/fitting/measure/intervals.js';

const near = (actual: number | undefined, expected: number, by = 1e-4) =>
  assert.ok(Math.abs((actual ?? Number.NaN) - expected) < by, `${actual} is not ${expected}`);

test("Wilson's interval solves its own equation", () => {
  // Its ends are the shares p from which the one found is 1.96 standard errors, sqrt(p (1 - p) / n), away.
  for (const [successes, trials] of [
    [51, 60],
    [1, 8],
    [10, 20],
    [199, 200],
  ] as const) {
    for (const end of wilsonInterval(successes, trials)) {
      const error = Math.sqrt((end * (1 - end)) / trials);
      near(Math.abs(successes / trials - end) / error, 1.959964, 1e-6);
    }
  }
});

test('it stays between 0 and 1, reaches them where none or all succeed, and knows nothing of no trials', () => {
  assert.deepEqual(wilsonInterval(0, 0), [0, 1]);
  for (const n of [1, 8, 60]) {
    const [none, all] = [wilsonInterval(0, n), wilsonInterval(n, n)];
    near(none[0], 0, 1e-12);
    near(all[1], 1, 1e-12);
    assert.ok(none[1] > 0 && none[1] < 1);
    near(none[1] + all[0], 1, 1e-12);
  }
});

test("the interval of a mean takes Student's quantiles", () => {
  // Quantiles of t as tables print them, for 1, 2, 4, 9 and 59 degrees of freedom.
  for (const [n, t] of [
    [2, 12.706],
    [3, 4.303],
    [5, 2.776],
    [10, 2.262],
    [60, 2.001],
  ] as const) {
    const values = Array.from({ length: n }, (_, i) => 5 + (i % 2 === 0 ? 1 : -1));
    const mean = values.reduce((a, b) => a + b, 0) / n;
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1));
    const [low, high] = meanInterval(values) ?? [Number.NaN, Number.NaN];
    near((low + high) / 2, mean, 1e-9);
    near((high - low) / 2 / (deviation / Math.sqrt(n)), t, 0.01);
  }
  assert.equal(meanInterval([3]), null);
  assert.deepEqual(meanInterval([3, 3, 3]), [3, 3]);
});
