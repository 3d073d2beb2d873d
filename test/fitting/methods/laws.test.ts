import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { SteerdError } from '../../../src/errors.js';
import { fitLayer } from '../../../src/fitting/fit-layer.js';
import { zeros } from '../../../src/fitting/linear-algebra/matrix.js';
import { Products } from '../../../src/fitting/linear-algebra/products.js';
import { type LayerFeatures, placedRows, splitRows } from '../../../src/fitting/methods/labelled-rows.js';
import { differenceOfMeans } from '../../../src/fitting/methods/mean-difference.js';
import { type MethodName, methodNames } from '../../../src/schemas/fit-choices.js';
import { reflect } from '../linear-algebra/random-matrix.js';
import { cosine, syntheticExamples } from './synthetic-examples.js';

let products: Products;
before(async () => {
  products = await Products.open();
});
after(() => products.release());

const fit = (method: MethodName, features: LayerFeatures) =>
  fitLayer({ layer: 3, method, features }, products);

const refused = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof SteerdError, String(error));
  assert.equal(error.code, 'fit_impossible');
  assert.match(error.message, message);
  return true;
};

/** Row i of the result is row order[i], with its labels. */
function reordered(
  { rows, n, hiddenSize, labels, softLabels }: LayerFeatures,
  order: readonly number[],
): LayerFeatures {
  const at = (values: Float32Array) => Float32Array.from(order, (i) => values[i] as number);
  return {
    n,
    hiddenSize,
    rows: Float32Array.from(order.flatMap((i) => [...rows.subarray(i * hiddenSize, (i + 1) * hiddenSize)])),
    labels: at(labels),
    softLabels: softLabels && at(softLabels),
  };
}

/** Cosines to ask for: with few examples rfm is the least sure of the methods, as its reference is. */
const expected = (method: MethodName) =>
  method === 'rfm' ? { many: 0.75, few: 0.3 } : { many: 0.85, few: 0.6 };

for (const method of methodNames) {
  describe(method, () => {
    test('finds the direction in the features, fewer rows than columns or more', () => {
      for (const options of [
        { n: 160, hiddenSize: 24 },
        { n: 60, hiddenSize: 96, effect: 12 },
        { soft: true, n: 160, effect: 10 },
      ]) {
        const { features, direction } = syntheticExamples(options);
        const { unit, record } = fit(method, features);
        assert.ok(Math.abs(Math.hypot(...unit) - 1) < 1e-6);
        assert.ok(
          cosine(unit, direction) > expected(method).many,
          `${JSON.stringify(options)}: ${cosine(unit, direction)}`,
        );
        assert.ok((record.validation_r as number) > 0.9);
      }
    });

    test('swapped sides give the opposite vector', () => {
      for (const options of [
        {},
        { n: 60, hiddenSize: 96, effect: 2 },
        { n: 50, positives: 20 },
        { n: 36, positives: 9 },
        { n: 14, positives: 7, hiddenSize: 80, effect: 3 },
        { n: 6, positives: 3, hiddenSize: 50 },
      ]) {
        const { features } = syntheticExamples(options);
        const { unit } = fit(method, features);
        const swapped = fit(method, { ...features, labels: features.labels.map((label) => 1 - label) }).unit;
        assert.ok(cosine(unit, swapped) < -1 + 1e-6, `${JSON.stringify(options)}: ${cosine(unit, swapped)}`);
      }
    });

    test('does not see the scale of the features, of one row, or of the soft labels', () => {
      const { features } = syntheticExamples({ soft: true });
      const { unit } = fit(method, features);
      const { rows, hiddenSize, softLabels } = features;
      const rescaled = {
        ...features,
        rows: rows.map((x, i) => x * (Math.floor(i / hiddenSize) % 3 === 0 ? 16 : 4)),
        softLabels: softLabels?.map((label) => label / 8) ?? null,
      };
      assert.ok(cosine(unit, fit(method, rescaled).unit) > 1 - 1e-5);
    });

    test('does not mind the order in which the classes come', () => {
      const { features } = syntheticExamples({ soft: true });
      const order = [...features.labels.keys()];
      const sorted = [
        ...order.filter((i) => features.labels[i] === 1),
        ...order.filter((i) => features.labels[i] === 0),
      ];
      assert.deepEqual(fit(method, reordered(features, sorted)).unit, fit(method, features).unit);
    });

    test('gives the same bytes again', () => {
      const { features } = syntheticExamples({ soft: true, hiddenSize: 70, n: 60 });
      const [first, second] = [fit(method, features), fit(method, features)];
      assert.deepEqual(first.unit, second.unit);
      assert.deepEqual(first.record, second.record);
      assert.ok(!JSON.stringify(first.record).includes('seconds'));
    });

    test('works on very few examples, and then holds none out', () => {
      for (const [n, positives] of [
        [4, 2],
        [5, 3],
        [10, 5],
        [30, 3],
      ] as const) {
        const { features, direction } = syntheticExamples({ n, positives, hiddenSize: 12, effect: 14 });
        const { unit, record } = fit(method, features);
        assert.ok(
          cosine(unit, direction) > expected(method).few,
          `${n} examples: ${cosine(unit, direction)}`,
        );
        assert.equal(record.held_out, 0);
      }
    });

    test('keeps zero rows and duplicates from becoming NaN', () => {
      const { features } = syntheticExamples({ n: 40 });
      const { hiddenSize } = features;
      const rows = features.rows.slice();
      rows.fill(0, 0, hiddenSize);
      rows.copyWithin(3 * hiddenSize, hiddenSize, 2 * hiddenSize);
      rows.copyWithin(5 * hiddenSize, hiddenSize, 2 * hiddenSize);
      assert.ok(fit(method, { ...features, rows }).unit.every(Number.isFinite));
    });

    test('refuses what has no direction', () => {
      const { features } = syntheticExamples({ n: 40 });
      const changed = (change: Partial<LayerFeatures>) => () => fit(method, { ...features, ...change });
      const { rows, labels } = features;
      const nan = rows.slice();
      nan[77] = Number.NaN;
      assert.throws(changed({ rows: nan }), refused(/layer 3 are not finite numbers/));
      const infinite = rows.map((x, i) => (i === 5 ? Number.POSITIVE_INFINITY : x));
      assert.throws(changed({ rows: infinite }), refused(/not finite/));
      assert.throws(
        changed({ rows: rows.fill.call(rows.slice(), 2) as Float32Array }),
        refused(/the same activations at layer 3/),
      );
      assert.throws(changed({ labels: labels.map(() => 1) }), refused(/all 40 examples are positive/));
      assert.throws(changed({ labels: labels.map(() => 0) }), refused(/all 40 examples are negative/));
      assert.throws(
        changed({ softLabels: labels.map(() => 0.5) }),
        refused(/soft labels at layer 3 are all 0.5/),
      );
      assert.throws(
        changed({ softLabels: labels.map(() => Number.NaN) }),
        refused(/soft labels .* not finite/),
      );
    });
  });
}

