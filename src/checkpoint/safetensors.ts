/**
 * The safetensors format (https://huggingface.co/docs/safetensors): eight bytes of little-endian header length N,
 * N bytes of JSON `{name: {dtype, shape, data_offsets}, "__metadata__": {string: string}}`, then the data, which the
 * tensors tile without gap or overlap. Decoding trusts nothing: every count and offset is checked against the
 * file's own length before it is used, and tensors are views of the given bytes.
 */

import { isPlainObject, JsonError, parseStrictJson } from '../common/canonical-json.js';
import { fileKind } from '../common/file-kind.js';
import { float16ToNumber } from '../common/float16.js';

/** Bytes of one element. */
const elementBytes = { U8: 1, I32: 4, I64: 8, F16: 2, BF16: 2, F32: 4, F64: 8 } as const;

export type Dtype = keyof typeof elementBytes;

/** The reference implementation's limit of the header. */
const maximumHeaderBytes = 100_000_000;

export type SafetensorsReason =
  | 'truncated'
  | 'other_format'
  | 'header_length'
  | 'header_json'
  | 'metadata'
  | 'tensor_entry'
  | 'dtype'
  | 'shape'
  | 'offsets'
  | 'length';

/** Bytes that are not safetensors, or tensors that cannot be written as such. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';
  constructor(
    readonly reason: SafetensorsReason,
    message: string,
  ) {
    super(message);
  }
}

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

interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** Tensors' entries as the JSON has them, not yet checked. */
  readonly entries: readonly (readonly [name: string, entry: unknown])[];
  /** Offset in the file of the first data byte. */
  readonly dataStart: number;
}

/**
 * Writes tensors in the order given; the same input gives the same bytes.
 * @throws SafetensorsError `length` when data and shape disagree.
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, TensorData>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const members = Object.keys(metadata).length > 0 ? [`"__metadata__":${JSON.stringify(metadata)}`] : [];
  const parts: Uint8Array[] = [];
  let offset = 0;
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    const expected = byteLength(name, elementBytes[dtype], shape);
    if (data.byteLength !== expected) {
      throw new SafetensorsError(
        'length',
        `tensor ${JSON.stringify(name)} (${dtype} [${shape}]) needs ${expected} bytes of data; received ${data.byteLength}`,
      );
    }
    const entry = { dtype, shape, data_offsets: [offset, offset + expected] };
    members.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    offset += expected;
  }
  const json = Buffer.from(`{${members.join(',')}}`);
  // Spaces up to a multiple of eight keep the data aligned, as the reference implementation does.
  const headerBytes = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, 8, 8 + headerBytes);
  file.set(json, 8);
  let position = 8 + headerBytes;
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

/**
 * Reads the header alone, so that a file with a damaged data part can still be named.
 * @throws SafetensorsError `other_format` for what is known to be another kind of file; `truncated`, `header_length`,
 *   `header_json`, `metadata`
 */
export function decodeSafetensorsHeader(bytes: Uint8Array): SafetensorsHeader {
  try {
    return readHeader(bytes);
  } catch (error) {
    const kind = fileKind(bytes);
    if (!(error instanceof SafetensorsError) || kind === null || kind === 'a safetensors file') throw error;
    throw new SafetensorsError('other_format', `the file is ${kind}`);
  }
}

/**
 * How long the header is with its length: so many bytes of a file `decodeSafetensorsHeader` wants.
 * @param head the file's beginning, at least eight bytes of it if it has as many
 * @throws SafetensorsError
 */
export function safetensorsHeaderBytes(head: Uint8Array, fileBytes: number): number {
  if (fileBytes < 8) {
    throw new SafetensorsError('truncated', `the file has ${fileBytes} bytes; the header length alone has 8`);
  }
  const length = new DataView(head.buffer, head.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(maximumHeaderBytes)) {
    throw new SafetensorsError(
      'header_length',
      `the header claims ${length} bytes; the limit is ${maximumHeaderBytes}`,
    );
  }
  const dataStart = 8 + Number(length);
  if (dataStart > fileBytes) {
    throw new SafetensorsError(
      'truncated',
      `the header ends at byte ${dataStart}; the file has ${fileBytes}`,
    );
  }
  return dataStart;
}

