/**
 * The GGUF container (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), as far as control vectors need it:
 * magic, version, counts, typed metadata, tensor descriptions, then the tensors' data, each aligned. Little-endian
 * versions 2 and 3. Decoding trusts nothing: every count and offset is checked against the file's own length before
 * anything is allocated by it. Tensors of floats are read, float32 is written; quantised ones are refused.
 */

import { fileKind } from '../common/file-kind.js';
import { float16ToNumber } from '../common/float16.js';

/** "GGUF" read as a little-endian uint32. */
const magic = 0x46554747;
const writtenVersion = 3;
const defaultAlignment = 32;
const alignmentKey = 'general.alignment';

/** Control vectors have a handful of keys and a tensor a layer; metadata of whole models is larger and refused. */
const ggufLimits = { keys: 1024, tensors: 8192, keyBytes: 65_535, dimensions: 4, depth: 4 } as const;

/** https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, `gguf_metadata_value_type`. */
const valueType = { uint32: 4, bool: 7, string: 8, array: 9 } as const;

/** Bytes of the number types, by id. */
const numberBytes: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  10: 8,
  11: 8,
  12: 8,
};

const float32 = 0;

/** The element types of `ggml_type` that are plain floats: bytes of one, and what reads a copy of them. */
const floats: Readonly<
  Record<number, { readonly bytes: number; readonly read: (copy: ArrayBuffer) => Float32Array<ArrayBuffer> }>
> = {
  [float32]: { bytes: 4, read: (copy) => new Float32Array(copy) },
  // F16
  1: { bytes: 2, read: (copy) => Float32Array.from(new Uint16Array(copy), float16ToNumber) },
  // F64
  28: { bytes: 8, read: (copy) => Float32Array.from(new Float64Array(copy)) },
  // BF16 is the upper half of a float32.
  30: {
    bytes: 2,
    read: (copy) => new Float32Array(Uint32Array.from(new Uint16Array(copy), (bits) => bits << 16).buffer),
  },
};

type GgufReason = 'not_gguf' | 'version' | 'truncated' | 'limit' | 'metadata' | 'tensor';

/** Bytes that are not GGUF, or that hold what no control vector holds. */
export class GgufError extends Error {
  override readonly name = 'GgufError';
  constructor(
    readonly reason: GgufReason,
    message: string,
  ) {
    super(message);
  }
}

type GgufValue = string | number | bigint | boolean | readonly GgufValue[];

interface GgufTensor {
  readonly name: string;
  /** Fastest dimension first, as in the file. */
  readonly shape: readonly number[];
  /** A copy of the values as float32. @throws GgufError when they are not floats */
  toFloat32(): Float32Array<ArrayBuffer>;
}

interface Gguf {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: readonly GgufTensor[];
}

export const isGguf = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true) === magic;

/** Reads forward and never past the end. */
class Reader {
  at = 0;
  readonly #view: DataView;
  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Steps over `count` bytes and says where they begin. */
  take(count: number, what: string): number {
    const start = this.at;
    if (count > this.bytes.length - start) {
      throw new GgufError('truncated', `the file ends at byte ${this.bytes.length}, inside ${what}`);
    }
    this.at = start + count;
    return start;
  }

  uint32(what: string): number {
    return this.#view.getUint32(this.take(4, what), true);
  }

  /** A 64-bit count that must not exceed `most`. */
  count(what: string, most: number): number {
    const value = this.#view.getBigUint64(this.take(8, what), true);
    if (value > BigInt(most)) throw new GgufError('limit', `${what} is ${value}; the limit is ${most}`);
    return Number(value);
  }

  string(what: string): string {
    const length = this.count(`the length of ${what}`, this.bytes.length);
    const start = this.take(length, what);
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(this.bytes.subarray(start, start + length));
    } catch {
      throw new GgufError('metadata', `${what} is not UTF-8`);
    }
  }

  number(type: number, what: string): number | bigint {
    const start = this.take(numberBytes[type] ?? 0, what);
    const view = this.#view;
    switch (type) {
      case 0:
        return view.getUint8(start);
      case 1:
        return view.getInt8(start);
      case 2:
        return view.getUint16(start, true);
      case 3:
        return view.getInt16(start, true);
      case 4:
        return view.getUint32(start, true);
      case 5:
        return view.getInt32(start, true);
      case 6:
        return view.getFloat32(start, true);
      case 10:
        return view.getBigUint64(start, true);
      case 11:
        return view.getBigInt64(start, true);
      default:
        return view.getFloat64(start, true);
    }
  }
}

function readValue(reader: Reader, type: number, what: string, depth = 0): GgufValue {
  if (type in numberBytes) return reader.number(type, what);
  if (type === valueType.bool) return reader.bytes[reader.take(1, what)] !== 0;
  if (type === valueType.string) return reader.string(what);
  if (type !== valueType.array || depth >= ggufLimits.depth) {
    throw new GgufError('metadata', `${what} has type ${type}, which is not known or nested too deep`);
  }
  const itemType = reader.uint32(`the item type of ${what}`);
  // Each item takes at least a byte, so the file's length bounds the array.
  const length = reader.count(`the length of ${what}`, reader.bytes.length - reader.at);
  return Array.from({ length }, () => readValue(reader, itemType, what, depth + 1));
}

