/** Float64 matrices, row-major, and what is done to them in time proportional to their size. */
import { addScaled, dot } from './vectors.js';

export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  /** [rows * columns], with memory of its own: products read it in place. */
  readonly data: Float64Array;
}

export function zeros(rows: number, columns: number): Matrix {
  const bytes = rows * columns * Float64Array.BYTES_PER_ELEMENT;
  return { rows, columns, data: new Float64Array(new ArrayBuffer(bytes)) };
}

export function identity(size: number): Matrix {
  const matrix = zeros(size, size);
  for (let i = 0; i < size; i++) matrix.data[i * size + i] = 1;
  return matrix;
}

/** Row i, as a view. */
export function rowOf({ data, columns }: Matrix, i: number): Float64Array {
  return data.subarray(i * columns, (i + 1) * columns);
}

/** A copy of some rows, in the order given. */
export function pickRows(matrix: Matrix, indices: readonly number[]): Matrix {
  const picked = zeros(indices.length, matrix.columns);
  for (const [i, index] of indices.entries()) rowOf(picked, i).set(rowOf(matrix, index));
  return picked;
}

export function transposed(matrix: Matrix): Matrix {
  const { rows, columns, data } = matrix;
  const result = zeros(columns, rows);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) result.data[j * rows + i] = data[i * columns + j] as number;
  }
  return result;
}

/** matrix x vector */
export function timesVector(matrix: Matrix, vector: Float64Array): Float64Array {
  const product = new Float64Array(matrix.rows);
  for (let i = 0; i < product.length; i++) product[i] = dot(rowOf(matrix, i), vector);
  return product;
}

/** matrix' x vector, that is the sum of the rows weighted by the vector. */
export function weightedRowSum(matrix: Matrix, weights: Float64Array): Float64Array {
  const sum = new Float64Array(matrix.columns);
  for (let i = 0; i < matrix.rows; i++) addScaled(sum, rowOf(matrix, i), weights[i] as number);
  return sum;
}

export function columnMeans(matrix: Matrix): Float64Array {
  return weightedRowSum(matrix, new Float64Array(matrix.rows).fill(1 / matrix.rows));
}

/** Takes `center` from every row, in place. */
export function subtractFromRows(matrix: Matrix, center: Float64Array): void {
  for (let i = 0; i < matrix.rows; i++) addScaled(rowOf(matrix, i), center, -1);
}
