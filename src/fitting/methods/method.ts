/**
 * What every method is: one layer's labelled rows in, one direction out. What is common to all of them is done around
 * them: features become unit rows, split into those that teach and those that validate (labelled-rows.ts), and the
 * direction's sign and length are settled afterwards (../fit-layer.ts).
 */
import type { Products } from '../linear-algebra/products.js';
import type { SplitRows } from './labelled-rows.js';

interface Direction {
  /** [H], neither signed nor normalised. */
  readonly direction: Float64Array;
  /** |Pearson's r| of the validation rows' projections with their targets; NaN when all project alike. */
  readonly validationR: number;
  /** What the method chose, for the layer's record. JSON values only. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface Method {
  /**
   * Same rows, same bytes. A method that learns from classes alone reads `labels` and leaves `targets` be: soft labels
   * then settle the sign and the validation r only. Null when the rows hold no direction for it.
   * @throws what `products` throw when the work is cancelled.
   */
  readonly direction: (rows: SplitRows, products: Products) => Direction | null;
}
