/** How well projections tell two classes apart, whatever their scale. */

/**
 * Area under the ROC curve: the share of pairs of a positive and a negative in which the positive's value is the higher,
 * ties counting half (Mann and Whitney, 1947). Null where a class is empty or a value is not finite.
 * @param values [n]
 * @param labels [n] above 0.5 for positives
 */
export function auroc(values: ArrayLike<number>, labels: ArrayLike<number>): number | null {
  const order = Array.from(values, (_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number));
  let positives = 0;
  let rankSum = 0;
  for (let start = 0; start < order.length; ) {
    const value = values[order[start] as number] as number;
    if (!Number.isFinite(value)) return null;
    let end = start;
    while (end < order.length && values[order[end] as number] === value) end++;
    // Ranks from 1; those of equal values are their mean.
    const rank = (start + 1 + end) / 2;
    for (let i = start; i < end; i++) {
      if ((labels[order[i] as number] as number) <= 0.5) continue;
      positives++;
      rankSum += rank;
    }
    start = end;
  }
  const negatives = order.length - positives;
  if (positives === 0 || negatives === 0) return null;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}
