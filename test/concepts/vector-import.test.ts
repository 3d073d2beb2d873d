/** Vectors from elsewhere become concepts that add exactly what the files say. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import { type Concept, createConcept } from '../../src/concepts/concept.js';
import { encodeConcept } from '../../src/concepts/concept-file.js';
import { directionsOf, encodeControlVector } from '../../src/concepts/control-vector.js';
import { encodeGguf } from '../../src/concepts/gguf.js';
import { decodeSafetensors, encodeSafetensors } from '../../src/concepts/safetensors.js';
import { toConceptVectors } from '../../src/concepts/vector-exchange.js';
import { askedFormat, formatOfBytes } from '../../src/concepts/vector-formats.js';
import { type ImportTarget, importVectors } from '../../src/concepts/vector-import.js';
import { SteerdError } from '../../src/errors.js';
import { sampleConcept, sampleReadings } from './sample.js';

const target: ImportTarget = {
  name: 'calm',
  model: 'tiny',
  modelFingerprint: 'f'.repeat(64),
  modelType: 'llama',
  layers: 4,
  hiddenSize: 8,
  force: false,
};
const row = (length: number) => Float32Array.from({ length: 8 }, (_, i) => (i === 2 ? length : 0));
const controlVector = (rows: Record<string, Float32Array>, hint = 'llama') =>
  encodeGguf(
    { 'general.architecture': 'controlvector', 'controlvector.model_hint': hint },
    new Map(Object.entries(rows)),
  );

function refused(code: string, message: RegExp, work: () => unknown): void {
  assert.throws(
    work,
    (error: unknown) =>
      error instanceof SteerdError &&
      error.code === code &&
      error.status === 400 &&
      message.test(error.message),
    `${code} ${message}`,
  );
}

test("repeng's control vector imports to the exact vectors, at coefficient 1", () => {
  const bytes = readFileSync(join(packageRoot, 'test/fixtures/control-vector-repeng.gguf'));
  const expected = decodeSafetensors(
    readFileSync(join(packageRoot, 'test/fixtures/spiders-mean-difference.safetensors')),
  )
    .tensors.get('vectors.mean_difference')
    ?.toFloat32();
  const concept = importVectors(bytes, 'gguf', { ...target, layers: 30, hiddenSize: 576 });
  assert.deepEqual(Float32Array.from(concept.vectors), expected);
  assert.deepEqual(
    [...concept.calibration.coefficients],
    Array.from({ length: 30 }, (_, layer) => (layer === 0 ? 0 : 1)),
  );
  // And out again, byte for byte what the directions were.
  const again = importVectors(encodeControlVector(concept, 'llama'), 'gguf', {
    ...target,
    layers: 30,
    hiddenSize: 576,
  });
  assert.deepEqual(again.vectors, concept.vectors);
});

test('a vector of any length becomes a unit vector with that length as coefficient', () => {
  const concept = importVectors(
    controlVector({ 'direction.2': row(-7.5), 'direction.3': row(0) }),
    'gguf',
    target,
  );
  assert.deepEqual([...concept.calibration.coefficients], [0, 0, 7.5, 0]);
  assert.deepEqual(concept.vectors.slice(16, 24), row(-1));
  const lengths = Float32Array.from({ length: 8 }, (_, i) => 1.7 ** i - 3);
  const odd = importVectors(controlVector({ 'direction.1': lengths }), 'gguf', target);
  directionsOf(odd)
    .get(1)
    ?.forEach((value, i) => {
      const wanted = lengths[i] ?? 0;
      assert.ok(Math.abs(value - wanted) <= 3 * 2 ** -24 * Math.abs(wanted), `${value} for ${wanted}`);
    });
});

test('each format carries a concept there and back: safetensors and JSON whole, GGUF its directions', () => {
  const concept = sampleConcept('calm');
  const read = createConcept({ ...concept, readings: sampleReadings() });
  for (const whole of [concept, read]) {
    const same = (other: Concept) => assert.equal(other.version, whole.version);
    same(importVectors(encodeConcept(whole), 'safetensors', target));
    for (const encoding of ['float', 'base64'] as const) {
      const json = JSON.parse(JSON.stringify(toConceptVectors(whole, encoding)));
      same(importVectors(json, 'json', target));
    }
  }
  const elsewhere = { ...target, modelFingerprint: 'e'.repeat(64), force: true };
  const json = JSON.parse(JSON.stringify(toConceptVectors(read, 'float')));
  for (const moved of [
    importVectors(encodeConcept(read), 'safetensors', elsewhere),
    importVectors(json, 'json', elsewhere),
  ]) {
    assert.equal(moved.readings, null, 'another export reads other numbers');
  }
  const wanted = directionsOf(concept);
  const back = directionsOf(importVectors(encodeControlVector(concept, 'llama'), 'gguf', target));
  for (const [layer, direction] of wanted) {
    direction.forEach((value, i) => {
      assert.ok(Math.abs((back.get(layer)?.[i] ?? 0) - value) <= 2 ** -21, `${layer} ${i}`);
    });
  }
  const renamed = importVectors(encodeConcept(concept), 'safetensors', { ...target, name: 'other' });
  assert.equal(renamed.name, 'other');
  assert.notEqual(renamed.version, concept.version);
});

test('safetensors of others: a matrix, or a tensor a layer', () => {
  const data = new Float32Array(32);
  data.set(row(2), 8);
  const matrix = encodeSafetensors({ vectors: { dtype: 'F32', shape: [4, 8], data } });
  const perLayer = encodeSafetensors({ 'layer.1': { dtype: 'F32', shape: [1, 8], data: row(2) } });
  for (const bytes of [matrix, perLayer]) {
    const concept = importVectors(bytes, 'safetensors', target);
    assert.deepEqual([...concept.calibration.coefficients], [0, 2, 0, 0]);
  }
  refused('vectors_mismatch', /4 rows, and the model 3/, () =>
    importVectors(matrix, 'safetensors', { ...target, layers: 3 }),
  );
  const odd = encodeSafetensors({ bias: { dtype: 'F32', shape: [8], data: row(1) } });
  refused('vectors_invalid', /tensor "bias"/, () => importVectors(odd, 'safetensors', target));
});

test('what does not fit or cannot be read is refused with the reason', () => {
  const gguf = (rows: Record<string, Float32Array>, hint?: string) => () =>
    importVectors(controlVector(rows, hint), 'gguf', target);
  refused(
    'vectors_mismatch',
    /block 1 has 3 numbers, and the model's width is 8/,
    gguf({ 'direction.1': row(1).slice(0, 3) }),
  );
  refused('vectors_mismatch', /block 4, and the model's are 0 to 3/, gguf({ 'direction.4': row(1) }));
  refused(
    'vectors_mismatch',
    /type "qwen3", and this is a llama.*force/,
    gguf({ 'direction.1': row(1) }, 'qwen3'),
  );
  refused('vectors_invalid', /number 2 of block 1's vector is NaN/, gguf({ 'direction.1': row(Number.NaN) }));
  refused(
    'vectors_invalid',
    /number 2 of block 1's vector is Infinity/,
    gguf({ 'direction.1': row(Infinity) }),
  );
  refused('vectors_invalid', /no vector that is not zero/, gguf({ 'direction.1': row(0) }));
  const bytes = encodeConcept(sampleConcept('calm'));
  for (const cut of [4, 100, bytes.length - 1]) {
    refused('vectors_invalid', /./, () => importVectors(bytes.subarray(0, cut), 'safetensors', target));
  }
  const elsewhere = { ...target, modelFingerprint: 'e'.repeat(64) };
  refused('vectors_mismatch', /another export/, () => importVectors(bytes, 'safetensors', elsewhere));
  assert.equal(
    importVectors(bytes, 'safetensors', { ...elsewhere, force: true }).modelFingerprint,
    'e'.repeat(64),
  );
  refused('invalid_value', /vectors\.1 must be the base64/, () =>
    importVectors({ vectors: { 1: 'not base64!' } }, 'json', target),
  );
  refused('invalid_value', /block number/, () => importVectors({ vectors: { '-1': [1] } }, 'json', target));
  refused('vectors_invalid', /coefficients has 2 numbers for 4 blocks/, () =>
    importVectors({ vectors: { 1: [...row(1)] }, coefficients: [1, 2] }, 'json', target),
  );
});

test('the format: query first, then type, then the bytes themselves', () => {
  assert.equal(askedFormat('gguf', 'application/json'), 'gguf');
  assert.equal(askedFormat(undefined, 'text/html, application/vnd.gguf;q=0.9'), 'gguf');
  assert.equal(askedFormat(undefined, 'application/octet-stream'), 'safetensors');
  assert.equal(askedFormat(undefined, '*/*'), 'json');
  assert.equal(formatOfBytes(undefined, 'application/octet-stream', Buffer.from('GGUF....')), 'gguf');
  assert.equal(
    formatOfBytes(undefined, 'application/octet-stream', Buffer.from('12345678{}')),
    'safetensors',
  );
  refused('vectors_invalid', /content-type says gguf/, () =>
    formatOfBytes('safetensors', 'application/x-gguf', Buffer.from('')),
  );
});
