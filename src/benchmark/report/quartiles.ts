/** Means and medians of a few numbers, the same in whatever order they come. */
import type { Spread } from './data.js';

/** Median with quartiles; null for none. */
export function quartiles(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return { mean: quantile(sorted, 0.5), low: quantile(sorted, 0.25), high: quantile(sorted, 0.75) };
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
