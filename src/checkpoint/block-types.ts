/**
 * The ways in which a tensor's values are stored: how many values share a block and how many bytes it has. Ids and sizes
 * are those of `ggml_type` (https://github.com/ggml-org/ggml/blob/master/include/ggml.h).
 */
import type { TensorType } from './checkpoint.js';

export interface BlockType {
  /** `ggml_type`. */
  readonly id: number;
  /** Values in a block. */
  readonly values: number;
  /** Bytes of a block. */
  readonly bytes: number;
  /** Where in a block its float16 scales and minima lie. */
  readonly halves: readonly number[];
}

export const blockTypes: Readonly<Record<TensorType, BlockType>> = {
  F32: { id: 0, values: 1, bytes: 4, halves: [] },
  F16: { id: 1, values: 1, bytes: 2, halves: [] },
  Q4_0: { id: 2, values: 32, bytes: 18, halves: [0] },
  Q4_1: { id: 3, values: 32, bytes: 20, halves: [0, 2] },
  Q5_0: { id: 6, values: 32, bytes: 22, halves: [0] },
  Q5_1: { id: 7, values: 32, bytes: 24, halves: [0, 2] },
  Q8_0: { id: 8, values: 32, bytes: 34, halves: [0] },
  Q2_K: { id: 10, values: 256, bytes: 84, halves: [80, 82] },
  Q3_K: { id: 11, values: 256, bytes: 110, halves: [108] },
  Q4_K: { id: 12, values: 256, bytes: 144, halves: [0, 2] },
  Q5_K: { id: 13, values: 256, bytes: 176, halves: [0, 2] },
  Q6_K: { id: 14, values: 256, bytes: 210, halves: [208] },
  IQ4_NL: { id: 20, values: 32, bytes: 18, halves: [0] },
  IQ4_XS: { id: 23, values: 256, bytes: 136, halves: [0] },
  BF16: { id: 30, values: 1, bytes: 2, halves: [] },
};

const byId = new Map(
  Object.entries(blockTypes).map(([name, { id }]): [number, TensorType] => [id, name as TensorType]),
);

/** Undefined for a type that is not read. */
export const typeOfId = (id: number): TensorType | undefined => byId.get(id);
