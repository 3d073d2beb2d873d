import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isConceptName } from '../../src/common/names.js';
import { type Concept, createConcept } from '../../src/concepts/concept.js';
import { encodedRows } from '../../src/concepts/message-directions.js';
import { SteerdError } from '../../src/errors.js';
import { sampleConcept, sampleFields, sampleReadings } from './sample.js';

function assertInvalid(fields: Omit<Concept, 'version'>, param: string | RegExp) {
  assert.throws(
    () => createConcept(fields),
    (error) =>
      error instanceof SteerdError &&
      error.code === 'invalid_value' &&
      (typeof param === 'string' ? error.param === param : param.test(error.param ?? '')),
    `expected ${param}`,
  );
}

test('names: letters of any script, digits, and a few signs that aliases and paths do not use', () => {
  const good = [
    'pirate',
    'a',
    '7',
    'São Paulo',
    "l'amour",
    'très-calme_2.0',
    'हिन्दी',
    '海賊',
    'a'.repeat(128),
    '𝒜'.repeat(128),
  ];
  const bad = [
    '',
    ' a',
    'a ',
    '.',
    '../a',
    '-a',
    'a@b',
    'a:b',
    'a+b',
    'a/b',
    'a\\b',
    'a\nb',
    'a\0',
    'a,b',
    'a'.repeat(129),
  ];
  for (const name of good) assert.ok(isConceptName(name), name);
  for (const name of bad) assert.ok(!isConceptName(name), JSON.stringify(name));
  assert.ok(isConceptName('caf\u00e9') && !isConceptName('cafe\u0301'), 'one spelling of one name');
  for (const name of bad) assertInvalid({ ...sampleFields('x'), name }, 'name');
});

test('the version changes with every part of the content and with nothing else', () => {
  const base = sampleFields('calm', { details: { b: 1, a: 2 } });
  const { calibration, record } = base;
  const changed = (values: Float32Array, index: number, value: number) => {
    const copy = values.slice();
    copy[index] = value;
    return copy;
  };
  const negated = base.vectors.map((value, index) => (index >= 8 && index < 16 ? -value : value));
  const variants: Omit<Concept, 'version'>[] = [
    base,
    { ...base, name: 'calmer' },
    { ...base, model: 'other' },
    { ...base, modelFingerprint: 'e'.repeat(64) },
    { ...base, vectors: negated },
    { ...base, residualNorms: changed(base.residualNorms, 1, 3) },
    { ...base, calibration: { ...calibration, coefficients: changed(calibration.coefficients, 2, 3) } },
    { ...base, calibration: { ...calibration, method: 'm' } },
    { ...base, calibration: { ...calibration, details: { x: 1 } } },
    { ...base, record: { ...record, recipe: 'r' } },
    { ...base, record: { ...record, method: 'r' } },
    { ...base, record: { ...record, prefix: 'r' } },
    { ...base, record: { ...record, seed: 99 } },
    { ...base, record: { ...record, details: { b: 1, a: 3 } } },
  ];
  const versions = variants.map((fields) => createConcept(fields).version);
  assert.equal(new Set(versions).size, variants.length);
  for (const version of versions) assert.match(version, /^[0-9a-f]{64}$/);
  const reordered = createConcept({ ...base, record: { ...record, details: { a: 2, b: 1 } } });
  assert.equal(reordered.version, versions[0]);
});

test('the same numbers in another shape are another version', () => {
  const zeros = (layers: number, hiddenSize: number) =>
    createConcept({
      ...sampleFields('flat'),
      layers,
      hiddenSize,
      vectors: new Float32Array(layers * hiddenSize),
      residualNorms: new Float32Array(layers),
      calibration: { method: 'm', coefficients: new Float32Array(layers), negativeRatio: 1, details: {} },
    });
  // L * (H + 2) numbers either way.
  assert.notEqual(zeros(2, 4).version, zeros(3, 2).version);
});

test('minus zero is zero', () => {
  const fields = sampleFields('calm');
  const vectors = fields.vectors.map((value) => (value === 0 ? -0 : value));
  assert.equal(createConcept({ ...fields, vectors }).version, createConcept(fields).version);
});

test('a concept is a copy, shared where the worker reads it, and frozen', () => {
  const details = { list: [{ x: 1 }] };
  const fields = sampleFields('calm', { details });
  const concept = createConcept(fields);
  const before = concept.vectors.slice();
  fields.vectors.fill(0);
  fields.residualNorms.fill(0);
  fields.calibration.coefficients.fill(0);
  details.list[0] = { x: 2 };
  assert.deepEqual(concept.vectors, before);
  assert.ok(concept.vectors.buffer instanceof SharedArrayBuffer);
  assert.ok(concept.residualNorms.every((norm) => norm > 0));
  assert.ok(concept.calibration.coefficients.some((coefficient) => coefficient > 0));
  assert.deepEqual(concept.record.details, { list: [{ x: 1 }] });
  assert.throws(() => Object.assign(concept, { name: 'x' }), TypeError);
  assert.throws(() => Object.assign(concept.calibration, { method: 'x' }), TypeError);
  assert.throws(() => Object.assign(concept.record.details.list as object, { 0: 1 }), TypeError);
});

