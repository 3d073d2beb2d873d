/** A stored concept as HTTP shows it, alone and in a page of a list. */
import type { StoredConcept } from '../concepts/concept-store.js';
import { readingsDocument } from '../concepts/readings.js';
import { conceptWarnings, strengthSummary } from '../fitting/measure/calibration-warnings.js';
import type { ConceptList, ConceptObject, ConceptPageQuery } from '../schemas/concepts.js';

/** @param stored sorted by name */
export function conceptPage(
  stored: readonly StoredConcept[],
  { limit, after }: Pick<ConceptPageQuery, 'limit' | 'after'>,
): ConceptList {
  const rest = after === undefined ? stored : stored.filter(({ concept }) => concept.name > after);
  return { object: 'list', data: rest.slice(0, limit).map(toConceptObject), has_more: rest.length > limit };
}

/** Everything but the vectors, which are too many for JSON by default. */
export function toConceptObject({ concept, source, createdAt }: StoredConcept): ConceptObject {
  const { record, calibration } = concept;
  const warnings = conceptWarnings(concept);
  return {
    id: concept.name,
    object: 'concept',
    name: concept.name,
    model: concept.model,
    version: concept.version,
    model_fingerprint: concept.modelFingerprint,
    created: createdAt,
    source,
    layers: concept.layers,
    hidden_size: concept.hiddenSize,
    recipe: record.recipe,
    method: record.method,
    prefix: record.prefix,
    seed: record.seed,
    ...(warnings.length > 0 ? { warnings } : {}),
    details: { ...record.details },
    calibration: {
      method: calibration.method,
      coefficients: Array.from(calibration.coefficients),
      negative_ratio: calibration.negativeRatio,
      details: { ...calibration.details },
    },
    ...strengthSummary(calibration),
    residual_norms: Array.from(concept.residualNorms),
    readings: concept.readings && readingsDocument(concept.readings),
  };
}
