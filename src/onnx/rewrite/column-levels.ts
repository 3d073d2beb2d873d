/**
 * How many levels products by column have. Integer sums are exact only where the processor's kernels have room for them.
 */
export interface ColumnLevels {
  /** The largest of a weight, which is int8 and symmetric. */
  readonly weight: number;
  /** The largest of an activation, above and below the middle level, which is one more: uint8 from 1 on. */
  readonly activation: number;
}

/** All of a byte: for kernels that add products in 32 bits. */
export const fullLevels: ColumnLevels = { weight: 127, activation: 127 };

/**
 * For kernels that add two products in 16 bits and then saturate: 2 x 203 x 80 is 32,480. How the levels are shared out was
 * measured (docs/decisions/0011-products-by-column.md).
 */
export const pairLevels: ColumnLevels = { weight: 80, activation: 101 };
