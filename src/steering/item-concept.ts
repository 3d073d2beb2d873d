/**
 * The concept that an item of a request means: a stored one by its name, or the vectors that the item brings. Those
 * become a concept that lives as long as the request: normalised and checked as imports are, without calibration, its
 * version the hash of the numbers, whatever they are called.
 */
import type { Concept } from '../concepts/concept.js';
import { type ConceptLookup, conceptAtHand } from '../concepts/concept-lookup.js';
import { importVectors } from '../concepts/vector-import.js';
import type { ModelShape } from '../engine/protocol.js';
import { errors, SteerdError } from '../errors.js';
import type { InlineVectors } from '../schemas/inline-vectors.js';

export interface ItemContext {
  readonly model: { readonly id: string; readonly shape: ModelShape };
  readonly concepts: ConceptLookup;
}

/**
 * A concept that fits the request's model.
 * @param use what the item asks for: a caller may read by vectors of its own and not steer by them
 * @param field gives the request's name of an item's field, for errors
 * @throws SteerdError concept_not_found, concept_mismatch, vectors_invalid, vectors_mismatch, invalid_value,
 *   inline_vectors_not_allowed
 */
export function itemConcept(
  item: { readonly concept: string } | InlineVectors,
  use: 'steering' | 'monitor',
  { model, concepts }: ItemContext,
  field: (name: string) => string,
): Concept {
  if ('vectors' in item) {
    concepts.checkInline?.(field('vectors'), use);
    return inlineConcept(item, model, field);
  }
  const param = field('concept');
  const concept = conceptAtHand(concepts, model.id, item.concept, param);
  checkConcept(concept, model, param);
  return concept;
}

/** @throws SteerdError concept_mismatch when the concept was not made for this very model. */
export function checkConcept(concept: Concept, model: ItemContext['model'], param: string): void {
  const { name } = concept;
  if (concept.model !== model.id) {
    throw errors.conceptMismatch(
      name,
      `it belongs to model ${concept.model} and the request runs ${model.id}`,
      param,
    );
  }
  if (concept.layers !== model.shape.layers || concept.hiddenSize !== model.shape.hiddenSize) {
    throw errors.conceptMismatch(
      name,
      `it has ${concept.layers} layers of width ${concept.hiddenSize} and model ${model.id} has ${model.shape.layers} of width ${model.shape.hiddenSize}`,
      param,
    );
  }
  if (concept.modelFingerprint !== model.shape.fingerprint) {
    throw errors.conceptMismatch(
      name,
      `it was fitted on another export of ${model.id} (${concept.modelFingerprint.slice(0, 12)}) than the one loaded (${model.shape.fingerprint.slice(0, 12)}); fit it again`,
      param,
    );
  }
}

/** Concepts by the item that brought their vectors: all prompts and choices of a request share one. */
const made = new WeakMap<InlineVectors, Concept>();

function inlineConcept(
  item: InlineVectors,
  model: ItemContext['model'],
  field: (name: string) => string,
): Concept {
  const known = made.get(item);
  if (known !== undefined && known.modelFingerprint === model.shape.fingerprint) return known;
  const { layers, hiddenSize, fingerprint } = model.shape;
  const norms = item.residual_norms;
  if (norms !== undefined && norms.length !== layers) {
    throw errors.invalidValue(field('residual_norms'), `${layers} numbers, one for each block`, norms.length);
  }
  try {
    const file = { vectors: item.vectors as Record<string, string | number[]> };
    const concept = importVectors(norms ? { ...file, residual_norms: [...norms] } : file, 'json', {
      name: 'inline',
      model: model.id,
      modelFingerprint: fingerprint,
      modelType: null,
      layers,
      hiddenSize,
      force: false,
    });
    made.set(item, concept);
    return concept;
  } catch (error) {
    throw error instanceof SteerdError ? renamed(error, field('vectors')) : error;
  }
}

/** The import's error, with the request's field in place of the import's `vectors`. */
function renamed(error: SteerdError, field: string): SteerdError {
  const { message, param } = error;
  const rest = param?.startsWith('vectors') ? param.slice('vectors'.length) : '';
  const sentence = rest !== '' && message.startsWith(`${param} `) ? message.slice(`${param} `.length) : null;
  const told = sentence === null ? `${field}: ${message}` : `${field}${rest} ${sentence}`;
  return error.inWords(told, field + rest);
}
