/**
 * Method `mean_difference`: the mean of the examples with the concept minus the mean of those without
 * (difference in means; arXiv 2310.06824 and, on answers, persona vectors, arXiv 2507.21509).
 */
import type { LayerFeatures, Method } from './method.js';

export const meanDifference: Method = {
  description: 'Mean of the positive features minus mean of the negative ones.',
  softLabels: false,
  direction: async (features) => ({ direction: Float32Array.from(differenceOfMeans(features)), details: {} }),
};

/** [H] mean of rows with a label above one half minus mean of the rest, summed in float64. NaN when a side is empty. */
export function differenceOfMeans({ rows, n, hiddenSize, labels }: LayerFeatures): Float64Array {
  const positive = new Float64Array(hiddenSize);
  const negative = new Float64Array(hiddenSize);
  let positives = 0;
  for (let i = 0; i < n; i++) {
    const isPositive = (labels[i] as number) > 0.5;
    if (isPositive) positives++;
    const sum = isPositive ? positive : negative;
    const start = i * hiddenSize;
    for (let h = 0; h < hiddenSize; h++) sum[h] = (sum[h] as number) + (rows[start + h] as number);
  }
  const negatives = n - positives;
  return positive.map((sum, h) => sum / positives - (negative[h] as number) / negatives);
}
