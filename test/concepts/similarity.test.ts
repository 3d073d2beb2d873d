import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareConcepts } from '../../src/concepts/compare-concepts.js';
import type { Concept } from '../../src/concepts/concept.js';
import { negateConcept, scaleConcept } from '../../src/concepts/concept-algebra.js';
import type { ConceptLibrary } from '../../src/concepts/concept-lookup.js';
import { knownCosines, layerCosines, similarity } from '../../src/concepts/similarity.js';
import { SteerdError } from '../../src/errors.js';
import { mostCompared } from '../../src/schemas/concepts.js';
import { sampleConcept } from './sample.js';

const a = sampleConcept('a', { seed: 1 });
const b = sampleConcept('b', { seed: 2 });
const c = sampleConcept('c', { seed: 3 });

/** Without what only the store has. */
function library(concepts: readonly Concept[]): ConceptLibrary {
  const unused = () => assert.fail();
  return {
    list: unused,
    find: unused,
    versions: unused,
    async load(_, name) {
      const concept = concepts.find((one) => one.name === name);
      return concept && { concept, source: 'data', createdAt: 1 };
    },
    names: () => concepts.map(({ name }) => name),
    modelsWith: () => [],
    put: unused,
    delete: unused,
    rename: unused,
    restore: unused,
  };
}

const compare = (
  concepts: readonly Concept[],
  query: { concepts?: string[]; detail?: 'mean' | 'layers' } = {},
) =>
  compareConcepts(
    library(concepts),
    'tiny',
    { concepts: query.concepts, detail: query.detail ?? 'mean' },
    new AbortController().signal,
  );

test('a cosine is symmetric, 1 with itself, and asks for neither length nor strength', () => {
  assert.deepEqual(layerCosines(a, b), layerCosines(b, a));
  assert.deepEqual([...layerCosines(a, a)], [Number.NaN, 1, 1, 1]);
  assert.equal(similarity(a, a), 1);
  assert.ok(Math.abs((similarity(a, b) ?? 0) + (similarity(negateConcept(a), b) ?? 0)) < 1e-12);
  const longer = { ...a, vectors: a.vectors.map((value) => 4 * value) };
  assert.deepEqual(layerCosines(longer, b), layerCosines(a, b));
  assert.equal(similarity(scaleConcept(a, 0.1), b), similarity(a, b));
});

test('the mean is over the blocks that both steer; without any, over those where both have a vector', () => {
  const cosines = layerCosines(a, b);
  const steering = (...coefficients: number[]): Concept => ({
    ...a,
    calibration: { ...a.calibration, coefficients: Float32Array.from(coefficients) },
  });
  assert.equal(similarity(steering(0, 0, 1, 0), b), cosines[2]);
  assert.equal(
    similarity(steering(0, 1, 0, 5), b),
    ((cosines[1] ?? 0) + (cosines[3] ?? 0)) / 2,
    'a plain mean: the larger coefficient has no more say',
  );
  const all = ((cosines[1] ?? 0) + (cosines[2] ?? 0) + (cosines[3] ?? 0)) / 3;
  assert.equal(similarity(steering(0, 0, 0, 0), b), all);
  assert.equal(similarity(steering(1, 0, 0, 0), b), all, 'a coefficient without a vector steers nothing');
  assert.equal(similarity(a, sampleConcept('wide', { hiddenSize: 16 })), null);
});

test('cosines that are kept are those that are computed, in either order', () => {
  const named = [a, b, c].map((concept) => ({ ...concept, id: concept.version }));
  for (const round of [1, 2]) {
    for (const x of named) {
      for (const y of named) assert.deepEqual(knownCosines(x, y), layerCosines(x, y), `round ${round}`);
    }
  }
});

test('a comparison is a symmetric matrix with ones, null where there is nothing to compare', async () => {
  const wide = sampleConcept('wide', { hiddenSize: 16 });
  const told = await compare([a, b, c, wide], { detail: 'layers' });
  assert.deepEqual(
    told.concepts.map(({ name }) => name),
    ['a', 'b', 'c', 'wide'],
  );
  const matrices = [told.cosine, ...(told.layers ?? []).map(({ cosine }) => cosine)];
  assert.equal(matrices.length, 4, 'the mean, and blocks 1 to 3');
  for (const matrix of matrices) {
    matrix.forEach((row, i) => {
      assert.equal(row[i], 1);
      row.forEach((value, j) => {
        assert.equal(value, matrix[j]?.[i]);
      });
    });
    assert.deepEqual(matrix[3], [null, null, null, 1]);
  }
  assert.ok(Math.abs((told.cosine[0]?.[1] ?? 0) - (similarity(a, b) ?? 9)) <= 5e-7);
  const second = told.layers?.find(({ layer }) => layer === 2)?.cosine[1]?.[2];
  assert.ok(Math.abs((second ?? 9) - (layerCosines(b, c)[2] ?? 0)) <= 5e-7);
  assert.equal((await compare([a, b])).layers, undefined);
});

test('overlaps are the pairs beyond one half, in either direction, the closest first', async () => {
  const opposite = negateConcept(a, 'opposite');
  const half = { ...a, name: 'half', vectors: a.vectors.map((x, i) => 0.8 * x + 0.6 * (b.vectors[i] ?? 0)) };
  const told = await compare([a, half, opposite]);
  assert.deepEqual(told.overlaps[0], { concepts: ['a', 'opposite'], cosine: -1 });
  assert.equal(told.overlaps.length, 3);
  for (const { concepts, cosine } of told.overlaps) {
    const [i, j] = concepts.map((name) => told.concepts.findIndex((concept) => concept.name === name));
    assert.equal(told.cosine[i ?? 9]?.[j ?? 9], cosine);
  }
  assert.deepEqual((await compare([a])).overlaps, []);
});

test('concepts come in the order they were named; unknown ones and too many are refused', async () => {
  const told = await compare([a, b, c], { concepts: ['c', 'a'] });
  assert.deepEqual(
    told.concepts.map(({ name, version }) => [name, version]),
    [
      ['c', c.version],
      ['a', a.version],
    ],
  );
  const refused = (error: unknown) => error instanceof SteerdError && error.param === 'concepts';
  await assert.rejects(compare([a, b], { concepts: ['a', 'nobody'] }), refused);
  const many = Array.from({ length: mostCompared + 1 }, (_, i) => ({ ...a, name: `c${i}` }));
  await assert.rejects(compare(many), refused);
  assert.equal((await compare(many, { concepts: ['c1', 'c2'] })).cosine[0]?.[1], 1);
});
