/** Mean, spread and separation of numbers read on two kinds of answers. Pure arithmetic; readings.ts has them read. */

/** Mean and standard deviation (n - 1) of at least one number; the deviation of one is 0. */
export function distributionOf(values: readonly number[]): { mean: number; spread: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { mean, spread: 0 };
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, spread: Math.sqrt(square / (values.length - 1)) };
}

/**
 * Area under the ROC curve: the chance that one of `higher` is above one of `lower`, ties counting half. Exact, by ranks
 * (Mann and Whitney's U over the number of pairs).
 */
export function auroc(higher: readonly number[], lower: readonly number[]): number {
  const all = [
    ...higher.map((value) => ({ value, counts: true })),
    ...lower.map((value) => ({ value, counts: false })),
  ].sort((a, b) => a.value - b.value);
  let ranks = 0;
  for (let from = 0; from < all.length; ) {
    let to = from;
    while (to < all.length && all[to]?.value === all[from]?.value) to++;
    // Equal values share the mean of ranks from + 1 to `to`.
    const rank = (from + 1 + to) / 2;
    for (; from < to; from++) if (all[from]?.counts) ranks += rank;
  }
  const n = higher.length;
  return (ranks - (n * (n + 1)) / 2) / (n * lower.length);
}
