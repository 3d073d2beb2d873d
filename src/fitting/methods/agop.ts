/**
 * A recursive feature machine (RFM; Radhakrishnan, Beaglehole, Pandit and Belkin, Science 2024, arXiv 2212.13881) with
 * the Laplacian kernel k(x, z) = exp(-|x - z|_M / bandwidth), |v|_M^2 = v' M v, from M = 1. A round solves kernel ridge
 * regression under M, takes the gradients of its prediction at the training rows, and makes M their average gradient
 * outer product (AGOP); gradients are centred and M is divided by its largest entry, as in the code of arXiv 2602.00333
 * (github.com/pdavar/attention_guided_steering, rfm.py).
 */
import { factorize, solveFactorized } from '../linear-algebra/cholesky.js';
import {
  columnMeans,
  type Matrix,
  subtractFromRows,
  weightedRowSum,
  zeros,
} from '../linear-algebra/matrix.js';
import type { Products } from '../linear-algebra/products.js';
import { topEigenvector } from '../linear-algebra/top-eigenvector.js';
import { scale } from '../linear-algebra/vectors.js';
import type { Span } from './span.js';

interface MachineSettings {
  readonly bandwidth: number;
  readonly ridge: number;
  /** The first has M = 1 and no direction; M after the last is not asked for. */
  readonly rounds: number;
}

interface LearnedFeature {
  readonly round: number;
  /** [d] top eigenvector of M in the span's coordinates: the direction is E' times it. */
  readonly coordinates: Float64Array;
}

/** Squared distances below this share of the rows' squared lengths are rounding: the rows count as equal. */
const leastDistance = 1e-13;

/** One feature a round, from the second on; ends early where the gradients vanish or are not finite. */
export function* learnedFeatures(
  span: Span,
  targets: Float64Array,
  { bandwidth, ridge, rounds }: MachineSettings,
  products: Products,
): Generator<LearnedFeature, void> {
  const { basis, inner, rows } = span;
  const [n, d] = [rows.rows, inner.rows];
  // Allocated once: every round overwrites them.
  const buffers = {
    kernel: zeros(n, n),
    weights: zeros(n, n),
    gradients: zeros(n, d),
    explicit: basis && zeros(n, rows.columns),
    byRows: zeros(n, n),
    gram: zeros(n, n),
    rowsByM: zeros(n, d),
    small: zeros(d, d),
  };
  let { coordinates: rowsByM, gram } = span;
  for (let round = 2; round <= rounds; round++) {
    if (!kernelAndSlopes(gram, bandwidth, buffers.kernel, buffers.weights)) return;
    for (let i = 0; i < n; i++) buffers.kernel.data[i * n + i] = 1 + ridge;
    if (!factorize(buffers.kernel, products)) return;
    toGradientWeights(buffers.weights, solveFactorized(buffers.kernel, targets));
    const gradients = products.multiply(buffers.weights, rowsByM, 'neither', buffers.gradients);
    const largest = largestColumn(
      buffers.explicit && basis
        ? products.multiply(gradients, basis, 'neither', buffers.explicit)
        : gradients,
    );
    if (!(largest > 0) || !Number.isFinite(largest)) return;
    scale(gradients.data, 1 / Math.sqrt(largest));
    // M = E' B' B E: from B follow a matrix of the span's size with M's eigenvalues, X M X' and X M.
    const byRows = products.multiply(gradients, inner, 'neither', buffers.byRows);
    const small =
      basis === null
        ? products.multiply(gradients, gradients, 'first', buffers.small)
        : products.multiply(byRows, gradients, 'second', buffers.small);
    const { vector } = topEigenvector(small);
    yield { round, coordinates: basis === null ? vector : weightedRowSum(gradients, vector) };
    if (round === rounds) return;
    gram = products.multiply(byRows, byRows, 'first', buffers.gram);
    rowsByM = products.multiply(byRows, gradients, 'first', buffers.rowsByM);
  }
}

/**
 * From the inner products of the rows under M: the kernel (its lower triangle) and, for the gradients, the slopes
 * kernel / distance (0 for a row with itself). False when a number is not finite.
 */
function kernelAndSlopes(gram: Matrix, bandwidth: number, kernel: Matrix, slopes: Matrix): boolean {
  const { rows: n, data } = gram;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const own = data[i * n + i] as number;
    for (let j = 0; j < i; j++) {
      const lengths = own + (data[j * n + j] as number);
      const square = lengths - 2 * (data[i * n + j] as number);
      const distance = square > leastDistance * lengths ? Math.sqrt(square) : 0;
      const value = Math.exp(-distance / bandwidth);
      const slope = distance > 0 ? value / distance : 0;
      kernel.data[i * n + j] = value;
      slopes.data[i * n + j] = slope;
      slopes.data[j * n + i] = slope;
      sum += slope;
    }
    slopes.data[i * n + i] = 0;
  }
  return Number.isFinite(sum);
}

/**
 * Turns slopes into C: [n, n] such that row j of C X M, the sum over i of a_i slope_ij (x_i - x_j) M, is the gradient
 * of the prediction with coefficients a at row j, less the mean of them all. The constant factor 1 / bandwidth
 * falls to the division of M.
 */
function toGradientWeights(slopes: Matrix, coefficients: Float64Array): void {
  const { rows: n, data } = slopes;
  for (let j = 0; j < n; j++) {
    let total = 0;
    for (let i = 0; i < n; i++) {
      const weight = (data[j * n + i] as number) * (coefficients[i] as number);
      data[j * n + i] = weight;
      total += weight;
    }
    data[j * n + j] = -total;
  }
  subtractFromRows(slopes, columnMeans(slopes));
}

/** The largest entry of G' G: it is positive semidefinite, so that entry is on its diagonal. */
function largestColumn({ rows, columns, data }: Matrix): number {
  const squares = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++)
      squares[j] = (squares[j] as number) + (data[i * columns + j] as number) ** 2;
  }
  return squares.reduce((a, b) => Math.max(a, b), 0);
}
