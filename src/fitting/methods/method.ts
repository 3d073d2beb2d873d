/**
 * What every method is: one layer's labelled examples in, one direction out. What is common to all of them is
 * done around them: the examples come as unit rows in an order that pairs the classes, split into those that teach and those
 * that validate (examples.ts), and the direction's sign and length are settled afterwards (layer-fit.ts).
 */
import type { Matrix } from '../linear-algebra/matrix.js';
import type { Products } from '../linear-algebra/products.js';

export interface Examples {
  /** [n, H] unit rows; a zero row where the features were zero. */
  readonly rows: Matrix;
  /** [n] 1 with the concept, 0 without. */
  readonly labels: Float64Array;
  /** [n] what to predict, between 0 and 1: the labels, or the soft labels scaled to their range. */
  readonly targets: Float64Array;
}

export interface MethodInput {
  /** Both classes, at least two of each. */
  readonly training: Examples;
  /** What methods choose their settings by: both classes. The training examples themselves when `heldOut` is false. */
  readonly validation: Examples;
  /** False where there are too few examples to hold any out. */
  readonly heldOut: boolean;
}

export interface Direction {
  /** [H], neither signed nor normalised. */
  readonly direction: Float64Array;
  /** |Pearson's r| of the validation examples' projections with their targets; NaN when all project alike. */
  readonly validationR: number;
  /** What the method chose, for the layer's record. JSON values only. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface Method {
  /** One sentence for the API's documentation. */
  readonly description: string;
  /** Whether it learns from labels between 0 and 1. Others learn from 1 and 0; soft labels then settle sign and validation r only. */
  readonly softLabels: boolean;
  /**
   * Same input, same bytes. Null when the examples hold no direction for it.
   * @throws what `products` throw when the work is cancelled.
   */
  readonly direction: (input: MethodInput, products: Products) => Direction | null;
}