function readHeader(bytes: Uint8Array): SafetensorsHeader {
  const dataStart = safetensorsHeaderBytes(bytes, bytes.length);
  const json = parseHeader(bytes.subarray(8, dataStart));
  const { __metadata__: metadata = {}, ...tensors } = json;
  if (!isStringRecord(metadata)) {
    throw new SafetensorsError('metadata', '__metadata__ is not an object of strings');
  }
  return { metadata, entries: Object.entries(tensors), dataStart };
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const value = parseStrictJson(text);
    // The format wants the brace as the very first byte.
    if (text.startsWith('{') && isPlainObject(value)) return value;
  } catch (error) {
    if (!(error instanceof JsonError || error instanceof TypeError)) throw error;
    throw new SafetensorsError('header_json', `the header is not JSON in UTF-8: ${error.message}`);
  }
  throw new SafetensorsError('header_json', 'the header does not start with a JSON object');
}

function isStringRecord(value: unknown): value is Record<string, string> {
  return isPlainObject(value) && Object.values(value).every((item) => typeof item === 'string');
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

/** Where a tensor lies in the data. */
export interface TensorSpan<Name extends string = string> {
  readonly name: string;
  readonly dtype: Name;
  readonly shape: readonly number[];
  readonly start: number;
  readonly end: number;
}

/**
 * The tensors in the order of the header, once every entry is checked, and that they tile the data.
 * @param sizes bytes of an element of the dtypes that may occur
 * @throws SafetensorsError
 */
export function layOut<Name extends string>(
  entries: SafetensorsHeader['entries'],
  dataLength: number,
  sizes: Readonly<Record<Name, number>>,
): TensorSpan<Name>[] {
  const spans = entries.map(([name, entry]) => checkEntry(name, entry, dataLength, sizes));
  let position = 0;
  for (const { name, start, end } of [...spans].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start !== position) {
      const fault = start < position ? 'overlaps the tensor before it' : 'leaves a gap before it';
      throw new SafetensorsError(
        'offsets',
        `tensor ${JSON.stringify(name)} ${fault}: it starts at ${start}, expected ${position}`,
      );
    }
    position = end;
  }
  if (position !== dataLength) {
    throw new SafetensorsError(
      'length',
      `tensors end at byte ${position} of the data, which has ${dataLength}`,
    );
  }
  return spans;
}

function checkEntry<Name extends string>(
  name: string,
  entry: unknown,
  dataLength: number,
  sizes: Readonly<Record<Name, number>>,
): TensorSpan<Name> {
  const label = `tensor ${JSON.stringify(name)}`;
  if (!isPlainObject(entry))
    throw new SafetensorsError('tensor_entry', `${label} is not described by an object`);
  const { dtype, shape, data_offsets: offsets, ...rest } = entry;
  const unknown = Object.keys(rest);
  if (unknown.length > 0) {
    throw new SafetensorsError(
      'tensor_entry',
      `${label} has unknown fields: ${unknown.slice(0, 5).join(', ')}`,
    );
  }
  if (!isDtype(dtype, sizes)) {
    throw new SafetensorsError(
      'dtype',
      `${label} has dtype ${JSON.stringify(dtype)}; known: ${Object.keys(sizes).join(', ')}`,
    );
  }
  if (!isCounts(shape)) throw new SafetensorsError('shape', `${label} has no shape of non-negative integers`);
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw new SafetensorsError('offsets', `${label} has no data_offsets of two non-negative integers`);
  }
  const [start = 0, end = 0] = offsets;
  if (start > end)
    throw new SafetensorsError('offsets', `${label} ends at ${end}, before its start ${start}`);
  if (end > dataLength) {
    throw new SafetensorsError(
      'truncated',
      `${label} ends at byte ${end} of the data, which has ${dataLength}`,
    );
  }
  const expected = byteLength(name, sizes[dtype], shape);
  if (end - start !== expected) {
    throw new SafetensorsError(
      'length',
      `${label} (${dtype} [${shape.slice(0, 8)}]) needs ${expected} bytes; its offsets hold ${end - start}`,
    );
  }
  return { name, dtype, shape, start, end };
}

function isDtype<Name extends string>(value: unknown, sizes: Readonly<Record<Name, number>>): value is Name {
  return typeof value === 'string' && Object.hasOwn(sizes, value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

function byteLength(name: string, element: number, shape: readonly number[]): number {
  let bytes = element;
  for (const size of shape) {
    bytes *= size;
    if (!Number.isSafeInteger(size) || size < 0 || !Number.isSafeInteger(bytes)) {
      throw new SafetensorsError(
        'shape',
        `tensor ${JSON.stringify(name)} has an impossible size: [${shape.slice(0, 8)}]`,
      );
    }
  }
  return bytes;
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
