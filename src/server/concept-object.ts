/** A stored concept as HTTP shows it, alone and in a page of a list. */
import { RecentMap } from '../common/recent-map.js';
import type { ConceptLibrary } from '../concepts/concept-lookup.js';
import { readingsDocument } from '../concepts/readings.js';
import type { ConceptEntry, StoredConcept } from '../concepts/stored-concept.js';
import { conceptWarnings, strengthSummary } from '../fitting/measure/calibration-warnings.js';
import type { ConceptList, ConceptObject, ConceptPageQuery } from '../schemas/concepts.js';

/** Concepts' names have no such sign. */
const cursorSign = '@';

const cursorOf = ({ name, model }: ConceptEntry) => `${name}${cursorSign}${model}`;

/** By name, and by model where several have a concept of that name. */
function compare(a: ConceptEntry, b: Pick<ConceptEntry, 'name' | 'model'>): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.model === b.model ? 0 : a.model < b.model ? -1 : 1;
}

/** @param after a cursor, or a name: then behind all concepts of that name */
function isBehind(entry: ConceptEntry, after: string): boolean {
  const at = after.indexOf(cursorSign);
  if (at < 0) return entry.name > after;
  return compare(entry, { name: after.slice(0, at), model: after.slice(at + 1) }) > 0;
}

type Summary = Omit<
  ConceptObject,
  'details' | 'calibration' | 'residual_norms' | 'readings' | 'created' | 'source'
>;

/** Of their JSON, of all summaries that are kept. */
const summaryCharacters = 16 * 1024 * 1024;

/** What lists show of concepts, by name and version, which never changes: who looks at thousands again and again reads each once. */
const summaries = new RecentMap<Summary>(summaryCharacters);

/** Undefined for one that is deleted meanwhile. @throws SteerdError storage_failed, database_unavailable */
async function summaryOf(
  concepts: Pick<ConceptLibrary, 'load'>,
  { model, name, version }: ConceptEntry,
): Promise<Summary | undefined> {
  // A version names its concept; with the name beside it, no slip of a store can show one as another.
  const key = JSON.stringify([model, name, version]);
  const known = summaries.get(key);
  if (known !== undefined) return known;
  const stored = await concepts.load(model, name);
  if (stored === undefined) return undefined;
  const { details, calibration, residual_norms, readings, created, source, ...summary } =
    toConceptObject(stored);
  summaries.set(key, summary, JSON.stringify(summary).length);
  return summary;
}

/**
 * Only the concepts of the page are read, and those only that were not before.
 * @throws SteerdError storage_failed, database_unavailable
 */
export async function conceptPage(
  concepts: Pick<ConceptLibrary, 'list' | 'load'>,
  { limit, after }: Pick<ConceptPageQuery, 'limit' | 'after'>,
  model: string | undefined,
): Promise<ConceptList> {
  const rest = concepts
    .list(model)
    .filter((one) => after === undefined || isBehind(one, after))
    .sort(compare);
  const page = rest.slice(0, limit);
  const data: ConceptList['data'] = [];
  for (const entry of page) {
    const summary = await summaryOf(concepts, entry);
    if (summary !== undefined) data.push({ ...summary, created: entry.createdAt, source: entry.source });
  }
  const last = page.at(-1);
  const hasMore = rest.length > limit;
  return {
    object: 'list',
    data,
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
