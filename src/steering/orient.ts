/** What makes directions of every method comparable: unit length, and a sign that follows the labels. */
import type { LayerFeatures } from './methods/method.js';

export interface Oriented {
  /** [H] */
  readonly unit: Float32Array;
  /** Pearson's r of the rows' projections on `unit` with their labels: never negative. */
  readonly r: number;
}

/** Null when the direction is zero or not finite, or when every row projects alike on it. */
export function orient(direction: Float32Array, features: LayerFeatures): Oriented | null {
  const length = norm(direction);
  const r = correlation(projections(features, direction), features.labels);
  if (length === 0 || !Number.isFinite(length) || !Number.isFinite(r)) return null;
  const factor = (r < 0 ? -1 : 1) / length;
  return { unit: direction.map((x) => x * factor), r: Math.abs(r) };
}

function projections({ rows, n, hiddenSize }: LayerFeatures, direction: Float32Array): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => {
    const start = i * hiddenSize;
    let sum = 0;
    for (let h = 0; h < hiddenSize; h++) sum += (rows[start + h] as number) * (direction[h] as number);
    return sum;
  });
}

/** Pearson's r; NaN when either is constant. */
function correlation(x: Float64Array, y: Float32Array): number {
  const n = x.length;
  const meanX = x.reduce((sum, value) => sum + value, 0) / n;
  const meanY = y.reduce((sum, value) => sum + value, 0) / n;
  let xy = 0;
  let xx = 0;
  let yy = 0;
  for (let i = 0; i < n; i++) {
    const dx = (x[i] as number) - meanX;
    const dy = (y[i] as number) - meanY;
    xy += dx * dy;
    xx += dx * dx;
    yy += dy * dy;
  }
  return xy / Math.sqrt(xx * yy);
}

/** L2 norm, summed in float64. */
export function norm(vector: Float32Array | Float64Array): number {
  let squares = 0;
  for (const x of vector) squares += x * x;
  return Math.sqrt(squares);
}
