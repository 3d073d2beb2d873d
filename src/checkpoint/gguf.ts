/**
 * The GGUF container (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), as far as control vectors need it:
 * magic, version, counts, typed metadata, tensor descriptions, then the tensors' data, each aligned. Little-endian
 * versions 2 and 3. Decoding trusts nothing: every count and offset is checked against the file's own length before
 * anything is allocated by it, and tensors together are no larger than the file's data, so that what is made of a file
 * is not much larger than the file. Tensors of floats are read; quantised ones are refused. gguf-writer.ts writes.
 */

import { fileKind } from '../common/file-kind.js';
import { float16ToNumber } from '../common/float16.js';

/** "GGUF" read as a little-endian uint32. */
export const magic = 0x46554747;
export const defaultAlignment = 32;
const alignmentKey = 'general.alignment';

/**
 * Control vectors have a handful of keys and a tensor a layer; metadata of whole models is larger and refused. `items` is
 * for the arrays of the metadata together: as JavaScript's values they take up to 16 times their bytes.
 */
const ggufLimits = {
  keys: 1024,
  tensors: 8192,
  keyBytes: 65_535,
  dimensions: 4,
  depth: 4,
  items: 65_536,
} as const;

/** https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, `gguf_metadata_value_type`. */
export const valueType = { uint32: 4, bool: 7, string: 8, array: 9 } as const;

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

/** F32 among the types of `ggml_type`. */
export const float32 = 0;

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

const isGguf = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true) === magic;

/** Reads forward and never past the end. */
class Reader {
  at = 0;
  /** Items of arrays that may still come. */
  items: number = ggufLimits.items;
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
  const length = reader.count(`the length of ${what}`, reader.items);
  reader.items -= length;
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
  for (const entry of entries) checkPlace(bytes, start, entry, alignment);
  // Tensors may share bytes for all that the offsets say, and each is copied when it is read.
  const together = entries.reduce((sum, entry) => sum + (byteLengthOf(entry) ?? 0), 0);
  if (together > bytes.length - start) {
    throw new GgufError(
      'tensor',
      `the tensors have ${together} bytes together, and the file ${bytes.length - start} for them: they overlap`,
    );
  }
  return { metadata, tensors: entries.map((entry) => tensorAt(bytes, start, entry)) };
}

/** Null for a type that is not read. */
function byteLengthOf({ type, shape }: TensorEntry): number | null {
  const element = floats[type];
  return element === undefined ? null : element.bytes * shape.reduce((product, size) => product * size, 1);
}

function checkPlace(bytes: Uint8Array, dataStart: number, entry: TensorEntry, alignment: number): void {
  const what = `tensor ${shownKey(entry.name)}`;
  if (entry.offset % alignment !== 0) {
    throw new GgufError('tensor', `${what} is not aligned to ${alignment} bytes`);
  }
  const end = dataStart + entry.offset + (byteLengthOf(entry) ?? 0);
  if (!(end <= bytes.length)) {
    throw new GgufError('truncated', `${what} ends at byte ${end} of the file, which has ${bytes.length}`);
  }
}

function tensorAt(bytes: Uint8Array, dataStart: number, entry: TensorEntry): GgufTensor {
  const { name, shape, type, offset } = entry;
  return {
    name,
    shape,
    toFloat32() {
      const element = floats[type];
      if (element === undefined) {
        throw new GgufError(
          'tensor',
          `tensor ${shownKey(name)} has type ${type}; it must be F32 (0), F16 (1), F64 (28) or BF16 (30)`,
        );
      }
      const start = dataStart + offset;
      // A copy, hence aligned. (A Buffer's own `slice` is a view.)
      return element.read(new Uint8Array(bytes.subarray(start, start + (byteLengthOf(entry) ?? 0))).buffer);
    },
  };
}

export const roundUp = (value: number, multiple: number) => Math.ceil(value / multiple) * multiple;
