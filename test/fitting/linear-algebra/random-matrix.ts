/** Matrices of known make, the same in every run. */
import { Random } from '../../../src/common/random.js';
import { type Matrix, zeros } from '../../../src/fitting/linear-algebra/matrix.js';

/** Entries uniform in [-1, 1). */
export function randomMatrix(rows: number, columns: number, seed = 1): Matrix {
  const random = new Random(seed);
  const matrix = zeros(rows, columns);
  for (let i = 0; i < matrix.data.length; i++) matrix.data[i] = random.bits() / 2 ** 31 - 1;
  return matrix;
}

export const entry = ({ data, columns }: Matrix, i: number, j: number): number =>
  data[i * columns + j] as number;

/** The plain triple loop: what fast products are checked against. */
export function slowProduct(a: Matrix, b: Matrix): Matrix {
  const product = zeros(a.rows, b.columns);
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.columns; j++) {
      let sum = 0;
      for (let k = 0; k < a.columns; k++) sum += entry(a, i, k) * entry(b, k, j);
      product.data[i * b.columns + j] = sum;
    }
  }
  return product;
}

/** Mirrors x at the hyperplane whose normal is `axis`: I - 2 a a' / |a|^2, an orthogonal map. */
export function reflect(x: ArrayLike<number>, axis: ArrayLike<number>): Float64Array {
  let along = 0;
  let square = 0;
  for (let i = 0; i < axis.length; i++) {
    along += (x[i] as number) * (axis[i] as number);
    square += (axis[i] as number) ** 2;
  }
  return Float64Array.from(x, (value, i) => value - ((2 * along) / square) * (axis[i] as number));
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++)
    largest = Math.max(largest, Math.abs((a[i] as number) - (b[i] as number)));
  return largest;
}
