/** The history of a concept's name: which versions it had, how two of them differ, and going back to one. */
import { isPlainObject } from '../common/canonical-json.js';
import { errors } from '../errors.js';
import {
  type ConceptDiff,
  type ConceptVersionList,
  type DiffQuery,
  mostChanges,
} from '../schemas/concept-versions.js';
import { type Concept, conceptDocument } from './concept.js';
import { type ConceptLibrary, storedConcept, versionOf } from './concept-lookup.js';
import { similarity } from './similarity.js';
import type { ConceptVersion, StoredConcept } from './stored-concept.js';

type Library = ConceptLibrary;

/** @throws SteerdError concept_not_found for a name that never was; storage_failed, database_unavailable */
async function historyOf(concepts: Library, model: string, name: string): Promise<readonly ConceptVersion[]> {
  const versions = await concepts.versions(model, name);
  if (versions.length > 0) return versions;
  throw errors.conceptNotFound(name, model, concepts.names(model), 'name', concepts.modelsWith(name));
}

/** @throws as `historyOf` */
export async function conceptHistory(
  concepts: Library,
  model: string,
  name: string,
): Promise<ConceptVersionList> {
  const versions = await historyOf(concepts, model, name);
  const now = concepts.find(model, name)?.version;
  const at = versions.findIndex(({ version }) => version === now);
  return {
    object: 'list',
    name,
    model,
    data: versions.map(({ number, version, createdAt, source }, i) => ({
      ...{ number, version, created: createdAt, source },
      current: i === at,
    })),
  };
}

/** @throws SteerdError as `historyOf`; concept_version_not_found */
export async function conceptDiff(
  concepts: Library,
  model: string,
  name: string,
  { from, to }: Pick<DiffQuery, 'from' | 'to'>,
): Promise<ConceptDiff> {
  const versions = await historyOf(concepts, model, name);
  const find = (version: string, param: string) => versionOf(versions, { model, name, version }, param);
  const newest = to === undefined ? versions[0] : find(to, 'to');
  const before =
    from === undefined ? versions[versions.indexOf(newest as ConceptVersion) + 1] : find(from, 'from');
  const [b, a] = await Promise.all(
    [newest, before ?? newest].map(async (one) => {
      const stored = await storedConcept(concepts, model, `${name}@${one?.version}`, 'name');
      return stored.concept;
    }),
  );
  const changes = differences(a as Concept, b as Concept);
  const cosine = similarity(a as Concept, b as Concept);
  return {
    object: 'concept.diff',
    ...{ name, model, from: (a as Concept).version, to: (b as Concept).version },
    changes: changes.slice(0, mostChanges),
    complete: changes.length <= mostChanges,
    cosine: cosine === null ? null : Math.round(cosine * 1e6) / 1e6,
  };
}

/**
 * Lets a name mean one of its versions again, as a new version: whoever pinned another goes on.
 * @throws SteerdError concept_not_found for a name that means nothing now; concept_version_not_found; what `put` throws
 */
export async function rollBack(
  concepts: Library,
  model: string,
  name: string,
  version: string,
  signal: AbortSignal,
): Promise<StoredConcept> {
  if (concepts.find(model, name) === undefined)
    throw errors.conceptNotFound(name, model, concepts.names(model), 'name', concepts.modelsWith(name));
  const found = versionOf(await concepts.versions(model, name), { model, name, version }, 'version');
  const { concept } = await storedConcept(concepts, model, `${name}@${found.version}`, 'version');
  return concepts.put(concept, signal);
}

type Change = ConceptDiff['changes'][number];

/** Of everything but the vectors, leaf by leaf. */
function differences(a: Concept, b: Concept): Change[] {
  const changes: Change[] = [];
  compare('', whole(a), whole(b), changes);
  return changes;
}

function whole(concept: Concept): Record<string, unknown> {
  const { calibration, ...document } = conceptDocument(concept);
  return {
    ...document,
    residual_norms: Array.from(concept.residualNorms),
    calibration: {
      ...(calibration as object),
      coefficients: Array.from(concept.calibration.coefficients),
    },
  };
}

function compare(path: string, a: unknown, b: unknown, changes: Change[]): void {
  // One more than is told says that there are more.
  if (changes.length > mostChanges) return;
  const below = (key: string) => (path === '' ? key : `${path}.${key}`);
  if (isPlainObject(a) && isPlainObject(b)) {
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
    for (const key of keys) compare(below(key), a[key], b[key], changes);
  } else if (Array.isArray(a) && Array.isArray(b)) {
    const length = Math.max(a.length, b.length);
    for (let i = 0; i < length; i++) compare(`${path}[${i}]`, a[i], b[i], changes);
  } else if (!Object.is(a, b)) {
    changes.push({ path, ...(a !== undefined && { from: a }), ...(b !== undefined && { to: b }) });
  }
}
