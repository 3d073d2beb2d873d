/** From rows as a checkpoint stores them to rows of blocks as a built model does. It knows no files: threads run it. */
import { blockTypes } from '../checkpoint/block-types.js';
import { blockValues } from '../checkpoint/block-values.js';
import type { TensorType } from '../checkpoint/checkpoint.js';
import {
  blockSize,
  blocksOf,
  fromQ4,
  fromQ4ToEightBits,
  fromQ8,
  type QuantizedRows,
  toEightBits,
  toFourBits,
} from './quantize.js';

export interface StoredRows {
  readonly type: TensorType;
  /** Whole rows of whole blocks. */
  readonly raw: Uint8Array;
  readonly columns: number;
  readonly bits: 8 | 4;
}

/** What MatMulNBits reads: values, scales and, for 4 bits, two zero points a byte, each row beginning with a new byte. */
export type RoundedRows = QuantizedRows;

/**
 * Rows that a GGUF file has in such blocks are taken as they are, others rounded.
 * @returns null when a value is no number
 */
export function roundRows({ type, raw, columns, bits }: StoredRows): RoundedRows | null {
  const rowBytes = (columns / blockTypes[type].values) * blockTypes[type].bytes;
  const rows = raw.length / rowBytes;
  const blocks = rows * blocksOf(columns);
  if (type === 'Q8_0' && bits === 8) return fromQ8(raw, blocks);
  if (type === 'Q4_0' && bits === 8) return fromQ4ToEightBits(raw, blocks);
  if (type === 'Q4_0') return withPackedZeros(fromQ4(raw, blocks), rows);
  const given = blockValues(type, raw);
  for (let i = 0; i < given.length; i++) if (!Number.isFinite(given[i])) return null;
  const values = padded(given, rows, columns);
  return bits === 8 ? toEightBits(values, blocks) : withPackedZeros(toFourBits(values, blocks), rows);
}

/** Rows of whole blocks, zeros behind the weights. */
function padded(values: Float32Array, rows: number, columns: number): Float32Array {
  const width = blocksOf(columns) * blockSize;
  if (width === columns) return values;
  const wide = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++)
    wide.set(values.subarray(row * columns, (row + 1) * columns), row * width);
  return wide;
}

function withPackedZeros(made: QuantizedRows, rows: number): RoundedRows {
  const { zeroPoints } = made;
  const blocks = zeroPoints.length / rows;
  const width = Math.ceil(blocks / 2);
  const packed = new Uint8Array(rows * width);
  for (let row = 0; row < rows; row++)
    for (let block = 0; block < blocks; block++) {
      const code = zeroPoints[row * blocks + block] as number;
      const at = row * width + (block >> 1);
      packed[at] = (packed[at] as number) | (block % 2 === 0 ? code : code << 4);
    }
  return { ...made, zeroPoints: packed };
}
