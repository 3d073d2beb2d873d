/** Concepts as one caller may see and use them: the store's, or a part of it. */
import type { ModelRegistry } from '../models/serve/registry.js';
import type { ConceptStore } from './concept-store.js';

export interface ConceptLookup extends Pick<ConceptStore, 'get' | 'list' | 'names' | 'modelsWith'> {
  /** Largest calibrated |strength| that the caller may ask for; no cap when undefined. */
  readonly maxStrength?: number | undefined;
  /** @throws SteerdError when the caller may not bring vectors of its own */
  checkInline?(param: string, use: 'steering' | 'monitor'): void;
}

export interface ConceptLibrary extends ConceptLookup, Pick<ConceptStore, 'put' | 'delete'> {}

/** What most requests need: a model by its name, and its concepts. */
export interface ModelsAndConcepts {
  readonly models: ModelRegistry;
  readonly concepts: ConceptLibrary;
}
