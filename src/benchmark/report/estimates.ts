/** Means with what a resampling of concepts says of them. Pure arithmetic; the same values give the same interval. */
import { Random } from '../../common/random.js';
import type { Estimate } from './data.js';

const resamples = 2000;

/** Mean with a percentile bootstrap interval over the values (95 %); null for none. Values are taken in sorted order, so that theirs tells nothing. */
export function bootstrapMean(values: readonly number[]): Estimate | null {
  const n = values.length;
  if (n === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const random = new Random(n);
  const means = Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += sorted[Math.floor(random.uniform() * n)] as number;
    return sum / n;
  }).sort((a, b) => a - b);
  return { value: mean(sorted) as number, low: quantile(means, 0.025), high: quantile(means, 0.975) };
}

/** Median with quartiles. */
export function quartiles(values: readonly number[]): Estimate | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return { value: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
}

export const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : short(values.reduce((sum, value) => sum + value, 0) / values.length);

/** To six decimals: sums in another order differ behind them. */
const short = (value: number) => Math.round(value * 1e6) / 1e6;

/** Between the two nearest of sorted values. */
function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(at)] as number, sorted[Math.ceil(at)] as number];
  return short(low + (high - low) * (at - Math.floor(at)));
}
