/**
 * A tensor as blocks in a file. It may lie there in another order of rows, or with a number added to every value: what
 * GGUF's converters do to some tensors is undone as they are read.
 */
import { errors } from '../errors.js';
import { blockTypes } from './block-types.js';
import { blockValues, hasFiniteScales } from './block-values.js';
import type { CheckpointTensor, TensorType } from './checkpoint.js';
import type { FileRanges } from './file-ranges.js';

export interface StoredTensor {
  /** In Hugging Face's words. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: TensorType;
  readonly file: FileRanges;
  /** Where its first block begins. */
  readonly start: number;
  /** Rows of a head whose first and second halves lie interleaved in the file; 0 for the order that PyTorch has. */
  readonly interleaved?: number;
  /** What is to be taken off every value. */
  readonly shift?: number;
}

/** A vector is one row: all its values. */
const rowLength = (shape: readonly number[]): number =>
  shape.length < 2 ? (shape[0] ?? 1) : shape.slice(1).reduce((product, size) => product * size, 1);

/** @throws SteerdError checkpoint_invalid from its functions: values that are no numbers */
export function openTensor(stored: StoredTensor): CheckpointTensor {
  const { name, shape, type, file, start, interleaved = 0, shift = 0 } = stored;
  const { values, bytes } = blockTypes[type];
  const length = rowLength(shape);
  const rowBytes = (length / values) * bytes;
  const isVector = shape.length < 2;

  const read = async (first: number, count: number): Promise<Uint8Array<ArrayBuffer>> => {
    if (interleaved === 0) return file.read(start + first * rowBytes, count * rowBytes);
    // Whole heads; of a bias, whose single row holds all heads, a value is what a row is of a matrix.
    const [unit, from, to] = isVector
      ? [bytes, 0, length]
      : [
          rowBytes,
          Math.floor(first / interleaved) * interleaved,
          Math.ceil((first + count) / interleaved) * interleaved,
        ];
    const heads = await file.read(start + from * unit, (to - from) * unit);
    const [begin, rows] = isVector ? [0, length] : [first, count];
    const out = new Uint8Array(rows * unit);
    for (let i = 0; i < rows; i++) {
      const row = begin + i;
      const place = row % interleaved;
      const half = interleaved / 2;
      const source = row - place + (place % half) * 2 + Math.floor(place / half) - from;
      out.set(heads.subarray(source * unit, (source + 1) * unit), i * unit);
    }
    return out;
  };
  const refuse = () =>
    errors.checkpointInvalid(
      file.path,
      `tensor ${JSON.stringify(name.slice(0, 80))} has values that are no numbers`,
    );
  const rows = async (first: number, count: number): Promise<Float32Array> => {
    const out = blockValues(type, await read(first, count));
    for (let i = 0; i < out.length; i++) {
      const value = out[i] ?? 0;
      if (!Number.isFinite(value)) throw refuse();
      if (shift !== 0) out[i] = value - shift;
    }
    return out;
  };
  const raw = async (first: number, count: number): Promise<Uint8Array> => {
    const stored = await read(first, count);
    if (!hasFiniteScales(type, stored)) throw refuse();
    return stored;
  };
  if (shift === 0) return { name, shape, type, rows, raw };
  const shifted = async (first: number, count: number) => new Uint8Array((await rows(first, count)).buffer);
  return { name, shape, type: 'F32', rows, raw: shifted };
}
