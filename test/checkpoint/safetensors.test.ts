import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Dtype, decodeSafetensors, encodeSafetensors } from '../../src/checkpoint/safetensors.js';
import { SafetensorsError, type SafetensorsReason } from '../../src/checkpoint/safetensors-layout.js';
import { packageRoot } from '../../src/common/package.js';

/** A file of a hand-written header. */
function fileOf(header: unknown, dataBytes = 0): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

function assertRefused(bytes: Uint8Array, reason: SafetensorsReason, message?: RegExp) {
  assert.throws(
    () => decodeSafetensors(bytes),
    (error) =>
      error instanceof SafetensorsError && error.reason === reason && (message?.test(error.message) ?? true),
    `expected ${reason}`,
  );
}

function decodeOne(dtype: Dtype, data: Uint16Array | Float64Array | Int32Array | Uint8Array | BigInt64Array) {
  const file = encodeSafetensors({ t: { dtype, shape: [data.length], data } });
  const tensor = decodeSafetensors(file).tensors.get('t');
  assert.ok(tensor);
  return tensor;
}

test('what is encoded is decoded: names, order, shapes, values, metadata', () => {
  const file = encodeSafetensors(
    {
      'b "quoted" é': { dtype: 'F32', shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0, 1e-40, 3e38) },
      a: { dtype: 'I64', shape: [2], data: BigInt64Array.of(-5n, 2n ** 40n) },
      scalar: { dtype: 'F64', shape: [], data: Float64Array.of(Math.PI) },
      empty: { dtype: 'F32', shape: [0, 7], data: new Float32Array(0) },
    },
    { note: 'line\n"two"', other: '' },
  );
  const { tensors, metadata } = decodeSafetensors(file);
  assert.deepEqual([...tensors.keys()], ['b "quoted" é', 'a', 'scalar', 'empty']);
  assert.deepEqual({ ...metadata }, { note: 'line\n"two"', other: '' });
  assert.deepEqual(tensors.get('b "quoted" é')?.shape, [2, 3]);
  assert.deepEqual(tensors.get('b "quoted" é')?.toFloat32(), Float32Array.of(1, -2, 3.5, 0, 1e-40, 3e38));
  assert.deepEqual(tensors.get('a')?.toBigInt64(), BigInt64Array.of(-5n, 2n ** 40n));
  assert.deepEqual(tensors.get('a')?.toNumbers(), [-5, 2 ** 40]);
  assert.deepEqual(tensors.get('scalar')?.toNumbers(), [Math.PI]);
  assert.deepEqual(tensors.get('empty')?.toFloat32(), new Float32Array(0));
});

test('the data begins at a multiple of eight, and equal input gives equal bytes', () => {
  for (let length = 0; length < 9; length++) {
    const make = () =>
      encodeSafetensors({ ['n'.repeat(length)]: { dtype: 'U8', shape: [1], data: Uint8Array.of(7) } });
    const file = make();
    assert.deepEqual(file, make());
    assert.equal(Number(new DataView(file.buffer).getBigUint64(0, true)) % 8, 0);
    assert.equal(file.at(-1), 7);
  }
});

test('a file that lies anywhere in a buffer is read', () => {
  const file = encodeSafetensors({ t: { dtype: 'F32', shape: [2], data: Float32Array.of(1.5, -2.5) } });
  for (const shift of [0, 1, 3]) {
    const buffer = Buffer.concat([new Uint8Array(shift), file]).subarray(shift);
    const tensor = decodeSafetensors(buffer).tensors.get('t');
    assert.deepEqual(tensor?.toFloat32(), Float32Array.of(1.5, -2.5));
    tensor?.toFloat32().fill(9);
    assert.deepEqual(tensor?.toFloat32(), Float32Array.of(1.5, -2.5), 'values are a copy');
  }
});

test('float16 values', () => {
  // Values of IEEE 754-2019 binary16: one, -2, largest, smallest normal, smallest subnormal, 1/3 rounded.
  const bits = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x3555, 0x0000, 0x7c00, 0xfc00);
  const expected = [1, -2, 65504, 2 ** -14, 2 ** -24, 0.333251953125, 0, Infinity, -Infinity];
  assert.deepEqual([...decodeOne('F16', bits).toFloat32()], expected);
  assert.ok(Object.is(decodeOne('F16', Uint16Array.of(0x8000)).toFloat32()[0], -0));
  assert.ok(Number.isNaN(decodeOne('F16', Uint16Array.of(0x7e01)).toFloat32()[0]));
});

test('bfloat16 is the upper half of float32', () => {
  const values = Float32Array.of(1, -2, 3.140625, 2 ** 127, 2 ** -126, 2 ** -133, Infinity, -Infinity, 0);
  const bits = Uint16Array.from(new Uint32Array(values.buffer), (word) => word >>> 16);
  assert.deepEqual(decodeOne('BF16', bits).toFloat32(), values);
});

test('integers and doubles; what would lose is refused', () => {
  assert.deepEqual([...decodeOne('U8', Uint8Array.of(0, 255)).toFloat32()], [0, 255]);
  assert.deepEqual(
    decodeOne('I32', Int32Array.of(-7, 2 ** 31 - 1)).toBigInt64(),
    BigInt64Array.of(-7n, 2n ** 31n - 1n),
  );
  assert.deepEqual([...decodeOne('F64', Float64Array.of(0.5, -4)).toFloat32()], [0.5, -4]);
  const long = decodeOne('I64', BigInt64Array.of(2n ** 60n));
  assert.throws(() => long.toFloat32(), SafetensorsError);
  assert.throws(() => long.toNumbers(), /2\^53/);
  assert.throws(() => decodeOne('F64', Float64Array.of(1)).toBigInt64(), SafetensorsError);
});

