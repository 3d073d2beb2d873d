/**
 * A calibration by a glance: where strength 1 lies by two reads of each greedy answer, without scores, strength -1, side effects
 * and readings. It reads a twentieth of what a whole one does, for those who measure hundreds of concepts.
 */
import { type Concept, createConcept } from '../../concepts/concept.js';
import type { LoadedModel } from '../../models/model.js';
import type { OnProgress } from '../recipes/recipe.js';
import { heldOutQuestions } from '../statements/questions.js';
import { type CalibrationSettings, trialsOf } from './calibrate.js';
import { residualNormsOf } from './residual-norms.js';
import { short } from './short.js';
import { glance } from './strength-search.js';
import { editAt, unitEdit } from './unit-edit.js';

export const glanceMethod = 'glance';
/** Asked where the settings name none: with half of them a glance was off by half as much again. */
const usualQuestions = 8;
/**
 * A glance prefers less than a whole calibration chooses, because fluency counts twice in it: by this factor in the mean of the
 * twelve concepts that ship (docs/bench-log.md).
 */
const beyond = 1.15;

/**
 * The same concept with strength 1 by a glance, and so with another version.
 * @throws SteerdError context_length_exceeded, invalid_value for a concept that steers nothing; the signal's
 *   reason when aborted. Nothing is left running either way.
 */
export async function calibrateAtAGlance(
  concept: Concept,
  model: LoadedModel,
  { questions = heldOutQuestions.slice(0, usualQuestions), prefix, maxTokens }: CalibrationSettings,
  signal: AbortSignal,
  onProgress: OnProgress = () => {},
): Promise<Concept> {
  // Nothing is read after other messages.
  const asked = { questions, prefix, maxTokens, others: [], sampled: false };
  const trials = trialsOf(concept, model, asked, signal, onProgress);
  const residualNorms = await residualNormsOf(concept, model, trials.judge.plain, signal);
  const unit = unitEdit(concept, residualNorms);
  const near = await glance(
    trials,
    (share) => editAt(concept, unit, share),
    trials.everything,
    questions.length,
  );
  const share = beyond * near;
  return createConcept({
    ...concept,
    residualNorms,
    calibration: {
      method: glanceMethod,
      coefficients: Float32Array.from(unit.coefficients, (coefficient) => share * coefficient),
      negativeRatio: 1,
      details: {
        share: short(share),
        prefix: trials.settings.statement?.own ?? '',
        prefix_role: trials.judge.role,
        questions,
        max_tokens: trials.settings.maxTokens,
      },
    },
    // Those of before are in units of another calibration.
    readings: null,
  });
}