test('fields that cannot be are refused by name', () => {
  const fields = sampleFields('calm');
  const { calibration, record } = fields;
  const nan = Float32Array.of(0, 1, Number.NaN, 1);
  assertInvalid({ ...fields, model: '' }, 'model');
  assertInvalid({ ...fields, model: 'a\0b' }, 'model');
  assertInvalid({ ...fields, modelFingerprint: '' }, 'model_fingerprint');
  for (const layers of [0, -1, 1.5, Number.NaN, 1e9]) assertInvalid({ ...fields, layers }, 'layers');
  assertInvalid({ ...fields, layers: 5 }, 'vectors');
  assertInvalid({ ...fields, hiddenSize: 4 }, 'vectors');
  assertInvalid({ ...fields, layers: 4096, hiddenSize: 131_072 }, 'vectors');
  assertInvalid({ ...fields, vectors: fields.vectors.map((value) => value * 1.01) }, 'vectors[1]');
  assertInvalid({ ...fields, vectors: fields.vectors.with(9, Number.NaN) }, 'vectors[9]');
  assertInvalid({ ...fields, residualNorms: new Float32Array(3) }, 'residual_norms');
  assertInvalid({ ...fields, residualNorms: nan }, 'residual_norms[2]');
  assertInvalid({ ...fields, residualNorms: Float32Array.of(1, 1, -1, 1) }, 'residual_norms');
  assertInvalid(
    { ...fields, calibration: { ...calibration, coefficients: nan } },
    'calibration.coefficients[2]',
  );
  assertInvalid(
    { ...fields, calibration: { ...calibration, details: { x: Infinity } } },
    'calibration.details',
  );
  assertInvalid(
    { ...fields, calibration: { ...calibration, method: 'm'.repeat(257) } },
    'calibration.method',
  );
  assertInvalid({ ...fields, record: { ...record, seed: -1 } }, 'record.seed');
  assertInvalid({ ...fields, record: { ...record, details: { f: new Float32Array(1) } } }, 'record.details');
});

test('rows within rounding of 1 are unit, and half-precision sources pass', () => {
  const fields = sampleFields('calm');
  createConcept({ ...fields, vectors: fields.vectors.map((value) => value * 1.0009) });
  assert.equal(sampleConcept('calm').version, createConcept(fields).version);
});

test('readings are checked by name, copied and frozen', () => {
  const fields = sampleFields('calm');
  const base = sampleReadings();
  const wrong = (change: Partial<typeof base>, param: string) =>
    assertInvalid({ ...fields, readings: { ...base, ...change } }, `readings.${param}`);
  wrong({ neutral: { ...base.neutral, mean: [1] } }, 'neutral.mean');
  wrong({ told: { ...base.told, mean: [0, Number.NaN, 0, 0] } }, 'told.mean[1]');
  wrong({ told: { ...base.told, spread: [0, -1, 0, 0] } }, 'told.spread[1]');
  wrong({ auroc: [0.5, 1.1, 1, 1] }, 'auroc[1]');
  wrong({ bestLayer: 0 }, 'best_layer');
  wrong({ bestLayer: 4 }, 'best_layer');
  wrong({ tokens: { neutral: 0, told: 1 } }, 'tokens.neutral');
  wrong({ clamp: { ...base.clamp, layers: [] } }, 'clamp.layers');
  wrong({ clamp: { ...base.clamp, layers: [2, 1] } }, 'clamp.layers');
  wrong({ clamp: { ...base.clamp, layers: [0, 1] } }, 'clamp.layers');
  wrong({ clamp: { ...base.clamp, unit: [0, 1, Number.POSITIVE_INFINITY, 1] } }, 'clamp.unit[2]');
  const ablate = { level: [0, -10, -11, -12], below: 0.2, removed: 0.7, fluency: 0.9, tried: [] };
  wrong({ ablate: { ...ablate, level: [0] } }, 'ablate.level');
  const row = fields.vectors.slice(8, 16);
  const withMessage = (vectors: Record<string, string>, level = [0, 1, 0, 0], unit = [0, 0, 0, 0]) => ({
    ablate: { ...ablate, message: { vectors, positions: 'prompt' as const, level, unit } },
  });
  const place = (key: string) => `ablate.message.vectors.${key}`;
  wrong(withMessage({ '1': 'AAAA' }), place('1'));
  wrong(withMessage(encodedRows(new Map([[4, row]]))), place('4'));
  wrong(withMessage(encodedRows(new Map([[1, row.map((value) => 2 * value)]]))), place('1'));
  wrong(withMessage(encodedRows(new Map([[1, row.fill(Number.NaN)]]))), place('1'));
  wrong(withMessage({}, [0]), 'ablate.message.level');
  wrong({ ablate: { ...ablate, removed: 1.1 } }, 'ablate.removed');
  wrong({ ablate: { ...ablate, below: Number.NaN } }, 'ablate.below');
  wrong({ ablate: { ...ablate, messageBelow: 2 } }, 'ablate.message_below');
  wrong({ ablate: { ...ablate, promptBelow: -1, promptLevel: ablate.level } }, 'ablate.prompt_below');
  wrong({ ablate: { ...ablate, promptBelow: 0.5, promptLevel: [1] } }, 'ablate.prompt_level');
  wrong({ ablate: { ...ablate, promptBelow: 0.5 } }, 'ablate.prompt_level');
  wrong({ ablate: { ...ablate, promptLevel: [0, -12, -13, -14] } }, 'ablate.prompt_below');
  wrong(withMessage({}, [0, 1, 0, 0], [0, 1, 0, 0]), 'ablate.message.unit[1]');
  wrong({ ablate: { ...ablate, tried: [{ below: 0.1, fluency: -1 }] } }, 'ablate.tried[0].fluency');
  const mean = [0, -9, -10, -11];
  const concept = createConcept({ ...fields, readings: { ...base, neutral: { ...base.neutral, mean } } });
  mean.fill(1);
  assert.deepEqual(concept.readings?.neutral.mean, [0, -9, -10, -11]);
  assert.ok(Object.isFrozen(concept.readings?.neutral.mean));
  assert.equal(createConcept({ ...concept }).version, concept.version);
});
