/**
 * Calibration: measures what strength 1 means. The model answers held-out questions under a grid of coefficients, in
 * one batch, and judges its own answers: how much of the concept they show, and how fluent they are. Strength 1 is the
 * strongest grid point that is still fluent, strength -1 that of the opposite direction.
 */
import { createHash } from 'node:crypto';
import { type Calibration, type Concept, createConcept } from '../../concepts/concept.js';
import type { LoadedModel } from '../../models/model.js';
import type { OnProgress } from '../recipes/recipe.js';
import { heldOutQuestions } from '../statements/questions.js';
import {
  type CurvePoint,
  type FluencyBound,
  type Share,
  strongestFluent,
  usualBound,
} from './calibration-curve.js';
import { firstShares, nextShares } from './coefficient-search.js';
import { CurveMeasurement } from './curve-measurement.js';
import { answerAndMeasureReadings } from './readings.js';
import { residualNormsOf } from './residual-norms.js';
import { chatPrompts } from './trial-prompts.js';
import { type UnitEdit, unitEdit } from './unit-edit.js';

interface CalibrationSettings {
  /** Asked at every grid point. Default: `heldOutQuestions`. */
  readonly questions?: readonly string[] | undefined;
  /** States the concept, for the evidence. Default: what the fit used; without any, evidence is not measured. */
  readonly prefix?: string | undefined;
  /** Positive; their negatives are measured too. Default: a search (coefficient-search.ts). */
  readonly shares?: readonly Share[] | undefined;
  readonly bound?: FluencyBound | undefined;
  readonly maxTokens?: number | undefined;
}

export const calibrationMethod = 'fluency';
const usualMaxTokens = 32;
/** Enough to find coefficients ten times the usual ones, or a tenth of them. */
const mostRounds = 5;

/**
 * The same concept with a measured calibration, and so with another version.
 * @throws SteerdError context_length_exceeded, invalid_value for a concept that steers nothing; the signal's
 *   reason when aborted. Nothing is left running either way.
 */
export async function calibrateConcept(
  concept: Concept,
  model: LoadedModel,
  settings: CalibrationSettings,
  signal: AbortSignal,
  onProgress: OnProgress = () => {},
): Promise<Concept> {
  const { questions = heldOutQuestions, maxTokens = usualMaxTokens, bound = usualBound } = settings;
  const prefix = settings.prefix ?? concept.record.prefix;
  const { pairs: prompts, role } = chatPrompts(
    model,
    questions.map((content) => [{ role: 'user', content }]),
    prefix,
    maxTokens,
  );
  const plain = prompts.map(({ prompt }) => prompt);
  const residualNorms = await residualNormsOf(concept, model, plain, signal);
  const unit = unitEdit(concept, residualNorms);
  const measurement = new CurveMeasurement({
    concept,
    unit,
    model,
    prompts,
    bound,
    maxTokens,
    signal,
    onProgress: (stage, done, total) => onProgress(`calibrate: ${stage}`, done, total),
  });
  if (settings.shares === undefined) await findStrongestFluent(measurement, [1, -1]);
  else await measurement.add(settings.shares.flatMap((share) => [share, -share]));
  const details = {
    bound: { log_probability_drop: bound.logProbabilityDrop, distinct_2: bound.distinct2 },
    questions: questions.length,
    questions_sha256: createHash('sha256').update(JSON.stringify(questions)).digest('hex'),
    max_tokens: maxTokens,
    prefix,
    prefix_role: role,
  };
  const calibrated = createConcept({
    ...concept,
    residualNorms,
    calibration: calibrationOf(measurement.points, unit, details),
  });
  const neutral = measurement.unsteered.map(({ tokens }) => tokens);
  const readings = await answerAndMeasureReadings(calibrated, model, { prompts, maxTokens, neutral }, signal);
  return createConcept({ ...calibrated, readings });
}

/** Measures in these directions until the strongest fluent share of each is found, or `mostRounds` are over. */
async function findStrongestFluent(measurement: CurveMeasurement, signs: readonly (1 | -1)[]): Promise<void> {
  let next = signs.flatMap((sign) => firstShares.map((share) => sign * share));
  for (let round = 1; next.length > 0 && round <= mostRounds; round++) {
    await measurement.add(next);
    next = signs.flatMap((sign) => {
      const points = measurement.points.filter(({ share }) => Math.sign(share) === sign);
      // Between two neighbours one round is enough; beyond what was measured there may be more to find.
      if (round > 1 && !isOpen(points)) return [];
      return nextShares(points).map((share) => sign * share);
    });
  }
}

/** Whether the limit of fluency lies beyond the points measured: the strongest of them is fluent, or none is. */
function isOpen(points: readonly CurvePoint[]): boolean {
  const farthest = points.reduce((a, b) => (Math.abs(b.share) > Math.abs(a.share) ? b : a));
  return farthest.fluent || !points.some(({ fluent }) => fluent);
}

/** Size of the strongest fluent share of that sign; null when none is fluent. */
function strongest(curve: readonly CurvePoint[], sign: 1 | -1): Share | null {
  const best = strongestFluent(curve, sign);
  return best === null ? null : Math.abs(best.share);
}

function calibrationOf(
  curve: readonly CurvePoint[],
  unit: UnitEdit,
  details: Readonly<Record<string, unknown>>,
): Calibration {
  const [one, minusOne] = ([1, -1] as const).map((sign) => strengthOf(curve, sign)) as [Share, Share];
  return {
    method: calibrationMethod,
    coefficients: Float32Array.from(unit.coefficients, (coefficient) => one * coefficient),
    negativeRatio: minusOne / one,
    details: {
      ...details,
      share: one,
      negative_share: minusOne,
      curve: curve.map(({ share, logProbability, evidence, distinct2, fluent }) => ({
        share,
        strength: rounded(share / (share < 0 ? minusOne : one)),
        evidence: rounded(evidence),
        log_probability: rounded(logProbability),
        distinct_2: rounded(distinct2),
        fluent,
      })),
    },
  };
}

/** The strongest fluent share, or the weakest measured where none is fluent: its point says `fluent: false`. */
function strengthOf(curve: readonly CurvePoint[], sign: 1 | -1): Share {
  const measured = curve.filter(({ share }) => Math.sign(share) === sign).map(({ share }) => Math.abs(share));
  return strongest(curve, sign) ?? Math.min(...measured);
}

/** To four decimals: the spread over the questions is larger. */
const rounded = <T extends number | null>(value: T): T =>
  (value === null ? null : Math.round(value * 1e4) / 1e4) as T;
