/**
 * Statements about one every-day thing, four for each side of a fit: two facts, then two opinions. Both sides speak of
 * the same things in the same manner, so that only the prefix distinguishes them.
 */
export interface Topic {
  readonly topic: string;
  readonly positive: readonly [string, string, string, string];
  readonly negative: readonly [string, string, string, string];
}
