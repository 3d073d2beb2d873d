import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Concept, createConcept } from '../../src/concepts/concept.js';
import { composeConcepts, scaleConcept } from '../../src/concepts/concept-algebra.js';
import { type SharedPart, withoutSharedPart } from '../../src/concepts/shared-part.js';
import { layerCosines } from '../../src/concepts/similarity.js';
import { SteerdError } from '../../src/errors.js';
import { sampleConcept, sampleReadings } from './sample.js';

const a = sampleConcept('a', { seed: 1 });
const b = sampleConcept('b', { seed: 2 });
const c = sampleConcept('c', { seed: 3 });

const without = (concept: Concept, of: readonly Concept[], as: SharedPart['as'] = 'span') =>
  withoutSharedPart(concept, { of, as, field: 'orthogonalize_to' }, new AbortController().signal);

/** Mean over the steered blocks of |push| / |residual| at strength 1. */
function share({ calibration: { coefficients }, residualNorms }: Concept): number {
  return coefficients.reduce((sum, x, layer) => sum + Math.abs(x) / (residualNorms[layer] ?? 1), 0) / 3;
}

const assertRightAngles = (x: Concept, y: Concept) => {
  for (const cosine of layerCosines(x, y).subarray(1)) assert.ok(Math.abs(cosine) < 1e-6, `${cosine}`);
};

test('no direction of the others is left, and the push is as large as it was', async () => {
  const alone = await without(a, [b, c]);
  for (const other of [b, c]) assertRightAngles(alone, other);
  assert.ok(Math.abs(share(alone) / share(a) - 1) < 1e-6);
  assert.ok(
    layerCosines(alone, a)
      .subarray(1)
      .every((cosine) => cosine > 0.1),
    'it is still of a',
  );
  const once = await without(a, [b]);
  const twice = await without(once, [b]);
  twice.vectors.forEach((value, i) => {
    assert.ok(Math.abs(value - (once.vectors[i] ?? 0)) < 1e-6, 'taking out again changes nothing');
  });
});

test('what was read along the old directions is not kept for the new ones', async () => {
  const read = createConcept({ ...a, readings: sampleReadings() });
  assert.equal((await without(read, [b])).readings, null);
  for (const made of [scaleConcept(read, 2), composeConcepts([{ concept: read, weight: 1 }], 'one')]) {
    assert.equal(made.readings, null);
  }
});

test('of the push a block keeps what is left of its direction', async () => {
  const alone = await without(a, [b]);
  const kept = layerCosines(a, b).map((cosine) => Math.sqrt(1 - cosine ** 2));
  const ratios = [1, 2, 3].map(
    (layer) =>
      (alone.calibration.coefficients[layer] ?? 0) /
      ((a.calibration.coefficients[layer] ?? 0) * (kept[layer] ?? 0)),
  );
  for (const ratio of ratios) assert.ok(Math.abs(ratio / (ratios[0] ?? 0) - 1) < 1e-5, `${ratios}`);
});

test('it asks for neither order, sign nor strength of the others', async () => {
  const first = await without(a, [b, c]);
  for (const others of [
    [c, b],
    [scaleConcept(b, -3), c],
    [b, c, b],
  ]) {
    const same = await without(a, others);
    same.vectors.forEach((value, i) => {
      assert.ok(Math.abs(value - (first.vectors[i] ?? 0)) < 1e-6);
    });
  }
});

test('their mean is one direction: the others themselves may stay', async () => {
  const mean: Concept = {
    ...b,
    vectors: b.vectors.map((value, i) => (value + (c.vectors[i] ?? 0)) / 2),
  };
  const alone = await without(a, [b, c], 'mean');
  assertRightAngles(alone, mean);
  assert.ok(
    layerCosines(alone, b)
      .subarray(1)
      .some((cosine) => Math.abs(cosine) > 0.01),
  );
  assert.deepEqual(
    (await without(a, [b], 'mean')).vectors,
    (await without(a, [b])).vectors,
    'of one it is that one',
  );
  const opposite = scaleConcept({ ...b, vectors: b.vectors.map((value) => -value) }, 1, 'opposite');
  assert.deepEqual(
    (await without(a, [b, opposite], 'mean')).vectors,
    a.vectors,
    'what cancels takes nothing out',
  );
});

test('the record says which versions, and that nothing is measured', async () => {
  const alone = await without(composeConcepts([{ concept: a, weight: 1 }], 'alone'), [b, c], 'mean');
  assert.equal(alone.name, 'alone');
  assert.equal(alone.calibration.method, 'algebra');
  const { of, orthogonalized_to } = alone.record.details as Record<string, unknown>;
  assert.deepEqual(of, [{ name: 'a', version: a.version }]);
  const { as, concepts } = orthogonalized_to as Record<string, unknown>;
  assert.equal(as, 'mean');
  assert.deepEqual(
    concepts,
    [b, c].map(({ name, version }) => ({ name, version })),
  );
});

test('a concept of which nothing is left, and one of another model, are refused by the field', async () => {
  const refused = (of: readonly Concept[], message: RegExp) =>
    assert.rejects(
      () => without(a, of),
      (error) =>
        error instanceof SteerdError && error.param === 'orthogonalize_to' && message.test(error.message),
    );
  await refused([b, a], /leave something of a/);
  await refused(
    Array.from({ length: 8 }, (_, i) => sampleConcept(`s${i}`, { seed: 20 + i })),
    /leave something of a/,
  );
  await refused([sampleConcept('other', { model: 'other' })], /same model/);
});

test('the event loop turns meanwhile, and a signal ends it', async () => {
  const large = { layers: 8, hiddenSize: 2048 };
  const many = Array.from({ length: 60 }, (_, i) => sampleConcept(`s${i}`, { ...large, seed: 20 + i }));
  const [first, ...of] = many as [Concept, ...Concept[]];
  const controller = new AbortController();
  const work = withoutSharedPart(first, { of, as: 'span', field: 'orthogonalize_to' }, controller.signal);
  setImmediate(() => controller.abort(new Error('enough')));
  await assert.rejects(work, /enough/);
});
