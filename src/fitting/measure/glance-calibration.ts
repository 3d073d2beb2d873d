/**
 * A calibration by a glance: where strength 1 lies by two reads of each greedy answer, without scores, strength -1, side effects
 * and readings. It reads a twentieth of what a whole one does, for those who measure hundreds of concepts.
 */
import { type Concept, createConcept, glanceMethod } from '../../concepts/concept.js';
import type { LoadedModel } from '../../models/model.js';
import { glancedQuestions } from '../../schemas/measurements.js';
import type { OnProgress } from '../recipes/recipe.js';
import { heldOutQuestions } from '../statements/questions.js';
import { type CalibrationSettings, trialsOf } from './calibrate.js';
import { residualNormsOf } from './residual-norms.js';
import { short } from './short.js';
import { glance } from './strength-search.js';
import { editAt, unitEdit } from './unit-edit.js';

/**
 * A whole calibration's share by a glance's, in the mean of the twelve concepts that ship, each of which a message states
 * (docs/bench-log.md): fluency counts twice in a glance.
 */
const wholeOverGlance = 1.15;

/**
 * The same concept with strength 1 by a glance, and so with another version.
 * @throws SteerdError context_length_exceeded, invalid_value for a concept that steers nothing; the signal's
 *   reason when aborted. Nothing is left running either way.
 */
export async function calibrateAtAGlance(
  concept: Concept,
  model: LoadedModel,
  {
    questions = heldOutQuestions.slice(0, glancedQuestions),
    prefix,
    maxTokens,
  }: Pick<CalibrationSettings, 'questions' | 'prefix' | 'maxTokens'>,
  signal: AbortSignal,
  onProgress: OnProgress = () => {},
): Promise<Concept> {
  // Nothing is read after other messages.
  const asked = { questions, prefix, maxTokens, others: [], sampled: false };
  const trials = trialsOf(concept, model, asked, signal, onProgress);
  const residualNorms = await residualNormsOf(concept, model, trials.judge.plain, signal);
  const unit = unitEdit(concept, residualNorms);
  const near = await glance(trials, (share) => editAt(concept, unit, share), trials.everything.questions);
  const share = wholeOverGlance * near;
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
