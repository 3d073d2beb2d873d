import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SteerdError } from '../../src/errors.js';
import { fitLayer, type LayerTask } from '../../src/fitting/fit-layer.js';
import { fitLayers } from '../../src/fitting/fit-layers.js';
import { Products } from '../../src/fitting/linear-algebra/products.js';
import { syntheticExamples } from './methods/synthetic-examples.js';

const none = new AbortController().signal;
const task = (layer: number, change: Partial<LayerTask['features']> = {}): LayerTask => ({
  layer,
  method: 'rfm',
  features: { ...syntheticExamples({ seed: layer, n: 40 }).features, ...change },
});
const threads = () => process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort').length;

test('layers come back in their order, as one thread alone would fit them', async () => {
  const before = threads();
  const tasks = [5, 2, 9, 4, 1].map((layer) => task(layer));
  const heard: number[] = [];
  const fits = await fitLayers(tasks, none, ({ layer, seconds }) => {
    assert.ok(seconds > 0);
    heard.push(layer);
  });
  assert.deepEqual(
    fits.map(({ layer }) => layer),
    [5, 2, 9, 4, 1],
  );
  assert.deepEqual([...heard].sort(), [1, 2, 4, 5, 9]);
  const products = await Products.open();
  for (const [i, fit] of fits.entries()) {
    const alone = fitLayer(tasks[i] as LayerTask, products);
    assert.deepEqual(fit.unit, alone.unit);
    assert.deepEqual(fit.record, alone.record);
  }
  products.release();
  assert.equal(threads(), before);
});

test('no layers are no work', async () => {
  assert.deepEqual(await fitLayers([], none), []);
});

test('the first refusal in the order of the layers is the one thrown', async () => {
  const nan = () => {
    const rows = syntheticExamples({ n: 40 }).features.rows.slice();
    rows[0] = Number.NaN;
    return { rows };
  };
  for (let round = 0; round < 3; round++) {
    await assert.rejects(
      fitLayers([task(1), task(2, nan()), task(3, nan()), task(4)], none),
      (error: unknown) =>
        error instanceof SteerdError && error.code === 'fit_impossible' && /layer 2 /.test(error.message),
    );
  }
});

test('an abort ends the layers in work, starts no other and leaves no thread', async () => {
  const before = threads();
  const controller = new AbortController();
  const { features } = syntheticExamples({ n: 400, hiddenSize: 600 });
  const tasks = Array.from({ length: 12 }, (_, layer): LayerTask => ({ layer, method: 'rfm', features }));
  const heard: number[] = [];
  await assert.rejects(
    fitLayers(tasks, controller.signal, ({ layer }) => {
      heard.push(layer);
      controller.abort();
    }),
    { name: 'AbortError' },
  );
  // One layer was done; those beside it were cut short, or just through.
  assert.ok(heard.length >= 1 && heard.length < 6, `${heard.length} layers`);
  assert.equal(threads(), before);
  await assert.rejects(fitLayers(tasks, controller.signal), { name: 'AbortError' });
});
