/**
 * Calibration: measures what strength 1 means, with the model as its own judge. Held-out questions are answered plainly,
 * with the concept told, and steered; how much of the concept the answers show, how fluent they are and whether they
 * still answer their questions becomes a curve over the coefficient, and strength 1 is where the three together are best.
 * Everything that was measured is kept: docs/fitting.md says how to read it.
 */
import { type Calibration, type Concept, createConcept } from '../../concepts/concept.js';
import type { LoadedModel } from '../../models/model.js';
import { usualCalibration } from '../../schemas/measurements.js';
import type { OnProgress } from '../recipes/recipe.js';
import { heldOutQuestions } from '../statements/questions.js';
import { calibrationDetails } from './calibration-details.js';
import { statementOf } from './concept-statement.js';
import { heldReadings } from './held-readings.js';
import { residualNormsOf } from './residual-norms.js';
import { measureSideEffects } from './side-effects.js';
import { largestShare, type Share, type StrengthBound, shareInterval, usualBound } from './strength-curve.js';
import { findStrength, type TriedShare } from './strength-search.js';
import { StrengthTrials } from './strength-trials.js';
import { measureSuppression } from './suppression.js';
import { editAt, unitEdit } from './unit-edit.js';

export interface CalibrationSettings {
  /** Default: as many as usual of `heldOutQuestions`. */
  readonly questions?: readonly string[] | undefined;
  /** States the concept. Default: what the fit used; without any, only fluency and relevance are measured. */
  readonly prefix?: string | undefined;
  /** Messages of other things, the evidence's decoys. Default: some that ship. */
  readonly others?: readonly string[] | undefined;
  /** Positive, instead of a search. */
  readonly shares?: readonly Share[] | undefined;
  readonly bound?: Partial<StrengthBound> | undefined;
  readonly maxTokens?: number | undefined;
  /** Neither strength -1 nor side effects nor readings, nor divergences that bound nothing: what takes half the time. */
  readonly strengthOnly?: boolean | undefined;
}

/** What answers are asked for. */
type TrialChoice = Pick<CalibrationSettings, 'questions' | 'prefix' | 'others' | 'maxTokens'> & {
  /** Whether one at a temperature comes with each greedy answer. Default: true. */
  readonly sampled?: boolean | undefined;
};

export const calibrationMethod = 'harmonic';
/** Factors of the share that a glance prefers, judged in full: wide enough for both flanks of where H is good. */
const around = [0.65, 1, 1.6] as const;
/** Questions whose answers tell what taking the concept away does. */
const few = 8;
/** Those that tell how far distributions move: more where that bounds the strength, none where strength alone is asked for. */
const moved = { bounding: 8, told: 4 } as const;

/** The trials that a concept's calibration answers: candidates for one concept share them. */
export function trialsOf(
  concept: Pick<Concept, 'name' | 'record'>,
  model: LoadedModel,
  settings: TrialChoice,
  signal: AbortSignal,
  onProgress: OnProgress,
): StrengthTrials {
  const { questions = heldOutQuestions.slice(0, usualCalibration.questions), maxTokens, sampled } = settings;
  return new StrengthTrials({
    model,
    statement: statementOf(concept, settings.prefix, settings.others),
    questions,
    maxTokens: maxTokens ?? usualCalibration.maxTokens,
    sampled,
    signal,
    onProgress: (stage, done, total) => onProgress(`calibrate: ${stage}`, done, total),
  });
}

/**
 * The same concept with a measured calibration, and so with another version.
 * @param trials of this concept, for who has asked their questions already
 * @param near what a glance at it preferred, for who has taken one
 * @throws SteerdError context_length_exceeded, invalid_value for a concept that steers nothing; the signal's
 *   reason when aborted. Nothing is left running either way.
 */
export async function calibrateConcept(
  concept: Concept,
  model: LoadedModel,
  settings: CalibrationSettings,
  signal: AbortSignal,
  onProgress: OnProgress = () => {},
  trials: StrengthTrials = trialsOf(concept, model, settings, signal, onProgress),
  near: Share | null = null,
): Promise<Concept> {
  const bound = { ...usualBound, ...settings.bound };
  const residualNorms = await residualNormsOf(concept, model, trials.judge.plain, signal);
  const unit = unitEdit(concept, residualNorms);
  const edit = (share: Share) => editAt(concept, unit, share);
  const found = await findStrength(trials, {
    editAt: edit,
    selection: trials.everything,
    around,
    shares: settings.shares,
    near,
  });
  const reference = await trials.references();
  const strengthOnly = settings.strengthOnly ?? false;
  const unbound = strengthOnly ? 0 : moved.told;
  const count = Number.isFinite(bound.divergence) ? moved.bounding : unbound;
  const steered = await withDivergences(trials, found.steered, edit, count);
  const { one, curve } = found;
  const some = { questions: trials.everything.questions.slice(0, few), sampled: false };
  const opposite = strengthOnly ? null : await measureSuppression(trials, edit, one, some);
  const most = largestShare(curve, steered, bound, one);
  const sideEffects = strengthOnly
    ? null
    : await measureSideEffects(
        model,
        {
          strengths: [...new Set([0.5, 1, Number((most / one).toPrecision(4))])],
          editAt: (strength) => edit(strength * one),
        },
        signal,
        (stage, done, total) => onProgress(`calibrate: ${stage}`, done, total),
      );
  const calibration: Calibration = {
    method: calibrationMethod,
    coefficients: Float32Array.from(unit.coefficients, (coefficient) => one * coefficient),
    negativeRatio: opposite === null ? 1 : opposite.share / one,
    details: calibrationDetails({
      trials,
      reference,
      steered,
      curve,
      one,
      most,
      interval: await shareInterval(steered, reference, concept.record.seed, signal),
      opposite,
      bound,
      sideEffects,
    }),
  };
  const calibrated = createConcept({ ...concept, residualNorms, calibration });
  // Readings of before are in units of another calibration.
  if (strengthOnly) return createConcept({ ...calibrated, readings: null });
  onProgress('calibrate: read', 0, 1);
  return createConcept({ ...calibrated, readings: await heldReadings(calibrated, trials) });
}

/** With how far the distributions move, from a few greedy answers of each share. */
async function withDivergences(
  trials: StrengthTrials,
  steered: readonly TriedShare[],
  edit: (share: Share) => ReturnType<typeof editAt>,
  count: number,
): Promise<TriedShare[]> {
  const measured: TriedShare[] = [];
  for (const point of steered) {
    const answers = point.tried.filter(({ sampled }) => !sampled).slice(0, count);
    measured.push({ ...point, divergence: await trials.divergence(answers, edit(point.share)) });
  }
  return measured;
}
