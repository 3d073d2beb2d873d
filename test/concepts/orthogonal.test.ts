import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dot, orthonormalBasis, withoutSpan } from '../../src/concepts/orthogonal.js';
import { seededRandom } from './sample.js';

const random = seededRandom(3);
const row = (size = 16) => Float32Array.from({ length: size }, () => random() * 2 - 1);
const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 1e-12, `${actual} is not ${expected}`);

test('a basis is orthonormal and spans its rows, whatever their lengths', () => {
  const rows = [row(), row().map((value) => 1000 * value), row().map((value) => value / 1000)];
  const basis = orthonormalBasis(rows);
  assert.equal(basis.length, 3);
  for (const [i, a] of basis.entries()) {
    for (const [j, b] of basis.entries()) near(dot(a, b), i === j ? 1 : 0);
  }
  for (const one of rows) assert.equal(withoutSpan(one, basis), null);
});

test('what is left is a unit vector at right angles, with the part in the span the whole', () => {
  const rows = [row(), row()];
  const basis = orthonormalBasis(rows);
  const other = row();
  const rest = withoutSpan(other, basis);
  assert.ok(rest);
  near(dot(rest.direction, rest.direction), 1);
  for (const direction of basis) near(dot(rest.direction, direction), 0);
  const within = basis.reduce((sum, direction) => sum + dot(other, direction) ** 2, 0) / dot(other, other);
  near(rest.share ** 2 + within, 1);
  const larger = withoutSpan(
    other.map((value) => 8 * value),
    basis,
  );
  assert.deepEqual(larger, rest, 'of any length');
});

test('nearly parallel rows leave an exact right angle, and what rounding alone tells apart leaves nothing', () => {
  const one = row(576);
  const other = row(576);
  const close = one.map((value, i) => value + 0.01 * (other[i] ?? 0));
  const basis = orthonormalBasis([one]);
  const rest = withoutSpan(close, basis);
  assert.ok(rest && rest.share < 0.02);
  near(dot(rest.direction, basis[0] ?? []), 0);
  const rounded = one.map((value) => value * (1 + 0.0004 * (random() - 0.5)));
  assert.equal(withoutSpan(rounded, basis), null);
  assert.equal(withoutSpan(new Float32Array(576), basis), null, 'nor does nothing');
  assert.deepEqual(orthonormalBasis([new Float32Array(4), Float32Array.of(0, 3, 0, 0)]), [
    Float64Array.of(0, 1, 0, 0),
  ]);
});
