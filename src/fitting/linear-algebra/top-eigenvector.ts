/**
 * The top eigenvector of a symmetric positive semidefinite matrix by Lanczos's method with full
 * reorthogonalisation (Golub and Van Loan, Matrix Computations, 10.1 to 10.3). It starts from a fixed vector, so
 * the same matrix gives the same bytes.
 */
import { type Matrix, timesVector } from './matrix.js';
import { addScaled, dot, norm, scale } from './vectors.js';

/** Length of A u - lambda u at which u is taken, as a share of lambda. */
const tolerance = 1e-10;
const stepsPerStart = 64;
/** The next start is the best vector so far; after so many the top eigenvalues are equal for all that matters. */
const starts = 16;

interface Eigenpair {
  readonly value: number;
  /** Of length 1; its sign means nothing. */
  readonly vector: Float64Array;
}

export function topEigenvector(matrix: Matrix): Eigenpair {
  let start = spread(matrix.rows);
  for (let left = starts; ; left--) {
    const found = lanczos(matrix, start);
    if (found.converged || left === 1) return found;
    start = found.vector;
  }
}

/** Fractions of multiples of the golden ratio: near no eigenvector on purpose, the vector of ones included. */
function spread(length: number): Float64Array {
  const ratio = 0.618033988749895;
  const vector = Float64Array.from({ length }, (_, i) => ((((i + 1) * ratio) % 1) - 0.5) * (1 + (i % 3)));
  scale(vector, 1 / norm(vector));
  return vector;
}

function lanczos(matrix: Matrix, start: Float64Array): Eigenpair & { converged: boolean } {
  const basis = [start];
  const diagonal: number[] = [];
  const beside: number[] = [];
  const most = Math.min(stepsPerStart, matrix.rows);
  for (let step = 1; ; step++) {
    const last = basis[step - 1] as Float64Array;
    const next = timesVector(matrix, last);
    diagonal.push(dot(last, next));
    // Twice is enough (Parlett): what remains is orthogonal to rounding.
    for (let pass = 0; pass < 2; pass++) {
      for (const vector of basis) addScaled(next, vector, -dot(vector, next));
    }
    const length = norm(next);
    const ended = length <= Number.EPSILON * Math.max(...diagonal.map(Math.abs));
    if (step === 1 && ended) return { value: diagonal[0] as number, vector: start, converged: true };
    if (step % 4 === 0 || step === most || ended) {
      const { value, vector } = topOfTridiagonal(diagonal, beside);
      const residual = length * Math.abs(vector[step - 1] as number);
      const converged = ended || residual <= tolerance * value;
      if (converged || step === most) return { value, vector: combine(basis, vector), converged };
    }
    scale(next, 1 / length);
    beside.push(length);
    basis.push(next);
  }
}

function combine(basis: readonly Float64Array[], weights: Float64Array): Float64Array {
  const vector = new Float64Array((basis[0] as Float64Array).length);
  for (const [i, weight] of weights.entries()) addScaled(vector, basis[i] as Float64Array, weight);
  scale(vector, 1 / norm(vector));
  return vector;
}

/** Of the symmetric tridiagonal matrix with this diagonal and these entries beside it. */
function topOfTridiagonal(diagonal: readonly number[], beside: readonly number[]): Eigenpair {
  const size = diagonal.length;
  const pivots = new Float64Array(size);
  /** Whether T - x is negative definite, which means that x lies above every eigenvalue. Fills `pivots`. */
  const isAbove = (x: number): boolean => {
    for (let i = 0; i < size; i++) {
      const before = i === 0 ? 0 : (beside[i - 1] as number) ** 2 / (pivots[i - 1] as number);
      const pivot = (diagonal[i] as number) - x - before;
      if (!(pivot < 0)) return false;
      pivots[i] = pivot;
    }
    return true;
  };
  let low = Math.max(...diagonal);
  let high = low + 2 * Math.max(0, ...beside) + Math.abs(low) * 1e-12 + Number.MIN_VALUE;
  while (!isAbove(high)) high += Math.abs(high) + Number.MIN_VALUE;
  for (let i = 0; i < 100; i++) {
    const middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    if (isAbove(middle)) high = middle;
    else low = middle;
  }
  isAbove(high);
  const vector = new Float64Array(size).fill(1);
  for (let pass = 0; pass < 3; pass++) solveWithPivots(vector, pivots, beside);
  return { value: high, vector };
}

/** One step of inverse iteration: (T - x) y = vector by its L D L' with these pivots; y to length 1. */
function solveWithPivots(vector: Float64Array, pivots: Float64Array, beside: readonly number[]): void {
  const size = vector.length;
  for (let i = 1; i < size; i++) {
    const factor = (beside[i - 1] as number) / (pivots[i - 1] as number);
    vector[i] = (vector[i] as number) - factor * (vector[i - 1] as number);
  }
  for (let i = size - 1; i >= 0; i--) {
    const after = i + 1 < size ? (beside[i] as number) * (vector[i + 1] as number) : 0;
    vector[i] = ((vector[i] as number) - after) / (pivots[i] as number);
  }
  scale(vector, 1 / Math.max(...vector.map(Math.abs)));
  scale(vector, 1 / norm(vector));
}
