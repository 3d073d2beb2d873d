/** Bootstrap intervals of means: what another draw of concepts would have given. Seeded, and deaf to the values' order. */
import { Random } from '../common/random.js';

export interface Estimate {
  readonly mean: number;
  /** 95 %, percentiles of resampled means; the mean itself where there is one value. */
  readonly low: number;
  readonly high: number;
  readonly n: number;
}

const usualDraws = 1000;

/** Null for no values. @param values one for each concept */
export function bootstrapMean(values: readonly number[], seed: number, draws = usualDraws): Estimate | null {
  const n = values.length;
  if (n === 0) return null;
  // In one order whatever order they came in: sums of the same draws are then the same.
  const sorted = [...values].sort((a, b) => a - b);
  const mean = meanOf(sorted);
  const random = new Random(seed);
  const means = new Float64Array(draws);
  for (let draw = 0; draw < draws; draw++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += sorted[Math.floor(random.uniform() * n)] as number;
    means[draw] = sum / n;
  }
  means.sort();
  const at = (share: number) => means[Math.round(share * (draws - 1))] as number;
  return { mean: rounded(mean), low: rounded(at(0.025)), high: rounded(at(0.975)), n };
}

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const rounded = (value: number) => Math.round(value * 1e4) / 1e4;
