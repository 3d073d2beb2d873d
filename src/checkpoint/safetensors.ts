/**
 * Files of safetensors in memory (safetensors-layout.ts has the format): written from arrays, and read as views of the given
 * bytes.
 */
import { float16ToNumber } from '../common/float16.js';
import {
  byteLength,
  decodeSafetensorsHeader,
  layOut,
  SafetensorsError,
  type SafetensorsHeader,
} from './safetensors-layout.js';

/** Bytes of one element. */
const elementBytes = { U8: 1, I32: 4, I64: 8, F16: 2, BF16: 2, F32: 4, F64: 8 } as const;

export type Dtype = keyof typeof elementBytes;

/** A tensor to write: the data's bytes are the elements, row-major and little-endian. */
export interface TensorData {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | BigInt64Array | Int32Array | Uint16Array | Uint8Array;
}

/** A tensor of a file. */
export interface SafeTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** The elements' bytes: a view of the file. */
  readonly data: Uint8Array;
  /** A copy of the values as float32. @throws SafetensorsError for I64, whose values float32 would change. */
  toFloat32(): Float32Array<ArrayBuffer>;
  /** A copy of integers. @throws SafetensorsError for floats. */
  toBigInt64(): BigInt64Array<ArrayBuffer>;
  /** A copy of the values as numbers. @throws SafetensorsError for an I64 value beyond 2^53. */
  toNumbers(): number[];
}

/** What a file says of a tensor before its data. */
export type TensorEntry = Pick<TensorData, 'dtype' | 'shape'>;

/**
 * All of a file but the data, which follows in the order given: for who writes that as it is made. The same input gives the same bytes.
 * @throws SafetensorsError for a shape that no file can hold
 */
export function safetensorsHead(
  tensors: Readonly<Record<string, TensorEntry>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const members = Object.keys(metadata).length > 0 ? [`"__metadata__":${JSON.stringify(metadata)}`] : [];
  let offset = 0;
  for (const [name, { dtype, shape }] of Object.entries(tensors)) {
    const end = offset + byteLength(name, elementBytes[dtype], shape);
    members.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [offset, end] })}`);
    offset = end;
  }
  const json = Buffer.from(`{${members.join(',')}}`);
  // Spaces up to a multiple of eight keep the data aligned, as the reference implementation does.
  const head = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(head.length - 8), true);
  head.set(json, 8);
  return head;
}

/**
 * Writes tensors in the order given; the same input gives the same bytes.
 * @throws SafetensorsError `length` when data and shape disagree.
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, TensorData>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const parts = Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
    const expected = byteLength(name, elementBytes[dtype], shape);
    if (data.byteLength !== expected) {
      throw new SafetensorsError(
        'length',
        `tensor ${JSON.stringify(name)} (${dtype} [${shape}]) needs ${expected} bytes of data; received ${data.byteLength}`,
      );
    }
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  });
  const head = safetensorsHead(tensors, metadata);
  const file = new Uint8Array(parts.reduce((sum, { length }) => sum + length, head.length));
  file.set(head);
  let position = head.length;
  for (const part of parts) {
    file.set(part, position);
    position += part.length;
  }
  return file;
}

/** @throws SafetensorsError */
export function decodeSafetensors(bytes: Uint8Array): {
  tensors: Map<string, SafeTensor>;
  metadata: Readonly<Record<string, string>>;
} {
  const header = decodeSafetensorsHeader(bytes);
  return { tensors: decodeTensors(bytes, header), metadata: header.metadata };
}

/** Checks every entry and that the tensors tile the data. @throws SafetensorsError */
export function decodeTensors(bytes: Uint8Array, header: SafetensorsHeader): Map<string, SafeTensor> {
  const data = bytes.subarray(header.dataStart);
  return new Map(
    layOut(header.entries, data.length, elementBytes).map(({ name, dtype, shape, start, end }) => [
      name,
      makeTensor(name, dtype, shape, data.subarray(start, end)),
    ]),
  );
}

function makeTensor(name: string, dtype: Dtype, shape: readonly number[], data: Uint8Array): SafeTensor {
  const refuse = (wanted: string) =>
    new SafetensorsError(
      'dtype',
      `tensor ${JSON.stringify(name)} is ${dtype} and cannot be read as ${wanted}`,
    );
  const values = () => readElements(dtype, data);
  return {
    dtype,
    shape,
    data,
    toFloat32() {
      const elements = values();
      if (elements instanceof BigInt64Array) throw refuse('float32 without loss');
      return elements instanceof Float32Array ? elements : Float32Array.from(elements);
    },
    toBigInt64() {
      const elements = values();
      if (elements instanceof BigInt64Array) return elements;
      if (elements instanceof Float32Array || elements instanceof Float64Array) throw refuse('int64');
      return BigInt64Array.from(Array.from(elements, BigInt));
    },
    toNumbers() {
      const numbers = Array.from<number | bigint, number>(values(), Number);
      if (dtype === 'I64' && !numbers.every(Number.isSafeInteger))
        throw refuse('numbers: a value is beyond 2^53');
      return numbers;
    },
  };
}

/** A fresh copy, hence aligned whatever the file's alignment. */
function readElements(dtype: Dtype, bytes: Uint8Array) {
  const { buffer } = new Uint8Array(bytes);
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer);
    case 'F64':
      return new Float64Array(buffer);
    case 'I64':
      return new BigInt64Array(buffer);
    case 'I32':
      return new Int32Array(buffer);
    case 'U8':
      return new Uint8Array(buffer);
    case 'F16':
      return Float32Array.from(new Uint16Array(buffer), float16ToNumber);
    case 'BF16':
      // bfloat16 is the upper half of a float32.
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer);
  }
}
