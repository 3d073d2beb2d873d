/** Concepts as one caller may see and use them: the store's, or a part of it. */
import { errors } from '../errors.js';
import type { ModelRegistry } from '../models/registry.js';
import type { Concept } from './concept.js';
import type { ConceptStore, StoredConcept } from './concept-store.js';

/** What steering needs: concepts by name, and what the caller may steer by. */
export interface ConceptLookup<Found = { readonly concept: Concept }> {
  get(model: string, name: string): Found | undefined;
  /** What a model has. */
  names(model: string): readonly string[];
  /** Ids of the models that have a concept of that name. */
  modelsWith?(name: string): readonly string[];
  /** The fit that is making a concept of that name, where there is one. */
  fitting?(model: string, name: string): { readonly id: string; readonly progress: string } | undefined;
  /** Largest calibrated |strength| that the caller may ask for; no cap when undefined. */
  readonly maxStrength?: number | undefined;
  /**
   * @param param the request's field that brings vectors
   * @throws SteerdError inline_vectors_not_allowed when the caller may not use vectors of its own for that
   */
  checkInline?(param: string, use: 'steering' | 'monitor'): void;
  /** Hears what steers a request. */
  steered?(receipts: readonly { readonly concept: string | null; readonly strength: number }[]): void;
}

export interface ConceptLibrary
  extends ConceptLookup<StoredConcept>,
    Pick<ConceptStore, 'list' | 'put' | 'delete' | 'rename' | 'restore'> {
  modelsWith(name: string): readonly string[];
}

/** `concepts` with `overrides` in place of its own members; all others go on to it. */
export function withConcepts(concepts: ConceptLibrary, overrides: Partial<ConceptLibrary>): ConceptLibrary {
  return {
    get maxStrength() {
      return concepts.maxStrength;
    },
    checkInline: (param, use) => concepts.checkInline?.(param, use),
    steered: (receipts) => concepts.steered?.(receipts),
    fitting: (model, name) => concepts.fitting?.(model, name),
    get: (model, name) => concepts.get(model, name),
    list: (model) => concepts.list(model),
    names: (model) => concepts.names(model),
    modelsWith: (name) => concepts.modelsWith(name),
    put: (concept, signal, maker) => concepts.put(concept, signal, maker),
    delete: (model, name) => concepts.delete(model, name),
    rename: (model, name, to) => concepts.rename(model, name, to),
    restore: (model, name) => concepts.restore(model, name),
    ...overrides,
  };
}

/** What most requests need: a model by its name, and its concepts. */
export interface ModelsAndConcepts {
  readonly models: ModelRegistry;
  readonly concepts: ConceptLibrary;
}

/**
 * The concept of a model by its name.
 * @param param the request's field that names it
 * @throws SteerdError concept_being_fitted while a fit makes it; concept_not_found, with what the model has and which models have the concept
 */
export function storedConcept<Found>(
  concepts: ConceptLookup<Found>,
  model: string,
  name: string,
  param: string,
): Found {
  const stored = concepts.get(model, name);
  if (stored !== undefined) return stored;
  const fit = concepts.fitting?.(model, name);
  if (fit !== undefined) throw errors.conceptBeingFitted(name, model, fit.id, fit.progress, param);
  throw errors.conceptNotFound(name, model, concepts.names(model), param, concepts.modelsWith?.(name));
}
