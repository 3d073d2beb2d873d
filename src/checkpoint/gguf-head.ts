/**
 * The head of a GGUF file (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md): magic, version, counts, typed
 * metadata, tensor descriptions. Little-endian versions 2 and 3. Reading trusts nothing: every count and offset is checked
 * against the file's own length before anything is allocated by it. The head's length is told nowhere, so it may be read
 * from a beginning of the file: where that is too short, `HeadIncomplete` says so.
 */
import { fileKind } from '../common/file-kind.js';

/** "GGUF" read as a little-endian uint32. */
export const magic = 0x46554747;
export const defaultAlignment = 32;
const alignmentKey = 'general.alignment';

/** What a head may have at most. */
export interface GgufLimits {
  readonly keys: number;
  readonly tensors: number;
  /** Of the arrays of the metadata together: as JavaScript's values they take up to 16 times their bytes. */
  readonly items: number;
}

const keyBytes = 65_535;
const mostDimensions = 4;
const mostDepth = 4;

/** https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, `gguf_metadata_value_type`. */
export const valueType = { uint32: 4, float32: 6, bool: 7, string: 8, array: 9 } as const;

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

type GgufReason = 'not_gguf' | 'version' | 'truncated' | 'limit' | 'metadata' | 'tensor';

/** Bytes that are not GGUF, or that hold what they may not hold. */
export class GgufError extends Error {
  override readonly name = 'GgufError';
  constructor(
    readonly reason: GgufReason,
    message: string,
  ) {
    super(message);
  }
}

/** The head is longer than the bytes that were given of the file. */
export class HeadIncomplete extends Error {
  override readonly name = 'HeadIncomplete';
}

export type GgufValue = string | number | bigint | boolean | readonly GgufValue[];

export interface GgufEntry {
  readonly name: string;
  /** Fastest dimension first, as in the file. */
  readonly shape: readonly number[];
  /** `ggml_type`. */
  readonly type: number;
  /** Relative to the beginning of the data. */
  readonly offset: number;
}

export interface GgufHead {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly entries: readonly GgufEntry[];
  /** Offset in the file of the first data byte. */
  readonly dataStart: number;
}

export const isGguf = (bytes: Uint8Array): boolean =>
  bytes.length >= 4 && new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true) === magic;

export const roundUp = (value: number, multiple: number) => Math.ceil(value / multiple) * multiple;

export const shownName = (name: string) => JSON.stringify(name.slice(0, 80));

/** Reads forward and never past the end. */
class Reader {
  at = 0;
  /** Items of arrays that may still come. */
  items: number;
  readonly #view: DataView;
  constructor(
    readonly bytes: Uint8Array,
    readonly fileBytes: number,
    readonly limits: GgufLimits,
  ) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.items = limits.items;
  }

  /** Steps over `count` bytes and says where they begin. */
  take(count: number, what: string): number {
    const start = this.at;
    if (count > this.fileBytes - start) {
      throw new GgufError('truncated', `the file ends at byte ${this.fileBytes}, inside ${what}`);
    }
    if (count > this.bytes.length - start) throw new HeadIncomplete();
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
    const length = this.count(`the length of ${what}`, this.fileBytes);
    const start = this.take(length, what);
    try {
      return utf8.decode(this.bytes.subarray(start, start + length));
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

/** A byte order mark is a character like others: tokens may be one. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readValue(reader: Reader, type: number, what: string, depth = 0): GgufValue {
  if (type in numberBytes) return reader.number(type, what);
  if (type === valueType.bool) return reader.bytes[reader.take(1, what)] !== 0;
  if (type === valueType.string) return reader.string(what);
  if (type !== valueType.array || depth >= mostDepth) {
    throw new GgufError('metadata', `${what} has type ${type}, which is not known or nested too deep`);
  }
  const itemType = reader.uint32(`the item type of ${what}`);
  const length = reader.count(`the length of ${what}`, reader.items);
  reader.items -= length;
  const items: GgufValue[] = [];
  for (let i = 0; i < length; i++) items.push(readValue(reader, itemType, what, depth + 1));
  return items;
}

function readMetadata(reader: Reader, count: number): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const key = reader.string(`metadata key ${i}`);
    if (key.length > keyBytes) throw new GgufError('limit', `metadata key ${i} is too long`);
    if (metadata.has(key)) throw new GgufError('metadata', `metadata key ${shownName(key)} stands twice`);
    metadata.set(key, readValue(reader, reader.uint32(`the type of ${shownName(key)}`), shownName(key)));
  }
  return metadata;
}

function readEntry(reader: Reader, index: number): GgufEntry {
  const name = reader.string(`the name of tensor ${index}`);
  const what = `tensor ${shownName(name)}`;
  const rank = reader.uint32(`the rank of ${what}`);
  if (rank > mostDimensions) throw new GgufError('tensor', `${what} has ${rank} dimensions`);
  const shape = Array.from({ length: rank }, () =>
    reader.count(`a dimension of ${what}`, Number.MAX_SAFE_INTEGER),
  );
  const type = reader.uint32(`the type of ${what}`);
  return { name, shape, type, offset: reader.count(`the offset of ${what}`, reader.fileBytes) };
}

/**
 * @param bytes the file, or its beginning
 * @param fileBytes how long the file is
 * @throws GgufError; HeadIncomplete when the head goes on behind `bytes`
 */
export function readGgufHead(bytes: Uint8Array, fileBytes: number, limits: GgufLimits): GgufHead {
  if (!isGguf(bytes)) {
    const kind = fileKind(bytes);
    throw new GgufError(
      'not_gguf',
      `the file ${kind === null ? 'does not begin with "GGUF"' : `is ${kind}`}`,
    );
  }
  const reader = new Reader(bytes, fileBytes, limits);
  reader.take(4, 'the magic');
  const version = reader.uint32('the version');
  if (version !== 2 && version !== 3) {
    throw new GgufError('version', `GGUF version ${version} is not known: 2 and 3, little-endian, are`);
  }
  const tensorCount = reader.count('the number of tensors', limits.tensors);
  const metadata = readMetadata(reader, reader.count('the number of metadata keys', limits.keys));
  const entries: GgufEntry[] = [];
  for (let i = 0; i < tensorCount; i++) entries.push(readEntry(reader, i));
  const alignment = metadata.get(alignmentKey) ?? defaultAlignment;
  if (typeof alignment !== 'number' || alignment < 8 || !Number.isInteger(Math.log2(alignment))) {
    throw new GgufError('metadata', `${alignmentKey} must be a power of two of at least 8`);
  }
  for (const { name, offset } of entries) {
    if (offset % alignment !== 0) {
      throw new GgufError('tensor', `tensor ${shownName(name)} is not aligned to ${alignment} bytes`);
    }
  }
  return { metadata, entries, dataStart: roundUp(reader.at, alignment) };
}