test('a file that another implementation wrote', async () => {
  const bytes = await readFile(join(packageRoot, 'test/fixtures/llama-genai/golden.safetensors'));
  const { tensors } = decodeSafetensors(bytes);
  const ids = tensors.get('input_ids.0');
  assert.equal(ids?.dtype, 'I64');
  assert.deepEqual(ids?.shape, [11]);
  assert.ok(ids?.toNumbers().every((id) => Number.isInteger(id) && id >= 0 && id < 320));
  // Greedy decoding starts with the largest logit of the last position: two tensors of different types agree.
  const logits = tensors.get('logits.0');
  assert.deepEqual(logits?.shape, [11, 320]);
  const last = [...(logits?.toFloat32().subarray(10 * 320) ?? [])];
  assert.equal(last.indexOf(Math.max(...last)), tensors.get('greedy.0')?.toNumbers()[0]);
});

test('every truncation is refused', () => {
  const file = encodeSafetensors(
    {
      a: { dtype: 'F32', shape: [4], data: new Float32Array(4) },
      b: { dtype: 'U8', shape: [3], data: new Uint8Array(3) },
    },
    { k: 'v' },
  );
  for (let length = 0; length < file.length; length++) assertRefused(file.subarray(0, length), 'truncated');
  assertRefused(
    Buffer.concat([file, Uint8Array.of(0)]),
    'length',
    /end at byte 19 of the data, which has 20/,
  );
});

test('a header length beyond the limit or the file allocates nothing and is refused', () => {
  const file = new Uint8Array(64);
  const view = new DataView(file.buffer);
  view.setBigUint64(0, 2n ** 64n - 1n, true);
  assertRefused(file, 'header_length', /limit is 100000000/);
  view.setBigUint64(0, 100_000_001n, true);
  assertRefused(file, 'header_length');
  view.setBigUint64(0, 57n, true);
  assertRefused(file, 'truncated', /byte 65; the file has 64/);
});

test('headers that are no JSON object of tensors', () => {
  for (const header of ['', '[]', '{', ' {}', '"a"', '\ufeff{}', '{"a":1,}'])
    assertRefused(fileOf(header), 'header_json');
  const notUtf8 = fileOf('{"xx":1}');
  notUtf8[10] = 0xff;
  assertRefused(notUtf8, 'header_json');
  for (const metadata of [null, 1, [], { a: 1 }])
    assertRefused(fileOf({ __metadata__: metadata }), 'metadata');
  for (const entry of [null, 1, [], 'F32']) assertRefused(fileOf({ t: entry }), 'tensor_entry');
  assertRefused(fileOf({ t: { dtype: 'U8', shape: [0], data_offsets: [0, 0], extra: 1 } }), 'tensor_entry');
  const entry = '{"dtype":"U8","shape":[1],"data_offsets":[0,1]}';
  assertRefused(fileOf(`{"t":${entry},"t":${entry}}`, 1), 'header_json', /"t" stands twice/);
});

test('entries that contradict themselves or the file', () => {
  const entry = (over: object) =>
    fileOf({ t: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...over } }, 8);
  decodeSafetensors(entry({}));
  for (const dtype of ['f32', 'F8', 'toString', 32, null]) assertRefused(entry({ dtype }), 'dtype');
  for (const shape of [2, null, [-2], [2.5], ['2'], [2 ** 53]]) assertRefused(entry({ shape }), 'shape');
  assertRefused(entry({ shape: [2 ** 30, 2 ** 30] }), 'shape', /impossible size/);
  for (const shape of [[1], [3], [], [2, 0]]) assertRefused(entry({ shape }), 'length');
  for (const offsets of [null, [0], [0, 8, 8], [-8, 0], [8, 0], [0, 8.5]]) {
    assertRefused(entry({ data_offsets: offsets }), 'offsets');
  }
  assertRefused(entry({ shape: [2 ** 40], data_offsets: [0, 2 ** 42] }), 'truncated');
});

test('overlapping tensors and gaps', () => {
  const two = (first: number[], second: number[], bytes: number) =>
    fileOf(
      {
        a: { dtype: 'U8', shape: [4], data_offsets: first },
        b: { dtype: 'U8', shape: [4], data_offsets: second },
      },
      bytes,
    );
  decodeSafetensors(two([4, 8], [0, 4], 8));
  assertRefused(two([0, 4], [3, 7], 7), 'offsets', /overlaps/);
  assertRefused(two([0, 4], [0, 4], 4), 'offsets', /overlaps/);
  assertRefused(two([0, 4], [5, 9], 9), 'offsets', /gap/);
  assertRefused(two([1, 5], [5, 9], 9), 'offsets', /gap/);
  assertRefused(two([0, 4], [4, 8], 9), 'length');
});

test('data that does not fit its shape is not written', () => {
  const data = new Float32Array(3);
  assert.throws(
    () => encodeSafetensors({ t: { dtype: 'F32', shape: [2], data } }),
    /needs 8 bytes of data; received 12/,
  );
  assert.throws(() => encodeSafetensors({ t: { dtype: 'F32', shape: [-3, -1], data } }), SafetensorsError);
});
