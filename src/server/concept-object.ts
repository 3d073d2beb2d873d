/** A stored concept as HTTP shows it, alone and in a page of a list. */
import type { StoredConcept } from '../concepts/concept-store.js';
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
    ...warningsOf(record.details),
    details: { ...record.details },
    calibration: {
      method: calibration.method,
      coefficients: Array.from(calibration.coefficients),
      negative_ratio: calibration.negativeRatio,
      details: { ...calibration.details },
    },
    residual_norms: Array.from(concept.residualNorms),
  };
}

/** What the fit or the import recorded for whoever uses the concept; nothing when there is nothing to say. */
function warningsOf({ warnings }: Readonly<Record<string, unknown>>): { warnings?: string[] } {
  if (!Array.isArray(warnings)) return {};
  const texts = warnings.filter((warning) => typeof warning === 'string');
  return texts.length > 0 ? { warnings: texts } : {};
}
