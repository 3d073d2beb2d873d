/**
 * From judged answers at a few shares to what strength 1 and the largest strength mean. The three scores become smooth
 * curves over the share; strength 1 lies two thirds up the range in which their harmonic mean is good. Arithmetic alone:
 * the same answers give the same strength. calibrate.ts has them answered.
 */
import { Random } from '../../common/random.js';
import { periodicYield } from '../../common/yielding.js';
import { at, type CurvePoint, fallingCurve, risingCurve, type Sigmoid } from './sigmoid.js';
import {
  harmonicMean,
  type JudgedAnswer,
  type ReferenceAnswers,
  type Scores,
  scoresOf,
} from './steering-scores.js';

/** Answers under one share of the concept. */
export interface Steered {
  readonly share: Share;
  readonly answers: readonly JudgedAnswer[];
  /** 95th percentile over their tokens of the divergence from the unsteered model, in nats; null if not measured. */
  readonly divergence: number | null;
}

/**
 * A coefficient in a unit that concepts, methods and models share: mean over the steered layers of
 * |edit| / |residual|. Positive here: the direction steered in is said beside it.
 */
export type Share = number;

export interface StrengthBound {
  /** Least fluency. */
  readonly fluency: number;
  /**
   * Most nats of divergence, at the 95th percentile of tokens (the measure of steering-lite). No bound by default: on
   * small models a concept that a reader can see is beyond 1 nat already, and the text still whole.
   */
  readonly divergence: number;
}

export const usualBound: StrengthBound = { fluency: 0.5, divergence: Number.POSITIVE_INFINITY };

export interface StrengthCurve {
  readonly concept: Sigmoid | null;
  readonly fluency: Sigmoid;
  readonly instruction: Sigmoid;
}

/**
 * The harmonic mean is good down to this share of its best. Where the best itself lies is mostly chance, for the top is
 * flat and noise moves it; where the flanks cross a line well below it is not.
 */
const good = 0.75;
/** Strength 1 on the way through the good range, in the logarithm: a reader sees a concept later than the model does. */
const upTheRange = 2 / 3;
/** Points of the grid on which the best is looked for. */
const steps = 200;
/** How far beyond the shares measured a curve is believed. */
const beyond = 1.2;

export function strengthCurve(steered: readonly Steered[], reference: ReferenceAnswers): StrengthCurve {
  const scored = steered.map(({ share, answers }) => ({
    share,
    weight: answers.length,
    ...scoresOf(answers, reference),
  }));
  const points = (score: (point: Scores) => number): CurvePoint[] =>
    scored.map((point) => ({ x: point.share, y: score(point), weight: point.weight }));
  const known = scored.every(({ concept }) => concept !== null);
  // Where a text falls apart its evidence falls too: those points say nothing of how the concept sets in.
  const whole = scored.filter(({ fluency }) => fluency >= leastWhole);
  const setting = (whole.length >= fewestWhole ? whole : scored).map(({ share, weight, concept }) => ({
    x: share,
    y: concept ?? 0,
    weight,
  }));
  return {
    concept: known ? risingCurve(setting) : null,
    fluency: fallingCurve(points(({ fluency }) => fluency)),
    instruction: fallingCurve(points(({ instruction }) => instruction)),
  };
}

const leastWhole = 0.3;
const fewestWhole = 3;

/** The harmonic mean of the scores on the curves. */
export function harmonicAt({ concept, fluency, instruction }: StrengthCurve, share: Share): number {
  const known = [at(fluency, share), at(instruction, share)];
  return harmonicMean(concept === null ? known : [Math.min(1, at(concept, share)), ...known]);
}

/** All scores on the curves. */
export const scoresAt = (curve: StrengthCurve, share: Share): Scores => ({
  concept: curve.concept && Math.min(1, at(curve.concept, share)),
  fluency: at(curve.fluency, share),
  instruction: at(curve.instruction, share),
  harmonic: harmonicAt(curve, share),
});

/** Without a statement of the concept, strength 1 is the strongest that keeps this much of the other two scores. */
const leastUnstated = 0.8;

/**
 * The share of strength 1: two thirds up, in the logarithm, the range in which the harmonic mean is at least 0.75 of its
 * best. It is one range: the mean's reciprocal is convex there, for each score's is. The range ends with what was measured.
 * @param measured the shares that have answers
 */
export function bestShare(curve: StrengthCurve, measured: readonly Share[]): Share {
  const grid = shareGrid(measured);
  const values = grid.map((share) => harmonicAt(curve, share));
  if (curve.concept === null) {
    const kept = grid.filter((_, i) => (values[i] ?? 0) >= leastUnstated);
    return kept.at(-1) ?? (grid[0] as Share);
  }
  const most = Math.max(...values);
  if (most === 0) return grid[0] as Share;
  const range = grid.filter((_, i) => (values[i] ?? 0) >= good * most);
  const [low, high] = [range[0] as Share, range.at(-1) as Share];
  return low * (high / low) ** upTheRange;
}

