/** Finds the known word that a misspelt one was probably meant to be. */

/**
 * The fewest insertions, deletions, substitutions and swaps of neighbours that make `b` of `a` (optimal string
 * alignment).
 */
export function editDistance(a: string, b: string): number {
  const firstRow = Array.from({ length: b.length + 1 }, (_, j) => j);
  const rows = [firstRow];
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const differs = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + differs);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) least = Math.min(least, at(i - 2, j - 2) + 1);
      row.push(least);
    }
  }
  return at(a.length, b.length);
}

/**
 * The word of `known` with the least edit distance, letter case ignored. Undefined when none is near, which is when
 * more than one letter and more than a third of the longer word differ; and for words of more than 64 letters, which
 * would take long to compare.
 */
export function closest(word: string, known: readonly string[]): string | undefined {
  if (word.length > 64) return undefined;
  const lower = word.toLowerCase();
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const allowed = Math.max(1, Math.max(word.length, candidate.length) / 3);
    // So many letters differ at least.
    const lengths = Math.abs(word.length - candidate.length);
    if (lengths > allowed || lengths >= least) continue;
    const distance = editDistance(lower, candidate.toLowerCase());
    if (distance <= allowed && distance < least) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}
