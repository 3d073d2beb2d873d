/** GGUF control vectors: the file that repeng wrote, our own, and files that are broken in every place. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeGguf, GgufError } from '../../src/checkpoint/gguf.js';
import { encodeGguf } from '../../src/checkpoint/gguf-writer.js';
import { decodeSafetensors } from '../../src/checkpoint/safetensors.js';
import { packageRoot } from '../../src/common/package.js';
import { createConcept } from '../../src/concepts/concept.js';
import { decodeControlVector, directionsOf, encodeControlVector } from '../../src/concepts/control-vector.js';
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
  refuses(written('controlvector', 'output.weight'), /output\.weight" is not direction/);
  refuses(Buffer.from([1, 2, 3, 4, 5]), /does not begin with "GGUF"/);
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

test('tensors that share bytes are refused before any is copied', () => {
  const count = 500;
  const width = 20_000;
  const rows = Array.from({ length: count }, (_, i) => [`direction.${i + 1}`, new Float32Array(0)] as const);
  const head = Buffer.from(encodeGguf({ 'general.architecture': 'controlvector' }, new Map(rows)));
  for (const [name] of rows) head.writeBigUInt64LE(BigInt(width), head.indexOf(name) + name.length + 4);
  const before = process.memoryUsage().arrayBuffers;
  refuses(
    Buffer.concat([head, Buffer.alloc(4 * width)]),
    /tensors have 40000000 bytes together, and the file 80000/,
  );
  assert.ok(process.memoryUsage().arrayBuffers - before < 10e6);
});

test('long arrays of the metadata are refused, however they are cut', () => {
  const uint8s = 9;
  const withArrays = (lengths: readonly number[]) => {
    const head = Buffer.from(encodeGguf({ 'general.architecture': 'controlvector' }, new Map()));
    const parts = lengths.map((length, i) => {
      const key = Buffer.alloc(8 + 2 + 4 + 4 + 8);
      key.writeBigUInt64LE(2n, 0);
      key.write(`k${i}`, 8);
      key.writeUInt32LE(uint8s, 10);
      key.writeUInt32LE(0, 14);
      key.writeBigUInt64LE(BigInt(length), 18);
      return Buffer.concat([key, Buffer.alloc(length)]);
    });
    head.writeBigUInt64LE(BigInt(1 + lengths.length), 16);
    return Buffer.concat([head.subarray(0, 24 + 8 + 20 + 4 + 8 + 13), ...parts, Buffer.alloc(32)]);
  };
  assert.equal(decodeControlVector(withArrays([40_000, 20_000])).directions.size, 0);
  refuses(withArrays([1_000_000]), /length of "k0" is 1000000; the limit is 65536/);
  refuses(withArrays([40_000, 40_000]), /length of "k1" is 40000; the limit is 25536/);
});

test('half, bfloat16 and double tensors of one row or one column are read as the numbers they hold', () => {
  const values = [1, -2.5, 0.0999755859375, 0];
  const half = Uint16Array.of(0x3c00, 0xc100, 0x2e66, 0);
  const bfloat = Uint16Array.from(new Uint32Array(Float32Array.from(values).buffer), (bits) => bits >>> 16);
  for (const [type, data, tolerance] of [
    [0, Float32Array.from(values), 0],
    [1, half, 0],
    [28, Float64Array.from(values), 0],
    [30, bfloat, 2 ** -8],
  ] as const) {
    for (const shape of [[4], [4, 1], [1, 4], [4, 1, 1]]) {
      const { directions } = decodeControlVector(retyped(type, shape, new Uint8Array(data.buffer)));
      const read = [...(directions.get(1) ?? [])];
      assert.equal(read.length, 4);
      read.forEach((value, i) => {
        assert.ok(
          Math.abs(value - (values[i] ?? 0)) <= tolerance * Math.abs(values[i] ?? 0),
          `${type} ${value}`,
        );
      });
    }
  }
  refuses(retyped(0, [2, 2], new Uint8Array(16)), /direction\.1 is \[2, 2\]; it must be one vector/);
  refuses(retyped(2, [4], new Uint8Array(16)), /type 2; it must be F32/);
  refuses(retyped(1, [4], new Uint8Array(6)), /ends at byte/);
});

/** A control vector with one tensor of that type, shape and data: laid out by hand, for the writer knows F32 alone. */
function retyped(type: number, shape: readonly number[], data: Uint8Array): Uint8Array {
  const name = 'direction.1';
  const written = encodeGguf(
    { 'general.architecture': 'controlvector' },
    new Map([[name, new Float32Array(0)]]),
  );
  const at = Buffer.from(written).indexOf(name) + name.length;
  const entry = Buffer.alloc(4 + 8 * shape.length + 4 + 8);
  entry.writeUInt32LE(shape.length, 0);
  for (const [i, size] of shape.entries()) entry.writeBigUInt64LE(BigInt(size), 4 + 8 * i);
  entry.writeUInt32LE(type, 4 + 8 * shape.length);
  const head = Buffer.concat([written.subarray(0, at), entry]);
  return Buffer.concat([head, Buffer.alloc((32 - (head.length % 32)) % 32), data]);
}
