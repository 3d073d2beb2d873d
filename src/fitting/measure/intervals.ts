/** 95 % intervals of what was measured a few times: of a share, and of a mean. Pure arithmetic. */

export type Interval = readonly [low: number, high: number];

const z = 1.959964;

/** Wilson's score interval (1927) of a share: inside [0, 1], and honest where nearly all or none succeed. [0, 1] for no trials. */
export function wilsonInterval(successes: number, trials: number): Interval {
  if (trials === 0) return [0, 1];
  const share = successes / trials;
  const width = 1 + z ** 2 / trials;
  const centre = (share + z ** 2 / (2 * trials)) / width;
  const half = (z / width) * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/** Student's interval of the mean of independent values; null for fewer than two. */
export function meanInterval(values: readonly number[]): Interval | null {
  const n = values.length;
  if (n < 2) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = studentQuantile(n - 1) * Math.sqrt(variance / n);
  return [mean - half, mean + half];
}

/** The 97.5th percentile of Student's t: exact for 1 and 2 degrees of freedom, else Cornish and Fisher's expansion. */
function studentQuantile(freedom: number): number {
  if (freedom === 1) return 12.7062;
  if (freedom === 2) return 4.30265;
  const first = (z ** 3 + z) / 4;
  const second = (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96;
  const third = (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384;
  return z + first / freedom + second / freedom ** 2 + third / freedom ** 3;
}
