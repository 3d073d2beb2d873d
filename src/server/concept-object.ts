/** A stored concept as HTTP shows it, alone and in a page of a list. */
import type { StoredConcept } from '../concepts/concept-store.js';
import { readingsDocument } from '../concepts/readings.js';
import { conceptWarnings, strengthSummary } from '../fitting/measure/calibration-warnings.js';
import type { ConceptList, ConceptObject, ConceptPageQuery } from '../schemas/concepts.js';

/** Concepts' names have no such sign. */
const cursorSign = '@';

const cursorOf = ({ concept: { name, model } }: StoredConcept) => `${name}${cursorSign}${model}`;

/** By name, and by model where several have a concept of that name. */
function compare(a: StoredConcept['concept'], b: Pick<StoredConcept['concept'], 'name' | 'model'>): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.model === b.model ? 0 : a.model < b.model ? -1 : 1;
}

/** @param after a cursor, or a name: then behind all concepts of that name */
function isBehind({ concept }: StoredConcept, after: string): boolean {
  const at = after.indexOf(cursorSign);
  if (at < 0) return concept.name > after;
  return compare(concept, { name: after.slice(0, at), model: after.slice(at + 1) }) > 0;
}

export function conceptPage(
  stored: readonly StoredConcept[],
  { limit, after }: Pick<ConceptPageQuery, 'limit' | 'after'>,
): ConceptList {
  const rest = stored
    .filter((one) => after === undefined || isBehind(one, after))
    .sort((a, b) => compare(a.concept, b.concept));
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  const hasMore = rest.length > limit;
  return {
    object: 'list',
    data: page.map(toConceptObject),
    has_more: hasMore,
    next: hasMore && last ? cursorOf(last) : null,
  };
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
