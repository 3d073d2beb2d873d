/** What a request is told that names a concept its model does not have. */
import { errors } from '../errors.js';

export interface ConceptNames {
  /** What a model has. */
  names(model: string): readonly string[];
  /** Ids of the models that have a concept of that name. */
  modelsWith?(name: string): readonly string[];
}

/** concept_not_found, with what the model has and which models have the concept. */
export function conceptMissing(name: string, model: string, concepts: ConceptNames, param: string): Error {
  return errors.conceptNotFound(name, model, concepts.names(model), param, concepts.modelsWith?.(name));
}
