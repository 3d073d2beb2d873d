import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fitLayer } from '../../../src/fitting/fit-layer.js';
import { Products } from '../../../src/fitting/linear-algebra/products.js';
import type { LayerFeatures } from '../../../src/fitting/methods/labelled-rows.js';
import { cosine, syntheticExamples } from './synthetic-examples.js';

describe('rfm with more rows than teach', () => {
  let products: Products;
  before(async () => {
    products = await Products.open();
  });
  after(() => products.release());
  const fit = (features: LayerFeatures) => fitLayer({ layer: 3, method: 'rfm', features }, products);

  test('is taught by a sample of many rows, says so, and turns with its labels all the same', () => {
    const { features, direction } = syntheticExamples({ n: 1200, hiddenSize: 12 });
    const { unit, record } = fit(features);
    assert.deepEqual([record.taught_rows, record.of_rows, record.held_out], [820, 960, 240]);
    assert.ok(cosine(unit, direction) > 0.9, `${cosine(unit, direction)}`);
    const swapped = fit({ ...features, labels: features.labels.map((label) => 1 - label) }).unit;
    assert.ok(cosine(unit, swapped) < -1 + 1e-6);
    assert.equal(fit(syntheticExamples({ n: 100 }).features).record.taught_rows, undefined);
  });
});
