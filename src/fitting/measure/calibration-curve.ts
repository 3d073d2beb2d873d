/**
 * A concept's calibration curve: what steering does to answers at a grid of coefficients, and which of them is the
 * strongest that is still fluent. Pure arithmetic; curve-measurement.ts has the model answer.
 */

/**
 * A coefficient in a unit that concepts, methods and models share: mean over the steered layers of
 * |edit| / |residual|. Negative steers away from the concept.
 */
export type Share = number;

/** How fluent steered answers must be, compared with the same questions' unsteered answers. */
export interface FluencyBound {
  /** Nats per token that the log-probability may lose. */
  readonly logProbabilityDrop: number;
  /** Least share of distinct pairs of tokens. */
  readonly distinct2: number;
}

/**
 * Chosen by reading answers of the embedded model: from about here on sentences come apart ("aye, the greats!
 * Aye, the greats!") or end in loops.
 */
export const usualBound: FluencyBound = { logProbabilityDrop: 1, distinct2: 0.6 };

/** The bound must hold by this many standard errors over the questions, so that it holds for other questions too. */
const standardErrors = 2;

/** One answer, as measured. */
export interface Measured {
  readonly logProbability: number | null;
  readonly evidence: number | null;
  readonly distinct2: number;
}

/** Means over the questions. */
export interface CurvePoint {
  readonly share: Share;
  readonly logProbability: number | null;
  readonly evidence: number | null;
  readonly distinct2: number;
  /** Inside the bound by `standardErrors`. */
  readonly fluent: boolean;
}

/**
 * @param answers at this share, by question.
 * @param unsteered of the same questions.
 */
export function curvePoint(
  share: Share,
  answers: readonly Measured[],
  unsteered: readonly Measured[],
  bound: FluencyBound,
): CurvePoint {
  const drops = answers.flatMap(({ logProbability }, question) => {
    const without = unsteered[question]?.logProbability ?? null;
    return logProbability === null || without === null ? [] : [without - logProbability];
  });
  const distinct = answers.map((answer) => answer.distinct2);
  // An empty answer has no log-probability: steering that leaves the model nothing to say is not fluent.
  const silenced = answers.some(
    ({ logProbability }, question) => logProbability === null && unsteered[question]?.logProbability !== null,
  );
  const drop = estimate(drops);
  const spread = estimate(distinct);
  return {
    share,
    logProbability: meanOf(answers.map((answer) => answer.logProbability)),
    evidence: meanOf(answers.map((answer) => answer.evidence)),
    distinct2: spread.mean,
    fluent:
      !silenced &&
      drops.length > 0 &&
      drop.mean + standardErrors * drop.standardError <= bound.logProbabilityDrop &&
      spread.mean - standardErrors * spread.standardError >= bound.distinct2,
  };
}

/** Of the points with the sign asked for: the fluent one farthest from 0, or null. */
export function strongestFluent(curve: readonly CurvePoint[], sign: 1 | -1): CurvePoint | null {
  return curve
    .filter(({ share, fluent }) => fluent && Math.sign(share) === sign)
    .reduce<CurvePoint | null>(
      (best, point) => (best === null || Math.abs(point.share) > Math.abs(best.share) ? point : best),
      null,
    );
}

function estimate(values: readonly number[]): { mean: number; standardError: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { mean, standardError: 0 };
  const square = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, standardError: Math.sqrt(square / values.length) };
}

/** Mean of what was measured; null when nothing was. */
export function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
}
