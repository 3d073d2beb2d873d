/**
 * exp(x) for -30 <= x <= 0 from a table in steps of 1/64 and a cubic correction: relative error below 3e-9, several
 * times faster than Math.exp. A softmax over the vocabulary is the costliest part of sampling.
 */
export const stepsPerUnit = 64;
/** Below it exp(x) counts as 0: less than 1e-13 of the largest weight. */
export const lowestExponent = -30;
/** exp(-i / 64) */
export const exponentialTable = Float64Array.from(
  { length: -lowestExponent * stepsPerUnit + 1 },
  (_, index) => Math.exp(-index / stepsPerUnit),
);

/** exp(x), and 0 below -30. */
export function exponential(x: number): number {
  if (x < lowestExponent) return 0;
  const steps = Math.floor(-x * stepsPerUnit);
  const rest = x + steps / stepsPerUnit;
  return (exponentialTable[steps] as number) * (1 + rest * (1 + rest * (0.5 + rest * (1 / 6))));
}
