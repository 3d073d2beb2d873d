/**
 * What a safetensors file says of itself (https://huggingface.co/docs/safetensors): eight bytes of little-endian header length N,
 * N bytes of JSON `{name: {dtype, shape, data_offsets}, "__metadata__": {string: string}}`, then the data, which the
 * tensors tile without gap or overlap. Nothing is trusted: every count and offset is checked against the file's own
 * length before it is used. The data need not be in memory.
 */
import { isPlainObject, JsonError, parseStrictJson } from '../common/canonical-json.js';
import { fileKind } from '../common/file-kind.js';

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

export interface SafetensorsHeader {
  readonly metadata: Readonly<Record<string, string>>;
  /** Tensors' entries as the JSON has them, not yet checked. */
  readonly entries: readonly (readonly [name: string, entry: unknown])[];
  /** Offset in the file of the first data byte. */
  readonly dataStart: number;
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

/** Bytes of a tensor's data. @throws SafetensorsError for a shape that no file can hold */
export function byteLength(name: string, element: number, shape: readonly number[]): number {
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