/** Where the harmonic mean is best: at an end of what was measured, better may lie beyond it. */
export function peakShare(curve: StrengthCurve, measured: readonly Share[]): Share {
  if (curve.concept === null) return bestShare(curve, measured);
  return shareGrid(measured).reduce((best, share) =>
    harmonicAt(curve, share) > harmonicAt(curve, best) ? share : best,
  );
}

function shareGrid(measured: readonly Share[]): Share[] {
  const from = Math.min(...measured) / beyond;
  const to = Math.max(...measured) * beyond;
  return Array.from({ length: steps }, (_, i) => from * (to / from) ** (i / (steps - 1)));
}

/**
 * The largest share inside the bound that the curve is believed at, which ends a little beyond the shares measured; `one`
 * where that is larger, whether or not it is inside. Fluency is that of its curve, which falls; divergence is drawn
 * between the shares measured and may rise above its bound and come back: what lies behind counts.
 */
export function largestShare(
  curve: StrengthCurve,
  steered: readonly Steered[],
  bound: StrengthBound,
  one: Share,
): Share {
  const grid = shareGrid(steered.map(({ share }) => share)).filter((share) => share >= one);
  const divergences = steered
    .flatMap(({ share, divergence }) => (divergence === null ? [] : [{ share, divergence }]))
    .sort((a, b) => a.share - b.share);
  const inside = grid.filter(
    (share) =>
      at(curve.fluency, share) >= bound.fluency && interpolated(divergences, share) <= bound.divergence,
  );
  return Math.max(one, ...inside);
}

/** Linear between the neighbours, proportional beyond the ends; 0 when nothing was measured. */
function interpolated(
  points: readonly { readonly share: Share; readonly divergence: number }[],
  share: Share,
): number {
  const above = points.find((point) => point.share >= share);
  const below = points.findLast((point) => point.share <= share);
  if (above === undefined || below === undefined) {
    const nearest = above ?? below;
    return nearest === undefined ? 0 : (nearest.divergence * share) / nearest.share;
  }
  if (above.share === below.share) return above.divergence;
  const part = (share - below.share) / (above.share - below.share);
  return below.divergence + part * (above.divergence - below.divergence);
}

/** The share at which a quarter of the told concept shows; null when it never does on the shares measured. */
export function onsetShare({ concept }: StrengthCurve, measured: readonly Share[]): Share | null {
  if (concept === null) return null;
  return shareGrid(measured).find((share) => at(concept, share) >= onset) ?? null;
}
const onset = 0.25;

const resamples = 200;

/**
 * The middle 95 % of strength 1's share over resamples of the questions (percentile bootstrap).
 * @param seed the same seed gives the same interval
 * @throws the signal's reason when aborted
 */
export async function shareInterval(
  steered: readonly Steered[],
  reference: ReferenceAnswers,
  seed: number,
  signal: AbortSignal,
): Promise<readonly [low: Share, high: Share]> {
  const questions = [...new Set(reference.plain.map(({ question }) => question))];
  const measured = steered.map(({ share }) => share);
  const random = new Random(seed);
  const yieldIfDue = periodicYield(signal);
  const [plain, told] = [byQuestion(reference.plain), byQuestion(reference.told)];
  const points = steered.map((point) => ({ point, answers: byQuestion(point.answers) }));
  const shares: Share[] = [];
  for (let i = 0; i < resamples; i++) {
    await yieldIfDue();
    const drawn = questions.map(() => questions[Math.floor(random.uniform() * questions.length)] as number);
    const take = (answers: ReadonlyMap<number, readonly JudgedAnswer[]>) =>
      drawn.flatMap((question) => answers.get(question) ?? []);
    const again = points.map(({ point, answers }) => ({ ...point, answers: take(answers) }));
    shares.push(bestShare(strengthCurve(again, { plain: take(plain), told: take(told) }), measured));
  }
  shares.sort((a, b) => a - b);
  const quantile = (part: number) => shares[Math.round(part * (shares.length - 1))] as Share;
  return [quantile(0.025), quantile(0.975)];
}

function byQuestion(answers: readonly JudgedAnswer[]): ReadonlyMap<number, readonly JudgedAnswer[]> {
  const grouped = new Map<number, JudgedAnswer[]>();
  for (const answer of answers) {
    const known = grouped.get(answer.question);
    if (known === undefined) grouped.set(answer.question, [answer]);
    else known.push(answer);
  }
  return grouped;
}