for (const method of ['mean_difference', 'pca', 'logistic', 'linear'] as const) {
  test(`${method} turns with the space: mirrored features give the mirrored vector`, () => {
    const { features } = syntheticExamples({ soft: true });
    const axis = syntheticExamples({ seed: 9 }).direction;
    const { n, hiddenSize, rows } = features;
    const mirrored = Float32Array.from(
      Array.from({ length: n }, (_, i) => [
        ...reflect(rows.subarray(i * hiddenSize, (i + 1) * hiddenSize), axis),
      ]).flat(),
    );
    const mirroredUnit = reflect(fit(method, features).unit, axis);
    assert.ok(cosine(fit(method, { ...features, rows: mirrored }).unit, mirroredUnit) > 1 - 1e-4);
  });
}

test('mean_difference is the mean of the positives minus that of the negatives', () => {
  const rows = zeros(5, 2);
  rows.data.set([1, 2, /**/ 10, 20, /**/ 3, -6, /**/ 0, 1, /**/ -4, 0]);
  // (1, 2), (3, -6) -> (2, -2); (10, 20), (0, 1), (-4, 0) -> (2, 7)
  const difference = differenceOfMeans({ rows, labels: Float64Array.of(1, 0, 1, 0, 0) });
  assert.ok(Math.hypot((difference[0] as number) - 0, (difference[1] as number) + 9) < 1e-12);
});

test('soft labels teach the methods that say so, and only settle the sign of the others', () => {
  const { features } = syntheticExamples({ soft: true, n: 100 });
  const hard = { ...features, softLabels: null };
  for (const method of ['rfm', 'logistic', 'linear'] as const)
    assert.notDeepEqual(fit(method, features).unit, fit(method, hard).unit);
  for (const method of ['mean_difference', 'pca'] as const)
    assert.deepEqual(fit(method, features).unit, fit(method, hard).unit);
});

test('what is held out is the last fifth in pairs, with both classes, and does not teach', () => {
  for (const n of [20, 101, 400]) {
    const { features } = syntheticExamples({ n, positives: Math.floor(n / 2), hiddenSize: 4 });
    const { training, validation, heldOut } = splitRows(features);
    assert.ok(heldOut);
    assert.equal(training.labels.length % 2, 0);
    assert.equal(training.labels.length + validation.labels.length, n);
    assert.ok(Math.abs(validation.labels.length - n / 5) <= 1.2);
    const positives = validation.labels.reduce((sum, label) => sum + label, 0);
    assert.ok(Math.abs(2 * positives - validation.labels.length) <= 1);
  }
  const { features } = syntheticExamples({ n: 400, hiddenSize: 4 });
  const rows = features.rows.map((x, i) => (i >= 320 * 4 ? -x : x));
  assert.deepEqual(splitRows({ ...features, rows }).training, splitRows(features).training);
});

test('classes of different sizes are spread evenly, pairs stay pairs', () => {
  const pairedOrder = (labels: Float32Array) => placedRows(labels).map(({ index }) => index);
  assert.deepEqual(pairedOrder(Float32Array.of(1, 0, 1, 0)), [0, 1, 2, 3]);
  assert.deepEqual(pairedOrder(Float32Array.of(1, 1, 0, 0)), [0, 2, 1, 3]);
  assert.deepEqual(pairedOrder(Float32Array.of(0, 0, 1, 1)), [2, 0, 3, 1]);
  const labels = Float32Array.from({ length: 12 }, (_, i) => (i < 3 ? 1 : 0));
  const places = pairedOrder(labels).flatMap((index, place) => (index < 3 ? [place] : []));
  assert.deepEqual(places, [1, 5, 9]);
});
