/**
 * GGUF files that are read whole, as control vectors are. Tensors together are no larger than the file's data, so that
 * what is made of a file is not much larger than the file. Tensors of floats are read; quantised ones are refused.
 * gguf-writer.ts writes; gguf-file.ts reads those of whole models, by ranges.
 */

import { float16ToNumber } from '../common/float16.js';
import { type GgufEntry, GgufError, type GgufValue, readGgufHead, shownName } from './gguf-head.js';

export { GgufError } from './gguf-head.js';

/** Control vectors have a handful of keys and a tensor a layer; metadata of whole models is larger and refused. */
const limits = { keys: 1024, tensors: 8192, items: 65_536 } as const;

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

/** @throws GgufError */
export function decodeGguf(bytes: Uint8Array): Gguf {
  const { metadata, entries, dataStart } = readGgufHead(bytes, bytes.length, limits);
  for (const entry of entries) checkPlace(bytes, dataStart, entry);
  // Tensors may share bytes for all that the offsets say, and each is copied when it is read.
  const together = entries.reduce((sum, entry) => sum + (byteLengthOf(entry) ?? 0), 0);
  if (together > bytes.length - dataStart) {
    throw new GgufError(
      'tensor',
      `the tensors have ${together} bytes together, and the file ${bytes.length - dataStart} for them: they overlap`,
    );
  }
  return { metadata, tensors: entries.map((entry) => tensorAt(bytes, dataStart, entry)) };
}

/** Null for a type that is not read. */
function byteLengthOf({ type, shape }: GgufEntry): number | null {
  const element = floats[type];
  return element === undefined ? null : element.bytes * shape.reduce((product, size) => product * size, 1);
}

function checkPlace(bytes: Uint8Array, dataStart: number, entry: GgufEntry): void {
  const what = `tensor ${shownName(entry.name)}`;
  const end = dataStart + entry.offset + (byteLengthOf(entry) ?? 0);
  if (!(end <= bytes.length)) {
    throw new GgufError('truncated', `${what} ends at byte ${end} of the file, which has ${bytes.length}`);
  }
}

function tensorAt(bytes: Uint8Array, dataStart: number, entry: GgufEntry): GgufTensor {
  const { name, shape, type, offset } = entry;
  return {
    name,
    shape,
    toFloat32() {
      const element = floats[type];
      if (element === undefined) {
        throw new GgufError(
          'tensor',
          `tensor ${shownName(name)} has type ${type}; it must be F32 (0), F16 (1), F64 (28) or BF16 (30)`,
        );
      }
      const start = dataStart + offset;
      // A copy, hence aligned. (A Buffer's own `slice` is a view.)
      return element.read(new Uint8Array(bytes.subarray(start, start + (byteLengthOf(entry) ?? 0))).buffer);
    },
  };
}
