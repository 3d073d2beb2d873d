/** What graphs are tried with before they serve: arbitrary tokens, and how far the logits of two runs lie apart. */

/** `count` tokens of a text, others at each place, from place `from` on. */
export function trialTokens(from: number, count: number, vocabularySize: number): number[] {
  return Array.from({ length: count }, (_, i) => (7 * (from + i + 1)) % vocabularySize);
}

/**
 * The largest difference, and the largest of the logits it is to be measured by. NaN, which no bound holds, where
 * either run gave no finite number.
 * @param actual may be longer than what is expected.
 */
export function logitDistance(
  actual: Float32Array,
  expected: Float32Array,
): { readonly apart: number; readonly largest: number } {
  let largest = 0;
  let apart = 0;
  for (let i = 0; i < expected.length; i++) {
    const value = expected[i] ?? Number.NaN;
    const difference = Math.abs((actual[i] ?? Number.NaN) - value);
    largest = Math.max(largest, Math.abs(value));
    apart = Math.max(apart, Number.isFinite(difference) ? difference : Number.NaN);
  }
  return { apart, largest };
}
