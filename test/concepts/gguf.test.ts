/** GGUF control vectors: the file that repeng wrote, our own, and files that are broken in every place. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../../src/common/package.js';
import { createConcept } from '../../src/concepts/concept.js';
import { decodeControlVector, directionsOf, encodeControlVector } from '../../src/concepts/control-vector.js';
import { decodeGguf, encodeGguf, GgufError } from '../../src/concepts/gguf.js';
import { decodeSafetensors } from '../../src/concepts/safetensors.js';
import { sampleConcept, sampleFields } from './sample.js';

const fixture = (name: string) => readFileSync(join(packageRoot, 'test/fixtures', name));
const repeng = fixture('control-vector-repeng.gguf');

const refuses = (bytes: Uint8Array, message: RegExp) =>
  assert.throws(
    () => decodeControlVector(bytes),
    (error: unknown) => error instanceof GgufError && message.test(error.message),
    String(message),
  );

test("repeng's file gives the reference fit's vectors, bit for bit", () => {
  const { modelHint, directions } = decodeControlVector(repeng);
  const expected = decodeSafetensors(fixture('spiders-mean-difference.safetensors'))
    .tensors.get('vectors.mean_difference')
    ?.toFloat32();
  assert.equal(modelHint, 'llama');
  assert.deepEqual(
    [...directions.keys()],
    Array.from({ length: 29 }, (_, i) => i + 1),
  );
  for (const [layer, direction] of directions) {
    assert.deepEqual(direction, expected?.slice(layer * 576, (layer + 1) * 576), `block ${layer}`);
  }
});

test('what is written is read again, as llama.cpp and repeng lay it out', () => {
  const concept = sampleConcept('calm');
  const bytes = encodeControlVector(concept, 'llama');
  const { metadata, tensors } = decodeGguf(bytes);
  assert.equal(metadata.get('general.architecture'), 'controlvector');
  assert.equal(metadata.get('controlvector.model_hint'), 'llama');
  assert.equal(metadata.get('controlvector.layer_count'), 3);
  assert.deepEqual(
    tensors.map(({ name, shape }) => [name, shape]),
    [1, 2, 3].map((layer) => [`direction.${layer}`, [8]]),
  );
  assert.deepEqual(decodeControlVector(bytes).directions, directionsOf(concept));
  // Read from anywhere in memory.
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  assert.deepEqual(decodeControlVector(shifted.subarray(3)).directions, directionsOf(concept));
});

test('a concept that the format cannot hold is refused', () => {
  const fields = sampleFields('deep');
  const vectors = fields.vectors.slice();
  vectors[0] = 1;
  const coefficients = fields.calibration.coefficients.slice().fill(1);
  const deep = createConcept({ ...fields, vectors, calibration: { ...fields.calibration, coefficients } });
  assert.throws(() => encodeControlVector(deep, 'llama'), /block 0/);
  const off = { ...fields.calibration, coefficients: coefficients.slice().fill(0) };
  assert.throws(() => encodeControlVector(createConcept({ ...fields, calibration: off }), 'x'), /no block/);
});

test('a file cut anywhere is refused and nothing is made of it', () => {
  const bytes = encodeControlVector(sampleConcept('calm'), 'llama');
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => decodeControlVector(bytes.subarray(0, length)), GgufError, `cut at ${length}`);
  }
});

test('a file with any byte changed is refused or read, never more than that', () => {
  const bytes = encodeControlVector(sampleConcept('calm'), 'llama');
  for (let at = 0; at < bytes.length; at++) {
    for (const value of [0, 0x7f, 0xff]) {
      const changed = bytes.slice();
      changed[at] = value;
      try {
        decodeControlVector(changed);
      } catch (error) {
        assert.ok(error instanceof GgufError, `byte ${at} = ${value}: ${error}`);
      }
    }
  }
});

test('GGUF that is no control vector is refused with the reason', () => {
  const row = Float32Array.of(1, 0);
  const written = (kind: string, name: string) =>
    encodeGguf({ 'general.architecture': kind }, new Map([[name, row]]));
  refuses(written('llama', 'direction.1'), /general\.architecture is "llama"/);
  refuses(encodeGguf({}, new Map()), /general\.architecture is null/);
  refuses(written('controlvector', 'direction.0'), /block 1/);
  refuses(written('controlvector', 'output.weight'), /output\.weight" is not direction/);
  refuses(Buffer.from('safetensors'), /does not begin with "GGUF"/);
  const bigEndian = encodeGguf({}, new Map());
  bigEndian.set([0, 0, 0, 3], 4);
  refuses(bigEndian, /version 50331648/);
});

test('counts that the file could never hold cost nothing', () => {
  const bytes = encodeGguf({ 'general.architecture': 'controlvector' }, new Map());
  for (const at of [8, 16, 24]) {
    const huge = bytes.slice();
    new DataView(huge.buffer).setBigUint64(at, 2n ** 40n, true);
    const before = process.memoryUsage().heapUsed;
    refuses(huge, /limit/);
    assert.ok(process.memoryUsage().heapUsed - before < 10e6);
  }
});
