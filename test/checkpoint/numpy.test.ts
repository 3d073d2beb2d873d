import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { decodeNpy, decodeNpz, encodeNpy, encodeNpz, NumpyError } from '../../src/checkpoint/numpy.js';
import { packageRoot } from '../../src/common/package.js';

const fixture = (name: string) => readFileSync(join(packageRoot, 'test/fixtures/numpy', name));
const expected = Array.from({ length: 32 }, (_, i) => (i < 8 ? 0 : Math.floor(i / 8) * 10 + (i % 8) / 4));
const refused = (message: RegExp, work: () => unknown) =>
  assert.throws(
    work,
    (error: unknown) => error instanceof NumpyError && message.test(error.message),
    `${message}`,
  );

test('what is written is read, and equal arrays give equal bytes', () => {
  const arrays = {
    a: { shape: [2, 3], data: Float32Array.of(1, -2, Math.PI, 1e-40, Number.POSITIVE_INFINITY, 0) },
    'b.c': { shape: [4], data: Int32Array.of(-1, 0, 7, 2 ** 31 - 1) },
    none: { shape: [0, 5], data: new Float32Array(0) },
  };
  for (const { shape, data } of Object.values(arrays)) {
    const bytes = encodeNpy({ shape, data });
    assert.equal((bytes.length - data.byteLength) % 64, 0);
    const read = decodeNpy(bytes);
    assert.deepEqual([read.shape, read.toNumbers()], [shape, Array.from(data)]);
  }
  const bytes = encodeNpz(arrays);
  assert.deepEqual(encodeNpz(arrays), bytes);
  const read = decodeNpz(bytes, { mostBytes: 10_000 });
  assert.deepEqual([...read.keys()], Object.keys(arrays));
  assert.deepEqual(read.get('a')?.toFloat32(), arrays.a.data);
  assert.deepEqual(
    [...decodeNpz(bytes, { mostBytes: 10_000, wanted: (name) => name === 'a' }).keys()],
    ['a'],
  );
});

test("NumPy's own files: Fortran order, doubles, halves, big-endian numbers, deflated archives", () => {
  const array = decodeNpy(fixture('directions-f8-fortran.npy'));
  assert.deepEqual([array.shape, array.descr], [[4, 8], '<f8']);
  assert.deepEqual(array.toNumbers(), expected);
  const layers = decodeNpz(fixture('layers.npz'), { mostBytes: 4096 });
  assert.deepEqual(layers.get('layer_1')?.toNumbers(), expected.slice(8, 16));
  assert.deepEqual(Array.from(layers.get('layer_3')?.toFloat32() ?? []), expected.slice(24));
  const sae = decodeNpz(fixture('sae.npz'), { mostBytes: 4096 });
  assert.deepEqual(
    sae.get('W_dec')?.toNumbers(),
    Array.from({ length: 40 }, (_, i) => i),
  );
  assert.deepEqual([sae.get('scale')?.toNumbers(), sae.get('layer')?.toNumbers()], [[0.5], [2]]);
  refused(/64-bit integers/, () => sae.get('layer')?.toFloat32());
});

test('pickles, bombs, other files and every truncation are refused', () => {
  refused(/pickle and could run code/, () => decodeNpy(fixture('objects.npy')));
  refused(/unpacks to more than 100 bytes/, () => decodeNpz(fixture('sae.npz'), { mostBytes: 100 }));
  refused(/no \.npz file/, () => decodeNpz(Buffer.from('PK\x03\x04 nothing'), { mostBytes: 100 }));
  const whole = fixture('directions-f8-fortran.npy');
  for (let length = 0; length < whole.length; length += 3)
    assert.throws(() => decodeNpy(whole.subarray(0, length)), NumpyError, `${length}`);
  const archive = fixture('sae.npz');
  for (let length = 0; length < archive.length; length += 7)
    assert.throws(() => decodeNpz(archive.subarray(0, length), { mostBytes: 4096 }), NumpyError, `${length}`);
  refused(/\(2,\)|needs 2 numbers/, () => encodeNpy({ shape: [2], data: new Float32Array(3) }));
});
