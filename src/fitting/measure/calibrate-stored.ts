/** Calibrates a concept of the store and keeps the result there. */
import { type ConceptLibrary, storedConcept } from '../../concepts/concept-lookup.js';
import type { StoredConcept } from '../../concepts/stored-concept.js';
import { keepLoaded } from '../../models/model.js';
import type { ModelRegistry } from '../../models/registry.js';
import type { CalibrateRequest } from '../../schemas/measurements.js';
import { checkConcept } from '../../steering/item-concept.js';
import type { OnProgress } from '../recipes/recipe.js';
import { calibrateConcept } from './calibrate.js';
import { calibrateAtAGlance } from './glance-calibration.js';

/**
 * The calibrated concept, in the store. A shipped one is hidden by its calibrated copy in the data directory.
 * @throws SteerdError concept_not_found, concept_mismatch, concept_changed when it was replaced meanwhile,
 *   storage_failed, and what `calibrateConcept` throws; the concept that was there before stays.
 */
export async function calibrateStored(
  name: string,
  request: CalibrateRequest,
  models: Pick<ModelRegistry, 'get'>,
  concepts: ConceptLibrary,
  signal: AbortSignal,
  onProgress?: OnProgress,
): Promise<StoredConcept> {
  const model = await models.get(request.model, signal);
  const before = await storedConcept(concepts, model.id, name, 'name');
  checkConcept(before.concept, { id: model.id, shape: model.engine.shape }, 'name');
  const { prefix, others, questions, shares, bound, max_tokens: maxTokens } = request;
  const about = { prefix, questions, maxTokens };
  const calibrate = () =>
    request.glance === true
      ? calibrateAtAGlance(before.concept, model, about, signal, onProgress)
      : calibrateConcept(
          before.concept,
          model,
          { ...about, shares, others, bound, strengthOnly: request.strength_only ?? false },
          signal,
          onProgress,
        );
  const calibrated = await keepLoaded(model, calibrate, signal);
  return concepts.put(calibrated, signal, undefined, before.concept.version);
}
