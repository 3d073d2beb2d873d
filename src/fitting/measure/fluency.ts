/**
 * Distinct-2 (Li et al. 2016, arXiv 1510.03055). Steering that is too strong breaks text in two ways: into words that
 * the model itself finds unlikely, which their log-probability shows, and into loops, which it finds likely and which
 * distinct-2 shows.
 */

/** Share of the answer's pairs of neighbouring tokens that are different from all others; 1 for fewer than two pairs. */
export function distinct2(tokens: readonly number[]): number {
  const pairs = tokens.length - 1;
  if (pairs < 2) return 1;
  const seen = new Set<string>();
  for (let i = 0; i < pairs; i++) seen.add(`${tokens[i]} ${tokens[i + 1]}`);
  return seen.size / pairs;
}
