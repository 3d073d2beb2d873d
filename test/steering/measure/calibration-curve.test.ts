import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  curvePoint,
  type Measured,
  strongestFluent,
} from '../../../src/steering/measure/calibration-curve.js';
import { nextGrid } from '../../../src/steering/measure/grid.js';

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

test('a grid moves by its own width, never back, and stops where the best is inside', () => {
  const grid = { shares: [1, 2, 4], moved: null };
  assert.equal(nextGrid(grid, 2), null);
  assert.deepEqual(nextGrid(grid, 4), { shares: [8, 16, 32], moved: 'up' });
  assert.deepEqual(nextGrid(grid, null), { shares: [0.125, 0.25, 0.5], moved: 'down' });
  assert.equal(nextGrid({ shares: [8, 16, 32], moved: 'up' }, 4), null);
  assert.equal(nextGrid({ shares: [0.125, 0.25, 0.5], moved: 'down' }, 0.5), null);
  assert.deepEqual(nextGrid({ shares: [3], moved: null }, 3), { shares: [6], moved: 'up' });
});
