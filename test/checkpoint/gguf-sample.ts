/** GGUF files made of plain values. */

type Value = string | number | boolean | readonly string[] | readonly number[] | readonly boolean[];

const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const uint64 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const float32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
};
const string = (text: string) => {
  const bytes = Buffer.from(text);
  return Buffer.concat([uint64(bytes.length), bytes]);
};

/** Whole numbers as int32, others as float32, as converters write them. */
function typed(value: string | number | boolean, isFloat = false): [type: number, bytes: Buffer] {
  if (typeof value === 'string') return [8, string(value)];
  if (typeof value === 'boolean') return [7, Buffer.from([value ? 1 : 0])];
  return Number.isInteger(value) && !isFloat ? [5, uint32(value >>> 0)] : [6, float32(value)];
}

function encoded(value: Value): Buffer {
  if (!Array.isArray(value)) {
    const [type, bytes] = typed(value as string | number | boolean);
    return Buffer.concat([uint32(type), bytes]);
  }
  const isFloat = value.some((item) => typeof item === 'number' && !Number.isInteger(item));
  const items = value.map((item: string | number | boolean) => typed(item, isFloat));
  const type = items[0]?.[0] ?? 8;
  return Buffer.concat([uint32(9), uint32(type), uint64(items.length), ...items.map(([, bytes]) => bytes)]);
}

/** A tensor of F32, slowest dimension first; zeros where it has no values. */
export interface SampleTensor {
  readonly shape: readonly number[];
  readonly values?: Float32Array;
}

export function ggufFile(
  metadata: Readonly<Record<string, Value>>,
  tensors: Readonly<Record<string, SampleTensor>> = {},
): Buffer {
  const entries = Object.entries(tensors);
  let offset = 0;
  const described = entries.map(([name, { shape }]) => {
    const entry = Buffer.concat([
      string(name),
      uint32(shape.length),
      ...[...shape].reverse().map(uint64),
      uint32(0),
      uint64(offset),
    ]);
    offset += Math.ceil((4 * shape.reduce((product, size) => product * size, 1)) / 32) * 32;
    return entry;
  });
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    uint32(3),
    uint64(entries.length),
    uint64(Object.keys(metadata).length),
    ...Object.entries(metadata).map(([key, value]) => Buffer.concat([string(key), encoded(value)])),
    ...described,
  ]);
  const start = Math.ceil(head.length / 32) * 32;
  const file = Buffer.alloc(start + offset);
  head.copy(file);
  let at = start;
  for (const [, { shape, values }] of entries) {
    if (values) Buffer.from(values.buffer, values.byteOffset, values.byteLength).copy(file, at);
    at += Math.ceil((4 * shape.reduce((product, size) => product * size, 1)) / 32) * 32;
  }
  return file;
}
