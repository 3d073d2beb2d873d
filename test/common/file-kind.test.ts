/** Files that are not what they should be are called what they are. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeGguf } from '../../src/checkpoint/gguf-writer.js';
import { encodeSafetensors } from '../../src/checkpoint/safetensors.js';
import { fileFormat, fileKind } from '../../src/common/file-kind.js';
import { packageRoot } from '../../src/common/package.js';

/** The local header of a zip's first entry. */
const zip = (name: string) =>
  Buffer.concat([
    Buffer.from('PK\x03\x04'),
    Buffer.alloc(22),
    Buffer.from([name.length, 0, 0, 0]),
    Buffer.from(name),
  ]);

test('each kind is told by its first bytes', () => {
  for (const [bytes, kind] of [
    [Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 1\n'), /Git LFS pointer/],
    [Buffer.from('\n<!DOCTYPE html><html>'), /HTML page/],
    [Buffer.from('<html lang="en">'), /HTML page/],
    [Buffer.from('<?xml version="1.0"?><Error/>'), /XML/],
    [zip('archive/data.pkl'), /PyTorch file/],
    [zip('spiders/.data/serialization_id'), /PyTorch file/],
    [zip('readme.txt'), /a zip archive/],
    [Buffer.from([0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c]), /Python pickle/],
    [Buffer.from([0x80, 4, 0x95, 1, 2]), /Python pickle/],
    [Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'), /HDF5/],
    [Buffer.from([0x1f, 0x8b, 8, 0]), /gzip/],
    [Buffer.from('Invalid username or password.'), /a text that begins with "Invalid username/],
  ] as const) {
    assert.match(fileKind(bytes) ?? 'nothing', kind);
    assert.equal(fileFormat(bytes), undefined);
    // From anywhere in memory.
    const shifted = Buffer.concat([Buffer.from([7, 7, 7]), bytes]).subarray(3);
    assert.match(fileKind(shifted) ?? 'nothing', kind);
  }
  for (const bytes of [Buffer.alloc(0), Buffer.from([1, 2, 3]), Buffer.from('x'), Buffer.alloc(64)])
    assert.equal(fileKind(bytes), null);
});

test('the formats that are read are told from each other, whatever the length of a header', () => {
  const row = { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) } as const;
  // Lengths whose bytes are also signatures of gzip (1f 8b) and of a pickle (80 02 to 80 05).
  for (let length = 0; length < 36_000; length += 8) {
    const file = encodeSafetensors({ x: row }, { a: 'a'.repeat(length) });
    if (length > 1600 && length < 35_000) continue;
    assert.equal(fileFormat(file), 'safetensors', String(length));
  }
  assert.equal(
    fileFormat(readFileSync(join(packageRoot, 'test/fixtures/fit-spiders.safetensors'))),
    'safetensors',
  );
  assert.equal(fileFormat(encodeGguf({}, new Map())), 'gguf');
  assert.equal(fileFormat(zip('arr_0.npy')), 'npz');
  assert.equal(fileFormat(Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1')), 'npy');
  assert.equal(fileFormat(Buffer.from(' {"vectors": {}}')), 'json');
  assert.equal(fileFormat(Buffer.from('\ufeff{"vectors": {}}')), 'json');
});
