/** What makes directions of every method comparable: unit length, and a sign that follows the labels. */
import { norm, pearson } from '../linear-algebra/vectors.js';

export interface Oriented {
  /** [H] */
  readonly unit: Float32Array;
  /** Pearson's r of the rows' projections on `unit` with their labels: never negative. */
  readonly r: number;
  /** 1, or -1 where the method's direction was turned around. */
  readonly sign: 1 | -1;
}

interface LabelledRows {
  /** [n * H] row-major. */
  readonly rows: Float32Array;
  readonly n: number;
  /** H */
  readonly hiddenSize: number;
  /** [n] */
  readonly labels: Float32Array;
}

/** Null when the direction is zero or not finite, or when every row projects alike on it. */
export function orient(direction: Float32Array | Float64Array, features: LabelledRows): Oriented | null {
  const length = norm(direction);
  const r = pearson(projections(features, direction), features.labels);
  if (length === 0 || !Number.isFinite(length) || !Number.isFinite(r)) return null;
  const sign = r < 0 ? -1 : 1;
  return { unit: Float32Array.from(direction, (x) => (sign * x) / length), r: Math.abs(r), sign };
}

function projections(
  { rows, n, hiddenSize }: LabelledRows,
  direction: Float32Array | Float64Array,
): Float64Array {
  return Float64Array.from({ length: n }, (_, i) => {
    const start = i * hiddenSize;
    let sum = 0;
    for (let h = 0; h < hiddenSize; h++) sum += (rows[start + h] as number) * (direction[h] as number);
    return sum;
  });
}
