import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { createConcept } from '../../src/concepts/concept.js';
import { entryOf } from '../../src/concepts/stored-concept.js';
import { ConceptList, ConceptObject } from '../../src/schemas/concepts.js';
import { conceptPage, toConceptObject } from '../../src/server/concept-object.js';
import { sampleConcept, sampleReadings } from '../concepts/sample.js';

test('a concept as HTTP shows it is valid JSON of the schema and leaves nothing out but the vectors', () => {
  const concept = sampleConcept('ocean', { details: { questions: 32 } });
  const object = toConceptObject({ concept, source: 'data', createdAt: 1_700_000_000 });
  assert.deepEqual(ConceptObject.parse(JSON.parse(JSON.stringify(object))), object);
  assert.equal(object.id, 'ocean');
  assert.equal(object.version, concept.version);
  assert.deepEqual(Float32Array.from(object.calibration.coefficients), concept.calibration.coefficients);
  assert.deepEqual(Float32Array.from(object.residual_norms), concept.residualNorms);
  assert.deepEqual(object.details, { questions: 32 });
  assert.equal(object.readings, null);
  const read = createConcept({ ...concept, readings: sampleReadings() });
  const shown = toConceptObject({ concept: read, source: 'data', createdAt: 1_700_000_000 });
  assert.deepEqual(ConceptObject.parse(JSON.parse(JSON.stringify(shown))), shown);
  assert.deepEqual(shown.readings?.clamp, { layers: [1, 2], unit: [0, 4, 6, 8] });
  assert.deepEqual([shown.readings?.best_layer, shown.readings?.told_by], [3, 'message']);
  ConceptList.parse({ object: 'list', data: [object], has_more: false, next: null });
});

test('lists too show what strength means, where it was measured', () => {
  const shownWith = (details: Readonly<Record<string, unknown>>) => {
    const concept = sampleConcept('ocean');
    const calibrated = createConcept({ ...concept, calibration: { ...concept.calibration, details } });
    const object = toConceptObject({ concept: calibrated, source: 'data', createdAt: 1_700_000_000 });
    const [entry] = ConceptList.parse({ object: 'list', data: [object], has_more: false, next: null }).data;
    return { weak: entry?.weak, max_strength: entry?.max_strength };
  };
  assert.deepEqual(shownWith({ weak: true, max_strength: 1.5 }), { weak: true, max_strength: 1.5 });
  assert.deepEqual(shownWith({ max_strength: 2 }), { weak: undefined, max_strength: 2 });
  assert.deepEqual(shownWith({ share: 0.012 }), { weak: undefined, max_strength: undefined });
});

test('warnings are those of the fit and those of the calibration', () => {
  const concept = sampleConcept('ocean', { details: { warnings: ['A text was left out.'] } });
  const shown = (details: Readonly<Record<string, unknown>>) =>
    toConceptObject({
      concept: createConcept({ ...concept, calibration: { ...concept.calibration, details } }),
      source: 'data',
      createdAt: 1,
    }).warnings;
  assert.deepEqual(shown({ weak: false }), ['A text was left out.']);
  const [first, second] = shown({ weak: true }) ?? [];
  assert.equal(first, 'A text was left out.');
  assert.match(second ?? '', /Strength 1 shows little/);
});

test('the example of the schema is valid, and the schema has a JSON Schema', () => {
  ConceptObject.parse(ConceptObject.meta()?.example);
  assert.equal(z.toJSONSchema(ConceptObject).$defs?.Concept?.type, 'object');
});

test('a list reads each version once, and tells of each as it is now', async () => {
  const stored = (seed: number, createdAt: number) =>
    ({ concept: sampleConcept('listed', { seed }), source: 'data', createdAt }) as const;
  let now = stored(1, 5);
  let read = 0;
  const concepts = {
    list: () => [entryOf(now)],
    load: async () => {
      read++;
      return now;
    },
  };
  const listed = async () => (await conceptPage(concepts, { limit: 10, after: undefined }, 'tiny')).data;
  const shown = (of: typeof now) => ConceptList.shape.data.parse([toConceptObject(of)]);
  for (const [which, reads] of [
    [stored(1, 5), 1],
    [stored(1, 9), 1],
    [stored(2, 9), 2],
  ] as const) {
    now = which;
    assert.deepEqual(await listed(), shown(now));
    assert.equal(read, reads);
  }
});
