/**
 * A model's graph without its weights, read from the file in pieces: what an export is can be told in milliseconds,
 * however many gigabytes lie inside it. Fields by their numbers in onnx.proto.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ModelProto } from '../schema/onnx_pb.js';
import { OnnxError, parseModel } from './model-file.js';

const modelGraph = 7;
const graphInitializer = 5;
const rawData = 9;
const externalData = 13;
const dataLocation = 14;
const external = 1;
/** float_data, int32_data, string_data, int64_data, raw_data, double_data, uint64_data. */
const tensorValues: ReadonlySet<number> = new Set([4, 5, 6, 7, 9, 10, 11]);

/** Values of fewer bytes are kept: shapes and constants tell what a graph does. */
const smallTensor = 4096;
const windowBytes = 1 << 16;
/** Of a tag and a length, both varints. */
const longestHead = 20;

type Level = 'model' | 'graph' | 'tensor';
/** Fields to write in place of a large value that lies `offset` bytes into the file; null keeps the value. */
type Replace = (field: number, offset: number, length: number) => Uint8Array[] | null;

/**
 * The model with empty values in place of large ones; good for reading, not for running.
 * @throws OnnxError when the file is not an ONNX model with a graph; the file system's error
 */
export async function readOutline(file: string): Promise<ModelProto> {
  return readShortened(file, () => []);
}

/**
 * The model with its large weights as external data that lies inside the model's own file: a runtime maps them from
 * there, and nobody holds the whole file in memory. Values that are not stored as raw bytes stay where they are.
 * @throws OnnxError when the file is not an ONNX model with a graph; the file system's error
 */
export async function readWithWeightsInPlace(file: string): Promise<ModelProto> {
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
  } finally {
    await handle.close();
  }
}

/** The fields up to `end`, shortened. */
async function shortened(
  reader: FieldReader,
  end: number,
  level: Level,
  replace: Replace,
): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  // At the end: of a field that is there twice, such as a location written out as the default, the last one counts.
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

/** Reads protobuf fields one after the other. */
class FieldReader {
  position = 0;
  #window = Buffer.alloc(0);
  /** Where in the file the window begins. */
  #start = 0;

  constructor(
    readonly handle: FileHandle,
    readonly size: number,
    readonly file: string,
  ) {}

  broken(): OnnxError {
    return new OnnxError(`${this.file} is not an ONNX model: it breaks off or is no protobuf`);
  }

  /** The next field's number, its bytes so far, and how many follow. */
  async head(): Promise<{ field: number; head: Uint8Array; length: number }> {
    await this.#fill(Math.min(longestHead, this.size - this.position));
    const begin = this.position;
    const tag = this.#varint();
    const length = this.#lengthOf(tag % 8);
    const from = begin - this.#start;
    const head = Buffer.from(this.#window.subarray(from, this.position - this.#start));
    return { field: Math.floor(tag / 8), head, length };
  }

  /** Of a field's value, what comes after the bytes already read. */
  #lengthOf(wireType: number): number {
    if (wireType === 2) return this.#varint();
    if (wireType === 1) return 8;
    if (wireType === 5) return 4;
    if (wireType !== 0) throw this.broken();
    this.#varint();
    return 0;
  }

  /** Values beyond 2^53 lose bits, which nobody asks for here. */
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

  async take(bytes: number): Promise<Uint8Array> {
    await this.#fill(bytes);
    const from = this.position - this.#start;
    this.position += bytes;
    return Buffer.from(this.#window.subarray(from, from + bytes));
  }

  skip(bytes: number): void {
    this.position += bytes;
  }

  /** Makes the next bytes lie in the window. */
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
