import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeSafetensors, encodeSafetensors, type TensorData } from '../../src/checkpoint/safetensors.js';
import { type Concept, createConcept } from '../../src/concepts/concept.js';
import {
  ConceptFileError,
  type ConceptFileReason,
  decodeConcept,
  encodeConcept,
} from '../../src/concepts/concept-file.js';
import { encodedRows } from '../../src/concepts/message-directions.js';
import { sampleConcept, sampleFields, sampleReadings } from './sample.js';

const details = { scores: [0.1, 1e-7, -3], nested: { z: null, a: 'é\u2028"\\' }, __proto: {} };
const concept = sampleConcept('São Tomé', { details });
const file = encodeConcept(concept);

function assertRefused(bytes: Uint8Array, reason: ConceptFileReason, message?: RegExp) {
  assert.throws(
    () => decodeConcept(bytes),
    (error) =>
      error instanceof ConceptFileError && error.reason === reason && (message?.test(error.message) ?? true),
    `expected ${reason}`,
  );
}

/** The file with other tensors or another document. */
function rewrite(
  tensors: Record<string, TensorData | null>,
  document: (text: string) => string = (text) => text,
) {
  const decoded = decodeSafetensors(file);
  const all: Record<string, TensorData> = {};
  for (const [name, tensor] of decoded.tensors) {
    if (tensors[name] !== null) all[name] = { ...tensor, data: tensor.data };
  }
  for (const [name, tensor] of Object.entries(tensors)) if (tensor !== null) all[name] = tensor;
  return encodeSafetensors(all, { steerd: document(decoded.metadata.steerd ?? '') });
}

test('a file gives back the concept, and the concept the same file', () => {
  const again = decodeConcept(file);
  assert.deepEqual(again, concept);
  assert.deepEqual(encodeConcept(again), file);
  assert.deepEqual(
    encodeConcept(createConcept(sampleFields('São Tomé', { details }))),
    file,
    'no clock, no chance',
  );
  assert.ok(again.vectors.buffer instanceof SharedArrayBuffer);
});

const encoded = (of: Concept) => Buffer.from(encodeConcept(of)).toString('latin1');

test('readings are kept whole and hashed, and a file without them has the version it always had', () => {
  const readings = sampleReadings(4, { clamp: { layers: [3], unit: [0, 1 / 3, 2 / 3, -1e-9 / 7] } });
  const read = createConcept({ ...concept, readings });
  const again = decodeConcept(encodeConcept(read));
  assert.deepEqual(again, read);
  assert.deepEqual(again.readings?.clamp.unit, [0, 0.3333333, 0.6666667, -1.428571e-10]);
  assert.notEqual(read.version, concept.version);
  assert.equal(createConcept({ ...read, readings: null }).version, concept.version);
  assert.ok(!encoded(read).includes('"ablate"'), 'left out of files that say nothing of it');
  const ablate = {
    level: [0, -9.5, -11, -12],
    below: 0.2,
    messageBelow: 0.25,
    removed: 0.7,
    fluency: 0.95,
    tried: [
      { below: 0.2, fluency: 0.9 },
      { below: 0.2, messageBelow: 0.25, fluency: 0.95, removed: 0.7 },
    ],
    message: {
      vectors: encodedRows(new Map([[1, concept.vectors.slice(8, 16)]])),
      level: [0, 1, 0, 0],
      unit: [0, 2, 0, 0],
    },
  };
  const versions = new Set([read.version]);
  for (const positions of ['all', 'prompt'] as const) {
    const further = positions === 'prompt' ? { promptBelow: 0.5, promptLevel: [0, -12, -13, -14] } : {};
    const unit = positions === 'prompt' ? [0, 0, 0, 0] : ablate.message.unit;
    const held = { ...ablate, ...further, message: { ...ablate.message, positions, unit } };
    const measured = createConcept({ ...read, readings: { ...readings, ablate: held } });
    versions.add(measured.version);
    assert.deepEqual(decodeConcept(encodeConcept(measured)).readings?.ablate, held);
    for (const field of ['positions', 'prompt_level', 'prompt_below'])
      assert.equal(
        encoded(measured).includes(field),
        positions === 'prompt',
        `${field} in files from before`,
      );
  }
  assert.equal(versions.size, 3);
  const message = { ...ablate.message, positions: 'all' as const };
  const measured = createConcept({ ...read, readings: { ...readings, ablate: { ...ablate, message } } });
  assert.ok(encoded(measured).includes('message_below'));
  const document = JSON.parse(decodeSafetensors(encodeConcept(read)).metadata.steerd ?? '');
  assert.equal(document.format, 1);
  assert.ok(!('readings' in JSON.parse(decodeSafetensors(file).metadata.steerd ?? '')));
  const put = (value: unknown) =>
    rewrite({}, (text) => JSON.stringify({ ...JSON.parse(text), readings: value }));
  assertRefused(put(document.readings), 'tampered');
  assertRefused(put({ ...document.readings, more: 1 }), 'not_a_concept');
  assertRefused(put(null), 'not_a_concept');
  assertRefused(put({ ...document.readings, auroc: [1] }), 'invalid', /readings\.auroc must be 4 numbers/);
});

