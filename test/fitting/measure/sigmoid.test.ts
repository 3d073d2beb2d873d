/** Curves through points: laws, and curves that are known. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  at,
  type CurvePoint,
  fallingCurve,
  risingCurve,
  type Sigmoid,
} from '../../../src/fitting/measure/sigmoid.js';
import { seededRandom } from '../../concepts/sample.js';

const xs = [0.004, 0.007, 0.012, 0.02, 0.035];
const pointsOf = (y: (x: number) => number, weight = 1): CurvePoint[] =>
  xs.map((x) => ({ x, y: y(x), weight }));
const between = Array.from({ length: 50 }, (_, i) => 0.004 * (0.035 / 0.004) ** (i / 49));
const farthest = (a: Sigmoid, b: (x: number) => number) =>
  Math.max(...between.map((x) => Math.abs(at(a, x) - b(x))));

/** Of a curve whose slope is tried, and of one whose slope lies between two that are. */
const tolerance = (slope: number) => ([2, 4].includes(slope) ? 0.05 : 0.08);

test('a known curve is found again from its points, whatever its middle, slope and top', () => {
  for (const middle of [0.006, 0.01, 0.019])
    for (const slope of [1.2, 2, 2.4, 4, 5]) {
      for (const top of [0.5, 0.9, 1.2]) {
        const rising = { top, middle, slope };
        assert.ok(
          farthest(risingCurve(pointsOf((x) => at(rising, x))), (x) => at(rising, x)) < tolerance(slope),
        );
      }
      const falling = { top: 1, middle, slope: -slope };
      assert.ok(
        farthest(fallingCurve(pointsOf((x) => at(falling, x))), (x) => at(falling, x)) < tolerance(slope),
      );
    }
});

test('curves are monotone and inside their bounds, whatever the points', () => {
  const random = seededRandom(3);
  for (let round = 0; round < 20; round++) {
    const points = pointsOf(() => random() * 2 - 0.5, 1 + random());
    const [up, down] = [risingCurve(points), fallingCurve(points)];
    for (const [i, x] of between.slice(1).entries()) {
      const before = between[i] as number;
      assert.ok(at(up, x) >= at(up, before) && at(up, x) >= 0 && at(up, x) <= 1.5);
      assert.ok(at(down, x) <= at(down, before) && at(down, x) >= 0 && at(down, x) <= 1);
    }
    assert.equal(at(up, 0), 0);
    assert.equal(at(down, 0), 1, 'nothing is lost at 0');
  }
});

test('a jump is kept a jump', () => {
  const jump = risingCurve(pointsOf((x) => (x > 0.01 ? 1 : 0)));
  assert.ok(at(jump, 0.007) < 0.05 && at(jump, 0.012) > 0.9, JSON.stringify(jump));
  const end = fallingCurve(pointsOf((x) => (x > 0.01 ? 0 : 1)));
  assert.ok(at(end, 0.007) > 0.95 && at(end, 0.012) < 0.1, JSON.stringify(end));
});

test('the order of points is nothing, and points count by their weight', () => {
  const random = seededRandom(8);
  const points = pointsOf((x) => x * 20 + random() * 0.1);
  const curve = risingCurve(points);
  assert.ok(farthest(risingCurve([...points].reverse()), (x) => at(curve, x)) < 1e-9);
  const heavy = points.map((point) => ({ ...point, weight: 7 }));
  assert.ok(farthest(risingCurve(heavy), (x) => at(curve, x)) < 1e-9);
  const ignored = [...points, { x: 0.01, y: -5, weight: 0 }];
  assert.ok(farthest(risingCurve(ignored), (x) => at(curve, x)) < 1e-9);
  const pulled = [...points, { x: 0.035, y: 0, weight: 1000 }];
  assert.ok(at(risingCurve(pulled), 0.035) < 0.1);
});

test('one point, or points that are all 0, give a curve all the same', () => {
  const one = fallingCurve([{ x: 0.01, y: 0.5, weight: 1 }]);
  assert.ok(Math.abs(at(one, 0.01) - 0.5) < 0.05);
  const none = risingCurve(pointsOf(() => 0));
  assert.ok(between.every((x) => at(none, x) < 1e-6));
});
