/**
 * Vectors that a request brings, as a concept that lives as long as the request: normalised and checked as imports
 * are, without calibration. Its version is the hash of the numbers, whatever they are called.
 */
import type { Concept } from '../concepts/concept.js';
import { importVectors } from '../concepts/vector-import.js';
import type { ModelShape } from '../engine/protocol.js';
import { errors, SteerdError } from '../errors.js';
import type { InlineVectors } from '../schemas/inline-vectors.js';

interface Target {
  readonly id: string;
  readonly shape: ModelShape;
}

/** Of one request's items: prompts and choices share what was made of them. */
const made = new WeakMap<InlineVectors, Concept>();

/**
 * @param field gives the request's name of an item's field
 * @throws SteerdError vectors_invalid, vectors_mismatch, invalid_value
 */
export function inlineConcept(
  item: InlineVectors,
  model: Target,
  field: (name: 'vectors' | 'residual_norms') => string,
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
    throw error instanceof SteerdError ? named(error, field('vectors')) : error;
  }
}

/** The import's error under the request's field. */
function named({ code, status, type, message, param }: SteerdError, field: string): SteerdError {
  const rest = param?.startsWith('vectors') ? param.slice('vectors'.length) : '';
  const sentence = rest !== '' && message.startsWith(`${param} `) ? message.slice(`${param} `.length) : null;
  const told = sentence === null ? `${field}: ${message}` : `${field}${rest} ${sentence}`;
  return new SteerdError(code, status, type, told, field + rest);
}
