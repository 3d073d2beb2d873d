/** Vectors from elsewhere become concepts that add exactly what the files say. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeGguf } from '../../src/checkpoint/gguf-writer.js';
import { decodeSafetensors, encodeSafetensors } from '../../src/checkpoint/safetensors.js';
import { packageRoot } from '../../src/common/package.js';
import { type Concept, createConcept, unmeasuredMethods } from '../../src/concepts/concept.js';
import { encodeConcept } from '../../src/concepts/concept-file.js';
import { directionsOf, encodeControlVector } from '../../src/concepts/control-vector.js';
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
  const calibration = { ...concept.calibration, method: 'judged', details: { curve: [1] } };
  const read = createConcept({ ...concept, calibration, readings: sampleReadings() });
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
    assert.ok(unmeasuredMethods.includes(moved.calibration.method), 'and answers otherwise');
    assert.deepEqual(moved.calibration.details, {});
    assert.deepEqual(moved.calibration.coefficients, calibration.coefficients);
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

test("EasySteer's files load: every block from 0, and whatever they call the model", () => {
  const blocks = { 'direction.0': row(1), 'direction.1': row(2), 'direction.3': row(-1) };
  const concept = importVectors(controlVector(blocks, 'qwen2.5'), 'gguf', target);
  assert.deepEqual([...concept.calibration.coefficients], [1, 2, 0, 1]);
  const warnings = concept.record.details.warnings as string[];
  assert.equal(warnings.length, 2);
  assert.match(warnings[0] ?? '', /type "qwen2\.5", and this is a llama/);
  assert.match(warnings[1] ?? '', /direction\.0.*kept.*llama\.cpp refuses/s);
  // What there is nothing to say of keeps the record, and with it the version, that it had.
  const plain = importVectors(controlVector({ 'direction.1': row(2) }), 'gguf', target);
  assert.deepEqual(plain.record.details, {});
  for (const hint of ['unknown', 'LLaMA', ''])
    assert.equal(
      importVectors(controlVector({ 'direction.1': row(2) }, hint), 'gguf', target).version,
      plain.version,
    );
  const zero = importVectors(controlVector({ 'direction.0': row(0), 'direction.1': row(2) }), 'gguf', target);
  assert.equal(zero.version, plain.version);
});

test('directions for projection are not added', () => {
  const metadata = (more: Record<string, string | number>) =>
    encodeGguf({ 'general.architecture': 'controlvector', ...more }, new Map([['direction.1', row(1)]]));
  const load = (more: Record<string, string | number>) => () =>
    importVectors(metadata(more), 'gguf', { ...target, force: true });
  const said: Record<string, string | number>[] = [
    { 'glp.mode': 'project' },
    { 'controlvector.type': 'Projection' },
    { 'x.operation': 'ablate' },
    { 'controlvector.algorithm': 'directional_ablation' },
    { 'controlvector.projection': 1 },
    { ablation: 'true' },
  ];
  for (const more of said) {
    const [[key = '']] = Object.entries(more) as [[string, unknown]];
    refused('vectors_invalid', new RegExp(`${key} = .*projected out.*operation "ablate"`), load(more));
  }
  const others: Record<string, string | number>[] = [
    { 'glp.mode': 'add' },
    { 'controlvector.method': 'projected_diffmean' },
    { 'controlvector.projection': 0 },
    { 'general.name': 'project' },
  ];
  for (const more of others) assert.doesNotThrow(load(more));
  const tensors = encodeSafetensors(
    { 'layer.1': { dtype: 'F32', shape: [8], data: row(1) } },
    { mode: 'ablation' },
  );
  refused('vectors_invalid', /mode = "ablation"/, () => importVectors(tensors, 'safetensors', target));
  refused('vectors_invalid', /operation = "ablate"/, () =>
    importVectors({ vectors: { 1: [...row(1)] }, operation: 'ablate' }, 'json', target),
  );
});

test('a file of another kind is called what it is', () => {
  for (const format of ['gguf', 'safetensors'] as const) {
    for (const [bytes, what] of [
      ['version https://git-lfs.github.com/spec/v1\noid sha256:8786f1\nsize 170000\n', /a Git LFS pointer/],
      ['<!DOCTYPE html>\n<html><head></head></html>', /an HTML page/],
      ['Entry not found', /a text that begins with "Entry not found"/],
    ] as const)
      refused('vectors_invalid', what, () => importVectors(Buffer.from(bytes), format, target));
  }
});

test('the format: query first, then the bytes themselves, then the type', () => {
  assert.equal(askedFormat('gguf', 'application/json'), 'gguf');
  assert.equal(askedFormat(undefined, 'text/html, application/vnd.gguf;q=0.9'), 'gguf');
  assert.equal(askedFormat(undefined, 'application/octet-stream'), 'safetensors');
  assert.equal(askedFormat(undefined, '*/*'), 'json');
  const files = {
    gguf: controlVector({ 'direction.1': row(1) }),
    safetensors: encodeConcept(sampleConcept('calm')),
    json: Buffer.from(JSON.stringify({ vectors: {} })),
  };
  const types = [
    undefined,
    'application/octet-stream',
    'application/x-gguf',
    'application/safetensors',
    'image/png',
  ];
  for (const [format, bytes] of Object.entries(files)) {
    for (const type of types) assert.equal(formatOfBytes(undefined, type, bytes), format);
    const other = format === 'gguf' ? 'safetensors' : 'gguf';
    refused('vectors_invalid', /the file is a/, () => formatOfBytes(other, undefined, bytes));
  }
  const unknown = Buffer.from([0, 1, 2]);
  assert.equal(formatOfBytes('gguf', 'image/png', unknown), 'gguf');
  assert.equal(formatOfBytes(undefined, 'application/x-gguf; q=1', unknown), 'gguf');
  assert.equal(formatOfBytes(undefined, undefined, unknown), 'safetensors');
  assert.throws(
    () => formatOfBytes(undefined, 'image/png', unknown),
    (error: unknown) => error instanceof SteerdError && error.status === 415,
  );
});