test('the file is what design and issue say: three float32 tensors and one document', () => {
  const { tensors, metadata } = decodeSafetensors(file);
  assert.deepEqual(
    [...tensors].map(([name, { dtype, shape }]) => [name, dtype, shape]),
    [
      ['vectors', 'F32', [4, 8]],
      ['residual_norms', 'F32', [4]],
      ['calibration', 'F32', [4]],
    ],
  );
  assert.deepEqual(Object.keys(metadata), ['steerd']);
  const document = JSON.parse(metadata.steerd ?? '');
  assert.deepEqual(Object.keys(document), Object.keys(document).sort());
  assert.equal(document.version, concept.version);
  assert.equal(document.model_fingerprint, concept.modelFingerprint);
  assert.deepEqual(document.record.details, details);
});

test('a header as other tools write it, with other spacing, order and metadata, is the same concept', () => {
  const { tensors, metadata } = decodeSafetensors(file);
  const shuffled = Object.fromEntries([...tensors].reverse());
  const loose = JSON.stringify(JSON.parse(metadata.steerd ?? ''), null, 2);
  assert.deepEqual(decodeConcept(encodeSafetensors(shuffled, { format: 'pt', steerd: loose })), concept);
});

test('truncated at any length is refused, with the name once the header is whole', () => {
  const headerEnd = 8 + Number(new DataView(file.buffer).getBigUint64(0, true));
  for (let length = 0; length < file.length; length++) {
    assert.throws(
      () => decodeConcept(file.subarray(0, length)),
      (error) =>
        error instanceof ConceptFileError &&
        error.reason === 'truncated' &&
        error.conceptName === (length < headerEnd ? null : concept.name),
      `${length} bytes`,
    );
  }
});

test('no flipped bit anywhere changes the concept unnoticed', () => {
  let refused = 0;
  for (let offset = 0; offset < file.length; offset++) {
    for (const mask of [1 << (offset % 8), 0x80, 0xff]) {
      const flipped = file.slice();
      flipped[offset] = (flipped[offset] ?? 0) ^ mask;
      try {
        // Whitespace for whitespace is all that may pass.
        assert.deepEqual(decodeConcept(flipped), concept, `byte ${offset} ^ ${mask}`);
      } catch (error) {
        if (!(error instanceof ConceptFileError)) throw error;
        refused++;
      }
    }
  }
  assert.ok(refused > 2.9 * file.length, `${refused} of ${3 * file.length} refused`);
});

