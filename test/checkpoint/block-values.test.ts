/** Every block type against the values that gguf-py reads from the same blocks. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { blockTypes, typeOfId } from '../../src/checkpoint/block-types.js';
import { blockValues, hasFiniteScales } from '../../src/checkpoint/block-values.js';
import type { TensorType } from '../../src/checkpoint/checkpoint.js';
import { decodeSafetensors } from '../../src/checkpoint/safetensors.js';
import { packageRoot } from '../../src/common/package.js';

const { tensors } = decodeSafetensors(
  readFileSync(join(packageRoot, 'test/fixtures/checkpoints/gguf-blocks.safetensors')),
);
const types = Object.keys(blockTypes) as TensorType[];

test('the fixture has every type but the plain floats', () => {
  const missing = types.filter((type) => !tensors.has(`${type}.blocks`));
  assert.deepEqual(missing, ['F32', 'F16']);
});

for (const type of types.filter((name) => tensors.has(`${name}.blocks`))) {
  test(`${type} is read to the bit`, () => {
    const blocks = tensors.get(`${type}.blocks`)?.data ?? new Uint8Array();
    const expected = tensors.get(`${type}.values`)?.toFloat32() ?? new Float32Array();
    assert.ok(expected.length > 0);
    assert.equal(blocks.length / blockTypes[type].bytes, expected.length / blockTypes[type].values);
    assert.deepEqual(blockValues(type, blocks), expected);
    // Blocks are read one by one, wherever they lie.
    const shifted = new Uint8Array(blocks.length + 3);
    shifted.set(blocks, 3);
    assert.deepEqual(blockValues(type, shifted.subarray(3)), expected);
  });
}

test('halves are read as float16 has them', () => {
  assert.deepEqual(
    [...blockValues('F16', Uint8Array.of(0, 0x3c, 0, 0xc0, 1, 0, 0xff, 0x7b))],
    [1, -2, 2 ** -24, 65504],
  );
});

test('a scale or minimum that is no number is found in every type that has one', () => {
  for (const type of types) {
    const { bytes, halves } = blockTypes[type];
    const blocks = new Uint8Array(bytes * 3);
    assert.equal(hasFiniteScales(type, blocks), true);
    for (const place of halves) {
      const bad = blocks.slice();
      bad[bytes * 2 + place + 1] = 0x7e;
      assert.equal(hasFiniteScales(type, bad), false, `${type} at ${place}`);
    }
  }
});

test('ids are those of ggml', () => {
  for (const type of types) assert.equal(typeOfId(blockTypes[type].id), type);
  assert.equal(typeOfId(9), undefined);
});
