/** A model as HTTP shows it. */

import { withoutPaths } from '../common/without-paths.js';
import type { ModelsAndConcepts } from '../concepts/concept-lookup.js';
import type { ModelStatus } from '../models/registry.js';
import type { ModelObject } from '../schemas/models.js';

/** @param concepts how many the caller may see */
export function toModelObject(model: ModelStatus, concepts: number): ModelObject {
  const { id, created, state, uses, device, fingerprint, settings, footprint, problem } = model;
  return {
    id,
    object: 'model',
    created,
    owned_by: 'steerd',
    max_model_len: footprint?.capacity ?? null,
    max_model_len_reason: footprint?.capacityWhy ?? null,
    layers: footprint?.layers ?? null,
    hidden_size: footprint?.hiddenSize ?? null,
    fingerprint,
    state,
    size: footprint && { weights: footprint.weights, kv: footprint.kv },
    slots: settings?.slots ?? null,
    device,
    in_use: uses,
    pinned: settings?.pinned ?? false,
    idle_seconds: settings?.idleSeconds ?? null,
    concepts,
    problem: problem === null ? null : withoutPaths(problem),
  };
}

/** A model as its caller sees it, loaded or not. @throws SteerdError model_not_found */
export async function describeModel(
  id: string,
  { models, concepts }: ModelsAndConcepts,
): Promise<ModelObject> {
  return toModelObject(await models.status(id), concepts.names(id).length);
}
