/**
 * The space in which a feature machine works: all columns or, where there are fewer rows than columns, the span of the
 * rows. Gradients of the kernel are sums of rows, so with G = B X every matrix M = G' G follows from B and X alone, and
 * rows·M and rows·M·rows' from n x n products: the cost of a round stops growing with H. One step needs G itself, M's
 * largest entry (agop.ts).
 */
import { identity, type Matrix, transposed } from '../linear-algebra/matrix.js';
import type { Products } from '../linear-algebra/products.js';

export interface Span {
  /** X: [n, H] */
  readonly rows: Matrix;
  /** E: [d, H], the rows themselves; null where the space is all H columns. */
  readonly basis: Matrix | null;
  /** X as coordinates: [n, d] with X = coordinates · E. */
  readonly coordinates: Matrix;
  /** E X': [d, n] */
  readonly inner: Matrix;
  /** X X': [n, n] */
  readonly gram: Matrix;
}

export function spanOf(rows: Matrix, products: Products): Span {
  const gram = products.multiply(rows, rows, 'second');
  return rows.columns > rows.rows
    ? { rows, basis: rows, coordinates: identity(rows.rows), inner: gram, gram }
    : { rows, basis: null, coordinates: rows, inner: transposed(rows), gram };
}
