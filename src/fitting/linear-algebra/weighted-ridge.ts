/**
 * Ridge regression with a weight for every row and an intercept that is not penalised: the b and c that minimise
 * sum_i w_i (z_i - <x_i, b> - c)^2 + penalty |b|^2 (Hastie, Tibshirani and Friedman, The Elements of Statistical
 * Learning, 3.4 and 18.3.5). It is solved in the smaller of the two spaces, that of the rows or of the columns.
 */
import { factorize, solveFactorized } from './cholesky.js';
import { type Matrix, rowOf, timesVector, weightedRowSum, zeros } from './matrix.js';
import type { Products } from './products.js';
import { addScaled, dot, scale } from './vectors.js';

export interface RidgeFit {
  /** b, one number a column. */
  readonly coefficients: Float64Array;
  /** c */
  readonly intercept: number;
}

export class WeightedRidge {
  /** rows x rows', where there are fewer rows than columns. */
  readonly #gram: Matrix | null;

  constructor(
    readonly rows: Matrix,
    readonly products: Products,
  ) {
    this.#gram = rows.rows < rows.columns ? products.multiply(rows, rows, 'second') : null;
  }

  /** Null when rounding leaves the system without a solution. */
  solve(weights: Float64Array, targets: Float64Array, penalty: number): RidgeFit | null {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const shares = weights.map((weight) => weight / total);
    const center = weightedRowSum(this.rows, shares);
    const middle = dot(shares, targets);
    const centered = targets.map((target) => target - middle);
    const coefficients =
      this.#gram === null
        ? this.#overColumns(weights, total, center, centered, penalty)
        : this.#overRows(this.#gram, weights, shares, center, centered, penalty);
    if (coefficients === null) return null;
    return { coefficients, intercept: middle - dot(center, coefficients) };
  }

  /** (X' W X - total m m' + penalty) b = X' W z, with m the weighted mean row. */
  #overColumns(
    weights: Float64Array,
    total: number,
    center: Float64Array,
    targets: Float64Array,
    penalty: number,
  ): Float64Array | null {
    const { rows, columns } = this.rows;
    const weighted = zeros(rows, columns);
    for (let i = 0; i < rows; i++) addScaled(rowOf(weighted, i), rowOf(this.rows, i), weights[i] as number);
    const system = this.products.multiply(this.rows, weighted, 'first');
    for (let j = 0; j < columns; j++) {
      addScaled(rowOf(system, j), center, -total * (center[j] as number));
      system.data[j * columns + j] = (system.data[j * columns + j] as number) + penalty;
    }
    if (!factorize(system, this.products)) return null;
    return solveFactorized(system, weightedRowSum(weighted, targets));
  }

  /** b = X_c' S g with (S K_c S + penalty) g = S z, where K_c is the Gram matrix of the centred rows and S^2 = W. */
  #overRows(
    gram: Matrix,
    weights: Float64Array,
    shares: Float64Array,
    center: Float64Array,
    targets: Float64Array,
    penalty: number,
  ): Float64Array | null {
    const n = gram.rows;
    const roots = weights.map(Math.sqrt);
    const toCenter = timesVector(gram, shares);
    const ofCenter = dot(shares, toCenter);
    const system = zeros(n, n);
    for (let i = 0; i < n; i++) {
      const row = rowOf(system, i);
      const from = rowOf(gram, i);
      const offset = ofCenter - (toCenter[i] as number);
      for (let j = 0; j <= i; j++) {
        const product = (from[j] as number) + offset - (toCenter[j] as number);
        row[j] = (roots[i] as number) * (roots[j] as number) * product;
      }
      row[i] = (row[i] as number) + penalty;
    }
    if (!factorize(system, this.products)) return null;
    const dual = solveFactorized(
      system,
      targets.map((target, i) => target * (roots[i] as number)),
    ).map((g, i) => g * (roots[i] as number));
    const coefficients = weightedRowSum(this.rows, dual);
    addScaled(coefficients, center, -dual.reduce((sum, g) => sum + g, 0));
    return coefficients;
  }
}

/** <x_i, b> + c for every row. */
export function predictions(rows: Matrix, { coefficients, intercept }: RidgeFit): Float64Array {
  return timesVector(rows, coefficients).map((projection) => projection + intercept);
}

/** from + share * (to - from) */
export function between(from: RidgeFit, to: RidgeFit, share: number): RidgeFit {
  const coefficients = from.coefficients.slice();
  scale(coefficients, 1 - share);
  addScaled(coefficients, to.coefficients, share);
  return { coefficients, intercept: (1 - share) * from.intercept + share * to.intercept };
}
