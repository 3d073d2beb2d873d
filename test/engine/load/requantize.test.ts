/** Weights from blocks to columns: what a split may not change, and how far rounding may move a weight. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random } from '../../../src/common/random.js';
import { splitChannels, weightsByColumn } from '../../../src/engine/load/requantize.js';

const [k, n, block] = [96, 70, 32];
const blocks = k / block;
const generator = new Random(7);
const random = () => generator.bits() / 2 ** 32;
const peaks = Float32Array.from({ length: k }, (_, i) => (i % 31 === 5 ? 40 : 0.5) * (0.5 + random()));
const weights = {
  k,
  n,
  block,
  levels: Uint8Array.from({ length: n * k }, () => Math.floor(256 * random())),
  scales: Float32Array.from({ length: n * blocks }, () => 0.001 + 0.01 * random()),
  zeroPoints: null,
};
const weightAt = (channel: number, column: number) =>
  ((weights.levels[column * k + channel] ?? 0) - 128) *
  (weights.scales[column * blocks + Math.floor(channel / block)] ?? 0);

describe('splitting the large channels', () => {
  for (const extra of [0, 1, 16, 64]) {
    const { divisors, copies, repeated } = splitChannels(peaks, extra);

    test(`${extra} more: no more copies than that, and the repeated channels are they`, () => {
      assert.equal(
        copies.reduce((sum, count) => sum + count - 1, 0),
        repeated.length,
      );
      assert.ok(repeated.length <= extra);
      assert.deepEqual(
        [...copies],
        Array.from({ length: k }, (_, i) => 1 + repeated.filter((channel) => channel === i).length),
      );
    });

    test(`${extra} more: a weight never grows in a copy`, () => {
      divisors.forEach((divisor, channel) => {
        assert.ok(divisor >= 1 && divisor <= (copies[channel] ?? 0) + 1e-9);
      });
    });
  }

  test('more copies bring the largest activation down', () => {
    const largest = (extra: number) => {
      const { divisors } = splitChannels(peaks, extra);
      return Math.max(...peaks.map((peak, channel) => peak / (divisors[channel] ?? 1)));
    };
    assert.ok(largest(16) < largest(0) / 3);
    assert.ok(largest(64) < largest(16));
  });

  test('activations that are all zero are not split', () => {
    assert.deepEqual(splitChannels(new Float32Array(k), 64).repeated, []);
  });
});

describe('weights by column', () => {
  for (const [extra, largest] of [
    [0, 127],
    [16, 127],
    [16, 80],
  ] as const)
    test(`a channel's copies add up to its weight, to half a step by its divisor; ${extra} more, levels to ${largest}`, () => {
      const split = splitChannels(peaks, extra);
      const { levels, scales } = weightsByColumn(weights, split, largest);
      assert.equal(levels.length, (k + split.repeated.length) * n);
      const rowsOf = (channel: number) => [
        channel,
        ...split.repeated.flatMap((repeated, i) => (repeated === channel ? [k + i] : [])),
      ];
      for (let channel = 0; channel < k; channel++)
        for (let column = 0; column < n; column++) {
          const sum = rowsOf(channel).reduce((total, row) => total + (levels[row * n + column] ?? 0), 0);
          const divisor = split.divisors[channel] ?? 1;
          const step = (scales[column] ?? 0) / divisor;
          const error = Math.abs(sum * step - weightAt(channel, column));
          assert.ok(error <= 0.5001 * step, `channel ${channel}, column ${column}: ${error / step} steps`);
        }
      assert.equal(
        levels.reduce((most, level) => Math.max(most, Math.abs(level)), 0),
        largest,
      );
    });

  test('zero points are what their block counts from', () => {
    const zeroPoints = new Uint8Array(n * blocks).fill(120);
    const moved = { ...weights, levels: weights.levels.map((level) => Math.max(level, 8) - 8), zeroPoints };
    const centred = { ...weights, levels: weights.levels.map((level) => Math.max(level, 8)) };
    const split = splitChannels(peaks, 16);
    assert.deepEqual(weightsByColumn(moved, split, 127), weightsByColumn(centred, split, 127));
  });

  test('a column of zeros stays zero', () => {
    const zero = { ...weights, levels: new Uint8Array(n * k).fill(128) };
    const { levels, scales } = weightsByColumn(zero, splitChannels(peaks, 16), 127);
    assert.ok(levels.every((level) => level === 0));
    assert.ok(scales.every(Number.isFinite));
  });
});
