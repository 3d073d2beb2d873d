/**
 * Reads a model file without the weights stored in it, skipping them in the file: it takes milliseconds, however many
 * gigabytes there are. The constants are field numbers of onnx.proto.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileKind } from '../../common/file-kind.js';
import type { ModelProto } from '../schema/onnx_pb.js';
import { OnnxError, parseModel } from './model-file.js';

const modelGraph = 7;
const graphInitializer = 5;
const rawData = 9;
const externalData = 13;
const dataLocation = 14;
/** TensorProto.DataLocation. */
const external = 1;
/** float_data, int32_data, string_data, int64_data, raw_data, double_data, uint64_data. */
const tensorValues: ReadonlySet<number> = new Set([4, 5, 6, 7, 9, 10, 11]);

/**
 * Bytes up to which a tensor's values are kept: small ones are shapes and constants, which graphs are understood by.
 */
const smallTensor = 4096;
const windowBytes = 1 << 16;
/** Bytes of a field's tag and length, both varints of up to ten bytes. */
const longestHead = 20;

/** The kind of message being read; anything inside a graph but a large tensor is copied as it is. */
type Level = 'model' | 'graph' | 'tensor';
/** Encoded fields that take the place of a large value, which lies at `offset` in the file; null keeps the value. */
type Replace = (field: number, offset: number, length: number) => Uint8Array[] | null;

/**
 * The model without the values of large tensors: its graph can be read, but not run.
 * @throws OnnxError when the file is not an ONNX model with a graph; the file system's error
 */
export async function readOutline(file: string): Promise<ModelProto> {
  return readShortened(file, () => []);
}

/**
 * The model with its large weights declared as external data located in the model's own file. A runtime can map them
 * from there, and the whole file is never in memory. Values that are not stored as raw bytes stay in the message.
 * @throws OnnxError when the file is not an ONNX model with a graph; the file system's error
 */
export async function readWithWeightsInPlace(file: string): Promise<ModelProto> {
  /** An `external_data` field: a StringStringEntryProto. */
  const entry = (key: string, value: string) => {
    const [k, v] = [Buffer.from(key), Buffer.from(value)];
    const pair = Buffer.concat([varint(10), varint(k.length), k, varint(18), varint(v.length), v]);
    return Buffer.concat([varint(externalData * 8 + 2), varint(pair.length), pair]);
  };
  return readShortened(file, (field, offset, length) => {
    if (field !== rawData) return null;
    const place = { location: basename(file), offset: `${offset}`, length: `${length}` };
    const entries = Object.entries(place).map(([key, value]) => entry(key, value));
    return [...entries, varint(dataLocation * 8), varint(external)];
  });
}

async function readShortened(file: string, replace: Replace): Promise<ModelProto> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const reader = new FieldReader(handle, size, file);
    return parseModel(Buffer.concat(await shortened(reader, size, 'model', replace)), file);
  } catch (error) {
    const kind = error instanceof OnnxError ? fileKind(await beginning(handle)) : null;
    throw kind === null ? error : new OnnxError(`${file} is not an ONNX model: the file is ${kind}`);
  } finally {
    await handle.close();
  }
}

async function beginning(handle: FileHandle): Promise<Uint8Array> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(4096), 0, 4096, 0);
  return buffer.subarray(0, bytesRead);
}

/** The encoded fields up to position `end`, with large values replaced. */
async function shortened(
  reader: FieldReader,
  end: number,
  level: Level,
  replace: Replace,
): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  // Written last: of a field that occurs twice, such as a data_location that is written out as the default, the last
  // counts.
  const replaced: Uint8Array[] = [];
  while (reader.position < end) {
    const { field, head, length } = await reader.head();
    if (reader.position + length > end) throw reader.broken();
    const below = levelBelow(level, field, length);
    if (below !== null) {
      const inner = Buffer.concat(await shortened(reader, reader.position + length, below, replace));
      pieces.push(varint(field * 8 + 2), varint(inner.length), inner);
      continue;
    }
    const large = level === 'tensor' && tensorValues.has(field) && length > smallTensor;
    const instead = large ? replace(field, reader.position, length) : null;
    if (instead) {
      reader.skip(length);
      replaced.push(...instead);
    } else pieces.push(head, await reader.take(length));
  }
  return [...pieces, ...replaced];
}

/** The kind of message in a field that must be read field by field; null for one to copy. */
function levelBelow(level: Level, field: number, length: number): Level | null {
  if (level === 'model' && field === modelGraph) return 'graph';
  return level === 'graph' && field === graphInitializer && length > smallTensor ? 'tensor' : null;
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** Reads the fields of protobuf messages from a file, one after the other, through a window of 64 KiB or more. */
class FieldReader {
  position = 0;
  #window = Buffer.alloc(0);
  /** Position of the window in the file. */
  #start = 0;

  constructor(
    readonly handle: FileHandle,
    readonly size: number,
    readonly file: string,
  ) {}

  /** The error for a file that ends too early or is not protobuf. */
  broken(): OnnxError {
    return new OnnxError(`${this.file} is not an ONNX model: it breaks off or is no protobuf`);
  }

  /** Reads a field's tag, and its length or varint value: the field's number, those bytes, and how many more follow. */
  async head(): Promise<{ field: number; head: Uint8Array; length: number }> {
    await this.#fill(Math.min(longestHead, this.size - this.position));
    const begin = this.position;
    const tag = this.#varint();
    const length = this.#lengthOf(tag % 8);
    const from = begin - this.#start;
    const head = Buffer.from(this.#window.subarray(from, this.position - this.#start));
    return { field: Math.floor(tag / 8), head, length };
  }

  /** The number of bytes of the value that are yet to be read. */
  #lengthOf(wireType: number): number {
    if (wireType === 2) return this.#varint();
    if (wireType === 1) return 8;
    if (wireType === 5) return 4;
    if (wireType !== 0) throw this.broken();
    this.#varint();
    return 0;
  }

  /** Values beyond 2^53 are inexact; tags and lengths are smaller, and other values are only skipped. */
  #varint(): number {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = this.#window[this.position++ - this.#start];
      if (byte === undefined) throw this.broken();
      value += (byte % 128) * 128 ** i;
      if (byte < 128) return value;
    }
    throw this.broken();
  }

  /** Reads the next bytes. */
  async take(bytes: number): Promise<Uint8Array> {
    await this.#fill(bytes);
    const from = this.position - this.#start;
    this.position += bytes;
    return Buffer.from(this.#window.subarray(from, from + bytes));
  }

  skip(bytes: number): void {
    this.position += bytes;
  }

  /** Makes the window hold the next `bytes` bytes. */
  async #fill(bytes: number): Promise<void> {
    const from = this.position - this.#start;
    if (from >= 0 && from + bytes <= this.#window.length) return;
    const length = Math.min(Math.max(bytes, windowBytes), this.size - this.position);
    const window = Buffer.alloc(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.handle.read(window, filled, length - filled, this.position + filled);
      if (bytesRead === 0) throw this.broken();
      filled += bytesRead;
    }
    if (length < bytes) throw this.broken();
    this.#window = window;
    this.#start = this.position;
  }
}
