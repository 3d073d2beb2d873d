import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fitLayer } from '../../../src/fitting/fit-layer.js';
import { pickRows, transposed, weightedRowSum } from '../../../src/fitting/linear-algebra/matrix.js';
import { Products } from '../../../src/fitting/linear-algebra/products.js';
import { learnedFeatures } from '../../../src/fitting/methods/agop.js';
import { splitRows } from '../../../src/fitting/methods/labelled-rows.js';
import { spanOf } from '../../../src/fitting/methods/span.js';
import { cosine, referenceFit } from './synthetic-examples.js';

const reference = referenceFit();
let products: Products;
before(async () => {
  products = await Products.open();
});
after(() => products.release());

for (const method of ['rfm', 'mean_difference', 'pca'] as const) {
  test(`${method} gives the reference's vectors`, () => {
    for (const layer of reference.layers) {
      const { unit, record } = fitLayer({ layer, method, features: reference.features(layer) }, products);
      // Not its absolute value: the sign is part of the method.
      assert.ok(cosine(unit, reference.vector(method, layer)) > 0.9999, `layer ${layer}`);
      assert.equal(record.held_out, 80);
      if (method !== 'rfm') continue;
      assert.ok(Math.abs((record.validation_r as number) - reference.validationR(layer)) < 1e-4);
    }
  });
}

test('the regressions predict the held-out soft labels at least as well as the class means do', () => {
  for (const layer of reference.layers) {
    const features = reference.features(layer);
    const r = (method: 'mean_difference' | 'logistic' | 'linear') =>
      fitLayer({ layer, method, features }, products).record.validation_r as number;
    const means = r('mean_difference');
    assert.ok(r('linear') > means && r('logistic') > means - 0.005, `layer ${layer}`);
  }
});

test('rfm is the same in the span of the rows as in all columns', () => {
  const { training } = splitRows(reference.features(15));
  // Few rows, so that the span is the smaller space; and the same problem with the whole space forced.
  const few = Array.from({ length: 60 }, (_, i) => i);
  const rows = pickRows(training.rows, few);
  const targets = training.targets.slice(0, few.length);
  const span = spanOf(rows, products);
  assert.ok(span.basis !== null);
  const whole = { ...span, basis: null, coordinates: rows, inner: transposed(rows) };
  const settings = { bandwidth: 10, ridge: 1e-3, rounds: 4 };
  const inSpan = [...learnedFeatures(span, targets, settings, products)];
  const inWhole = [...learnedFeatures(whole, targets, settings, products)];
  assert.deepEqual(
    inSpan.map(({ round }) => round),
    [2, 3, 4],
  );
  for (const [i, { coordinates }] of inSpan.entries()) {
    const other = inWhole[i]?.coordinates ?? [];
    assert.ok(Math.abs(cosine(weightedRowSum(rows, coordinates), other)) > 1 - 1e-9);
  }
});
