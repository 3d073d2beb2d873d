import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Concept, createConcept } from '../../src/concepts/concept.js';
import {
  addConcepts,
  type ConceptTerm,
  composeConcepts,
  negateConcept,
  scaleConcept,
} from '../../src/concepts/concept-algebra.js';
import { SteerdError } from '../../src/errors.js';
import { sampleConcept } from './sample.js';

const a = sampleConcept('a', { seed: 1 });
const b = sampleConcept('b', { seed: 2 });
const c = sampleConcept('c', { seed: 3 });

/** What a concept adds to the residual stream at a strength: [L * H]. */
function direction(concept: Concept, strength = 1): number[] {
  return Array.from(
    concept.vectors,
    (value, i) =>
      strength * (concept.calibration.coefficients[Math.floor(i / concept.hiddenSize)] ?? 0) * value,
  );
}

function assertClose(actual: number[], expected: number[]) {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) => {
    assert.ok(Math.abs(value - (expected[i] ?? 0)) < 1e-6, `[${i}] ${value} is not ${expected[i]}`);
  });
}

const sum = (x: number[], y: number[]) => x.map((value, i) => value + (y[i] ?? 0));

test('strength 1 of a scaled concept is that strength of the concept', () => {
  for (const factor of [2, 0.25, -3, 0])
    assertClose(direction(scaleConcept(a, factor)), direction(a, factor));
  assertClose(direction(scaleConcept(scaleConcept(a, 2), 3)), direction(scaleConcept(a, 6)));
  assert.deepEqual(scaleConcept(a, 2).vectors, a.vectors, 'unit vectors stay');
});

test('a negated concept is strength -1, twice negated is the concept', () => {
  assertClose(direction(negateConcept(a)), direction(a, -1));
  assertClose(direction(negateConcept(a)), direction(scaleConcept(a, -1)));
  assert.deepEqual(negateConcept(negateConcept(a)).vectors, a.vectors);
});

test('the direction of a sum is the sum of the directions', () => {
  assertClose(direction(addConcepts(a, b)), sum(direction(a), direction(b)));
  assertClose(direction(addConcepts(a, b)), direction(addConcepts(b, a)));
  assertClose(direction(addConcepts(addConcepts(a, b), c)), direction(addConcepts(a, addConcepts(b, c))));
  assertClose(direction(addConcepts(a, a)), direction(scaleConcept(a, 2)));
  assertClose(direction(scaleConcept(addConcepts(a, b), 3)), sum(direction(a, 3), direction(b, 3)));
});

test('a concept and its opposite cancel to nothing, and nothing changes nothing', () => {
  const nothing = addConcepts(a, negateConcept(a));
  assert.ok(nothing.calibration.coefficients.every((coefficient) => coefficient === 0));
  assert.ok(nothing.vectors.every((value) => value === 0));
  assertClose(direction(addConcepts(b, nothing)), direction(b));
});

test('results are concepts with unit rows that remember their sources', () => {
  const both = addConcepts(a, b, 'both');
  assert.equal(both.name, 'both');
  for (let layer = 1; layer < both.layers; layer++) {
    const row = both.vectors.subarray(layer * both.hiddenSize, (layer + 1) * both.hiddenSize);
    assert.ok(Math.abs(row.reduce((total, value) => total + value * value, 0) - 1) < 1e-5);
  }
  assert.deepEqual(both.record.details.of, [
    { name: 'a', version: a.version },
    { name: 'b', version: b.version },
  ]);
  assert.notEqual(scaleConcept(a, 2).version, a.version);
});

test('what is told of a result is what its parts are told by, and nothing of what is turned round', () => {
  const saying = (prefix: string) => createConcept({ ...a, record: { ...a.record, prefix } });
  const [glad, calm, silent, blank] = ['Be glad.', 'Be calm.', '', ' \n'].map(saying) as [
    Concept,
    Concept,
    Concept,
    Concept,
  ];
  const composed = (...terms: [ConceptTerm, ...ConceptTerm[]]) => composeConcepts(terms, 'c').record.prefix;
  const term = (concept: Concept, weight: number) => ({ concept, weight });
  assert.equal(composed(term(glad, 1), term(calm, 0.5)), 'Be glad.\nBe calm.');
  assert.equal(composed(term(silent, 1), term(blank, 1)), '');
  assert.equal(composed(term(silent, 1), term(glad, 1)), 'Be glad.');
  assert.equal(composed(term(glad, 2), term(calm, -0.5)), 'Be glad.');
  assert.equal(addConcepts(silent, blank).record.prefix, '');
  assert.equal(negateConcept(glad).record.prefix, '');
  assert.equal(scaleConcept(glad, 2).record.prefix, 'Be glad.');
  assert.equal(scaleConcept(glad, -2).record.prefix, '');
});

test('concepts of different models do not add, and factors are finite', () => {
  const others = [
    sampleConcept('x', { model: 'other' }),
    sampleConcept('x', { layers: 5 }),
    sampleConcept('x', { hiddenSize: 4 }),
  ];
  for (const other of others) assert.throws(() => addConcepts(a, other), SteerdError);
  for (const factor of [Number.NaN, Infinity, 1e39])
    assert.throws(() => scaleConcept(a, factor), SteerdError);
});