function readMetadata(reader: Reader, count: number): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const key = reader.string(`metadata key ${i}`);
    if (key.length > ggufLimits.keyBytes) throw new GgufError('limit', `metadata key ${i} is too long`);
    if (metadata.has(key)) throw new GgufError('metadata', `metadata key ${shownKey(key)} stands twice`);
    metadata.set(key, readValue(reader, reader.uint32(`the type of ${shownKey(key)}`), shownKey(key)));
  }
  return metadata;
}

const shownKey = (key: string) => JSON.stringify(key.slice(0, 80));

interface TensorEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: number;
  /** Relative to the beginning of the data. */
  readonly offset: number;
}

function readEntry(reader: Reader, index: number): TensorEntry {
  const name = reader.string(`the name of tensor ${index}`);
  const what = `tensor ${shownKey(name)}`;
  const rank = reader.uint32(`the rank of ${what}`);
  if (rank > ggufLimits.dimensions) throw new GgufError('tensor', `${what} has ${rank} dimensions`);
  const shape = Array.from({ length: rank }, () =>
    reader.count(`a dimension of ${what}`, Number.MAX_SAFE_INTEGER),
  );
  const type = reader.uint32(`the type of ${what}`);
  return { name, shape, type, offset: reader.count(`the offset of ${what}`, reader.bytes.length) };
}

/** @throws GgufError */
export function decodeGguf(bytes: Uint8Array): Gguf {
  if (!isGguf(bytes)) {
    const kind = fileKind(bytes);
    throw new GgufError(
      'not_gguf',
      `the file ${kind === null ? 'does not begin with "GGUF"' : `is ${kind}`}`,
    );
  }
  const reader = new Reader(bytes);
  reader.take(4, 'the magic');
  const version = reader.uint32('the version');
  if (version !== 2 && version !== 3) {
    throw new GgufError('version', `GGUF version ${version} is not known: 2 and 3, little-endian, are`);
  }
  const tensorCount = reader.count('the number of tensors', ggufLimits.tensors);
  const metadata = readMetadata(reader, reader.count('the number of metadata keys', ggufLimits.keys));
  const entries = Array.from({ length: tensorCount }, (_, i) => readEntry(reader, i));
  const alignment = metadata.get(alignmentKey) ?? defaultAlignment;
  if (typeof alignment !== 'number' || alignment < 8 || !Number.isInteger(Math.log2(alignment))) {
    throw new GgufError('metadata', `${alignmentKey} must be a power of two of at least 8`);
  }
  const start = roundUp(reader.at, alignment);
  return { metadata, tensors: entries.map((entry) => tensorAt(bytes, start, entry, alignment)) };
}

function tensorAt(bytes: Uint8Array, dataStart: number, entry: TensorEntry, alignment: number): GgufTensor {
  const { name, shape, type, offset } = entry;
  const what = `tensor ${shownKey(name)}`;
  if (offset % alignment !== 0) throw new GgufError('tensor', `${what} is not aligned to ${alignment} bytes`);
  return {
    name,
    shape,
    toFloat32() {
      const element = floats[type];
      if (element === undefined) {
        throw new GgufError(
          'tensor',
          `${what} has type ${type}; it must be F32 (0), F16 (1), F64 (28) or BF16 (30)`,
        );
      }
      const start = dataStart + offset;
      const byteLength = element.bytes * shape.reduce((product, size) => product * size, 1);
      if (!(start + byteLength <= bytes.length)) {
        throw new GgufError(
          'truncated',
          `${what} ends at byte ${start + byteLength} of the file, which has ${bytes.length}`,
        );
      }
      // A copy, hence aligned. (A Buffer's own `slice` is a view.)
      return element.read(new Uint8Array(bytes.subarray(start, start + byteLength)).buffer);
    },
  };
}

const roundUp = (value: number, multiple: number) => Math.ceil(value / multiple) * multiple;

/** Writes one-dimensional float32 tensors; numbers of the metadata are written as uint32. */
export function encodeGguf(
  metadata: Readonly<Record<string, string | number>>,
  tensors: ReadonlyMap<string, Float32Array>,
): Uint8Array<ArrayBuffer> {
  const head: Buffer[] = [];
  const uint32 = (value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    head.push(bytes);
  };
  const uint64 = (value: number) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    head.push(bytes);
  };
  const string = (text: string) => {
    const bytes = Buffer.from(text);
    uint64(bytes.length);
    head.push(bytes);
  };
  uint32(magic);
  uint32(writtenVersion);
  uint64(tensors.size);
  uint64(Object.keys(metadata).length);
  for (const [key, value] of Object.entries(metadata)) {
    string(key);
    uint32(typeof value === 'string' ? valueType.string : valueType.uint32);
    if (typeof value === 'string') string(value);
    else uint32(value);
  }
  let offset = 0;
  const offsets: number[] = [];
  for (const [name, values] of tensors) {
    string(name);
    uint32(1);
    uint64(values.length);
    uint32(float32);
    uint64(offset);
    offsets.push(offset);
    offset += roundUp(values.byteLength, defaultAlignment);
  }
  const headBytes = Buffer.concat(head);
  const dataStart = roundUp(headBytes.length, defaultAlignment);
  const file = new Uint8Array(dataStart + offset);
  file.set(headBytes);
  [...tensors.values()].forEach((values, i) => {
    file.set(
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      dataStart + (offsets[i] ?? 0),
    );
  });
  return file;
}
