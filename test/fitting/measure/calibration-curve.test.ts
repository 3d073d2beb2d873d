import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  curvePoint,
  type Measured,
  strongestFluent,
} from '../../../src/fitting/measure/calibration-curve.js';
import { nextShares } from '../../../src/fitting/measure/coefficient-search.js';

const bound = { logProbabilityDrop: 1, distinct2: 0.6 };
const answer = (logProbability: number | null, distinct2 = 1, evidence = 0.5): Measured => ({
  logProbability,
  evidence: logProbability === null ? null : evidence,
  distinct2,
});
const unsteered = [answer(-1), answer(-2), answer(-3)];
const shifted = (...drops: number[]) => drops.map((drop, i) => answer(-1 - i - drop));

test('questions are compared with themselves: what differs between them is no noise', () => {
  assert.equal(curvePoint(0.01, shifted(0.9, 0.9, 0.9), unsteered, bound).fluent, true);
  assert.equal(curvePoint(0.01, shifted(1.1, 1.1, 1.1), unsteered, bound).fluent, false);
});

test('two standard errors must be to spare', () => {
  // Mean 0.8; the standard error is 0.3 / sqrt(3) = 0.17 or 0.05 / sqrt(3) = 0.03.
  assert.equal(curvePoint(0.01, shifted(0.5, 0.8, 1.1), unsteered, bound).fluent, false);
  assert.equal(curvePoint(0.01, shifted(0.75, 0.8, 0.85), unsteered, bound).fluent, true);
  const loops = [0.7, 0.7, 0.7].map((distinct) => answer(-1, distinct));
  assert.equal(curvePoint(0.01, loops, unsteered, bound).fluent, true);
  const some = [1, 1, 0.1].map((distinct, i) => answer(-1 - i, distinct));
  assert.equal(curvePoint(0.01, some, unsteered, bound).fluent, false);
});

test('a steering that silences the model is not fluent; a model that was silent before may stay so', () => {
  const silent = [answer(null), ...shifted(0, 0, 0).slice(1)];
  assert.equal(curvePoint(0.01, silent, unsteered, bound).fluent, false);
  const before = [answer(null), ...unsteered.slice(1)];
  const point = curvePoint(0.01, silent, before, bound);
  assert.deepEqual([point.fluent, point.logProbability, point.evidence], [true, -2.5, 0.5]);
  const none = curvePoint(0.01, [answer(null)], [answer(null)], bound);
  assert.deepEqual([none.fluent, none.logProbability, none.evidence], [false, null, null]);
});

test('the strongest fluent point is the one farthest from 0 of its sign', () => {
  const points = ([-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3] as const).map((share) => ({
    ...curvePoint(share, shifted(0, 0, 0), unsteered, bound),
    fluent: ![-0.3, 0.2, 0.3].includes(share),
  }));
  assert.equal(strongestFluent(points, 1)?.share, 0.1);
  assert.equal(strongestFluent(points, -1)?.share, -0.2);
  assert.equal(
    strongestFluent(
      points.filter(({ fluent }) => !fluent),
      1,
    ),
    null,
  );
});

test('the search looks between the best and what was too strong, or beyond the edge', () => {
  const points = (shares: Record<number, boolean>) =>
    Object.entries(shares).map(([share, fluent]) => ({ share: Number(share), fluent }));
  assert.deepEqual(nextShares(points({ 0.006: true, 0.012: true, 0.024: false })), [0.015, 0.019]);
  assert.deepEqual(
    nextShares(points({ '-0.006': true, '-0.012': false, '-0.024': false })),
    [0.0076, 0.0095],
  );
  assert.deepEqual(nextShares(points({ 0.006: true, 0.012: true, 0.024: true })), [0.034, 0.048]);
  assert.deepEqual(nextShares(points({ 0.006: false, 0.012: false, 0.024: false })), [0.003, 0.0043]);
  // A chance failure below the best does not count: the strongest that reads well does.
  assert.deepEqual(nextShares(points({ 0.006: false, 0.012: true, 0.024: false })), [0.015, 0.019]);
  assert.deepEqual(nextShares(points({ 0.012: true, 0.014: false })), []);
});