test('changed values and changed words are tampering', () => {
  assertRefused(
    rewrite({ residual_norms: { dtype: 'F32', shape: [4], data: Float32Array.of(1, 2, 3, 4) } }),
    'tampered',
  );
  assertRefused(
    rewrite({}, (text) => text.replace('Be São', 'Be like São')),
    'tampered',
    /hash/,
  );
  assertRefused(
    rewrite({}, (text) => text.replace('"São Tomé"', '"Other"')),
    'tampered',
  );
  assertRefused(
    rewrite({}, (text) => text.replace('{', '{"extra":1,')),
    'tampered',
  );
  assertRefused(
    rewrite({}, (text) => text.replace('"record":{', '"record":{"extra":1,')),
    'tampered',
  );
});

test('files that hold something else', () => {
  assertRefused(Buffer.from('GGUF, or whatever else one may find in a folder'), 'not_safetensors');
  assertRefused(encodeSafetensors({}, {}), 'not_a_concept', /no key "steerd"/);
  assertRefused(
    rewrite({}, () => '[]'),
    'not_a_concept',
  );
  assertRefused(
    rewrite({}, () => '{'),
    'not_a_concept',
  );
  assertRefused(
    rewrite({}, (text) => text.replace('{', '{"format":1,')),
    'not_a_concept',
    /twice/,
  );
  assertRefused(
    rewrite({}, (text) => text.replace('"format":1', '"format":2')),
    'format_unknown',
    /format is 2/,
  );
  for (const key of ['name', 'model', 'layers', 'record', 'calibration', 'prefix', 'seed', 'details']) {
    assertRefused(
      rewrite({}, (text) => text.replaceAll(`"${key}":`, `"_${key}":`)),
      'not_a_concept',
    );
  }
  const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
  assertRefused(
    rewrite({}, (text) => text.replace('"nested":', `"deep":${deep},"nested":`)),
    'invalid',
    /deeper/,
  );
});

test('missing, extra, misshapen and impossible tensors', () => {
  for (const name of ['vectors', 'residual_norms', 'calibration']) {
    assertRefused(rewrite({ [name]: null }), 'tensor_missing', new RegExp(name));
  }
  const floats = (shape: number[], data: Float32Array): TensorData => ({ dtype: 'F32', shape, data });
  assertRefused(rewrite({ more: floats([1], new Float32Array(1)) }), 'tensor_unexpected', /more/);
  assertRefused(
    rewrite({ vectors: floats([8, 4], new Float32Array(32)) }),
    'invalid',
    /F32 \[4,8\]; it is F32 \[8,4\]/,
  );
  assertRefused(
    rewrite({ vectors: floats([4, 7], new Float32Array(28)) }),
    'invalid',
    /F32 \[4,8\]; it is F32 \[4,7\]/,
  );
  assertRefused(
    rewrite({ vectors: floats([4, 8], new Float32Array(32).with(9, Number.NaN)) }),
    'invalid',
    /vectors\[9\].*finite.*NaN/,
  );
  assertRefused(
    rewrite({ vectors: { dtype: 'F16', shape: [4, 8], data: new Uint16Array(32) } }),
    'invalid',
    /F16/,
  );
  assertRefused(
    rewrite({ calibration: floats([4], Float32Array.of(0, 1, Number.NaN, 1)) }),
    'invalid',
    /finite.*NaN/,
  );
  assertRefused(rewrite({ vectors: floats([4, 8], new Float32Array(32).fill(1)) }), 'invalid', /unit vector/);
  assertRefused(
    rewrite({}, (text) => text.replace('"layers":4', '"layers":5')),
    'invalid',
  );
});

test('a concept whose version is not its content is not written', () => {
  assert.throws(() => encodeConcept({ ...concept, name: 'Other' }), ConceptFileError);
});

test('a file of another kind is called what it is', () => {
  const pointer = Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:8786f1\nsize 170000\n');
  assertRefused(pointer, 'not_safetensors', /^not safetensors: the file is a Git LFS pointer/);
  assertRefused(Buffer.from('<!doctype html><html>'), 'not_safetensors', /HTML page/);
  assertRefused(Buffer.from('GGUF\x03\0\0\0\0\0\0\0'), 'not_safetensors', /a GGUF file/);
});
