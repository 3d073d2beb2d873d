/**
 * Cholesky's factorisation A = L L' of a symmetric positive definite matrix (Golub and Van Loan, Matrix
 * Computations, 4.2), left-looking by blocks of columns: what the finished columns take from a block is one
 * product, and only the block's own triangle and panel are worked in JavaScript.
 */
import { type Matrix, rowOf, zeros } from './matrix.js';
import type { Products } from './products.js';
import { dot } from './vectors.js';

const blockWidth = 32;

/** Overwrites the lower triangle of `matrix` by L; only that triangle is read. False when it is not positive definite. */
export function factorize(matrix: Matrix, products: Products): boolean {
  const { rows: n, data } = matrix;
  for (let start = 0; start < n; start += blockWidth) {
    const end = Math.min(n, start + blockWidth);
    if (start > 0) subtractFinished(matrix, start, end, products);
    for (let i = start; i < n; i++) {
      const row = i * n;
      for (let j = start; j < Math.min(i, end); j++) {
        const rest = (data[row + j] as number) - dotWithin(data, row + start, j * n + start, j - start);
        data[row + j] = rest / (data[j * n + j] as number);
      }
      if (i >= end) continue;
      const square = (data[row + i] as number) - dotWithin(data, row + start, row + start, i - start);
      if (!(square > 0) || !Number.isFinite(square)) return false;
      data[row + i] = Math.sqrt(square);
    }
  }
  return true;
}

/** Inner product of two pieces of one array: the innermost loop, which views would slow down. */
function dotWithin(data: Float64Array, a: number, b: number, length: number): number {
  let even = 0;
  let odd = 0;
  const whole = length - (length % 2);
  for (let k = 0; k < whole; k += 2) {
    even += (data[a + k] as number) * (data[b + k] as number);
    odd += (data[a + k + 1] as number) * (data[b + k + 1] as number);
  }
  if (whole < length) even += (data[a + whole] as number) * (data[b + whole] as number);
  return even + odd;
}

/** A[start:, start:end] -= L[start:, :start] x L[start:end, :start]' */
function subtractFinished(matrix: Matrix, start: number, end: number, products: Products): void {
  const n = matrix.rows;
  const finished = zeros(n - start, start);
  for (let i = start; i < n; i++) rowOf(finished, i - start).set(rowOf(matrix, i).subarray(0, start));
  const block = { rows: end - start, columns: start, data: finished.data };
  const taken = products.multiply(finished, block, 'second');
  for (let i = start; i < n; i++) {
    const row = rowOf(matrix, i);
    const take = rowOf(taken, i - start);
    for (let j = start; j < end; j++) row[j] = (row[j] as number) - (take[j - start] as number);
  }
}

/** x of L L' x = b. */
export function solveFactorized(factor: Matrix, b: Float64Array): Float64Array {
  const n = factor.rows;
  const x = Float64Array.from(b);
  for (let i = 0; i < n; i++) {
    const row = rowOf(factor, i);
    x[i] = ((x[i] as number) - dot(row.subarray(0, i), x.subarray(0, i))) / (row[i] as number);
  }
  for (let i = n - 1; i >= 0; i--) {
    const row = rowOf(factor, i);
    const value = (x[i] as number) / (row[i] as number);
    x[i] = value;
    for (let j = 0; j < i; j++) x[j] = (x[j] as number) - value * (row[j] as number);
  }
  return x;
}
