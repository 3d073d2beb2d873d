/** Concepts as one caller may see and use them: a store's, or a part of it. */
import { errors } from '../errors.js';
import type { ModelRegistry } from '../models/registry.js';
import type { Concept } from './concept.js';
import type { ConceptMaker } from './concept-quota.js';
import { pinnedVersion, readPin } from './pinned-name.js';
import type { ConceptEntry, ConceptVersion, StoredConcept } from './stored-concept.js';

/** What a caller may ask of concepts, and who hears of it. */
interface ConceptUse {
  /** What a model has, sorted. */
  names(model: string): readonly string[];
  /** Ids of the models that have a concept of that name, sorted. */
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

/** Concepts at hand, vectors and all: what steering works with. `conceptsAtHand` makes one for a request. */
export interface ConceptLookup extends ConceptUse {
  /** @param name may be pinned: `name@version` */
  get(model: string, name: string): { readonly concept: Concept } | undefined;
  /** Of a pinned name that was not found: the versions that there are. */
  kept?(name: string): readonly string[];
}

/**
 * A store of concepts. It knows every name at once; a concept itself may lie on a disk or in a database. A change is visible, and
 * acknowledged, only when it is durable.
 */
export interface ConceptLibrary extends ConceptUse {
  modelsWith(name: string): readonly string[];
  /** Sorted by name, then model. */
  list(model?: string): readonly ConceptEntry[];
  /** What a name means now. */
  find(model: string, name: string): ConceptEntry | undefined;
  /**
   * The concept itself.
   * @param name may be pinned: `name@version` finds what is kept of it, also when the name is deleted or means another
   * @throws SteerdError storage_failed, database_unavailable
   */
  load(model: string, name: string): Promise<StoredConcept | undefined>;
  /**
   * The versions that are kept of a name, newest first; none for a name that never was. The first is what it means now, unless it
   * was deleted.
   * @throws SteerdError storage_failed, database_unavailable
   */
  versions(model: string, name: string): Promise<readonly ConceptVersion[]>;
  /**
   * Adds a concept, or replaces the one of the same model and name: the next `find` finds it, and the one before is kept as a version.
   * @param maker whose a new one is; one that is replaced stays whose it was
   * @param replaces version that must be there still, in the moment of the change; null where none may be but a shipped one
   * @throws SteerdError storage_failed, database_unavailable, concept_quota_exceeded, concept_changed; the signal's reason when it is
   *   aborted before the concept is in its place. The concept that was there before stays either way.
   */
  put(
    concept: Concept,
    signal?: AbortSignal,
    maker?: ConceptMaker,
    replaces?: string | null,
  ): Promise<StoredConcept>;
  /**
   * Deletes a concept that was made here and returns what it was; a shipped one that it hid is visible again. What pins its versions
   * goes on, and `restore` can bring it back.
   * @param replaces version that must be there still, in the moment of the change
   * @throws SteerdError concept_not_found, concept_read_only (shipped), concept_changed, storage_failed, database_unavailable
   */
  delete(model: string, name: string, replaces?: string): Promise<ConceptEntry>;
  /**
   * Gives a concept another name, and with it another version. It stays whose it was.
   * @throws SteerdError concept_not_found, concept_read_only (shipped), concept_exists, invalid_value, storage_failed, database_unavailable
   */
  rename(model: string, name: string, to: string): Promise<StoredConcept>;
  /**
   * Brings back the concept of that name that was deleted last, as it was and whose it was.
   * @throws SteerdError concept_not_kept, concept_exists, concept_quota_exceeded, storage_failed, database_unavailable
   */
  restore(model: string, name: string): Promise<StoredConcept>;
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
    find: (model, name) => concepts.find(model, name),
    load: (model, name) => concepts.load(model, name),
    list: (model) => concepts.list(model),
    names: (model) => concepts.names(model),
    modelsWith: (name) => concepts.modelsWith(name),
    versions: (model, name) => concepts.versions(model, name),
    put: (...change) => concepts.put(...change),
    delete: (...change) => concepts.delete(...change),
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
 * The concept of a model by its name, among those at hand.
 * @param param the request's field that names it
 * @throws SteerdError concept_being_fitted while a fit makes it; concept_not_found, with what the model has and which models have the concept
 */
export function conceptAtHand(concepts: ConceptLookup, model: string, name: string, param: string): Concept {
  const found = concepts.get(model, name);
  if (found !== undefined) return found.concept;
  const { name: plain, version } = readPin(name);
  const kept = concepts.kept?.(name) ?? [];
  if (version !== null && kept.length > 0)
    throw errors.conceptVersionNotFound(plain, model, version, kept, param);
  throw missing(concepts, model, plain, param);
}

/**
 * The concept of a model by its name, read from wherever it lies.
 * @param name may be pinned: `name@version`
 * @param param the request's field that names it
 * @throws SteerdError as `conceptAtHand`; concept_version_not_found; storage_failed, database_unavailable
 */
export async function storedConcept(
  concepts: ConceptLibrary,
  model: string,
  name: string,
  param: string,
): Promise<StoredConcept> {
  const stored = await concepts.load(model, name);
  if (stored !== undefined) return stored;
  const { name: plain, version } = readPin(name);
  const versions = version === null ? [] : await concepts.versions(model, plain);
  if (version === null || versions.length === 0) throw missing(concepts, model, plain, param);
  throw errors.conceptVersionNotFound(
    plain,
    model,
    version,
    versions.map((one) => one.version),
    param,
  );
}

function missing(concepts: ConceptUse, model: string, name: string, param: string): Error {
  const fit = concepts.fitting?.(model, name);
  if (fit !== undefined) return errors.conceptBeingFitted(name, model, fit.id, fit.progress, param);
  return errors.conceptNotFound(name, model, concepts.names(model), param, concepts.modelsWith?.(name));
}

/**
 * The concepts of these names, read once and held: whatever is stored or forgotten meanwhile, all of a request is steered by the same.
 * Names that there are not are not found then either.
 * @throws SteerdError storage_failed, database_unavailable; concept_not_allowed
 */
export async function conceptsAtHand(
  concepts: ConceptUse & Pick<ConceptLibrary, 'load'> & Partial<Pick<ConceptLibrary, 'versions'>>,
  model: string,
  names: Iterable<string>,
): Promise<ConceptLookup> {
  const held = new Map<string, StoredConcept | undefined>();
  const kept = new Map<string, readonly string[]>();
  for (const name of new Set(names)) {
    const stored = await concepts.load(model, name);
    held.set(name, stored);
    const { name: plain, version } = readPin(name);
    if (stored !== undefined || version === null) continue;
    const versions = (await concepts.versions?.(model, plain)) ?? [];
    kept.set(
      name,
      versions.map((one) => one.version),
    );
  }
  return {
    get maxStrength() {
      return concepts.maxStrength;
    },
    checkInline: (param, use) => concepts.checkInline?.(param, use),
    steered: (receipts) => concepts.steered?.(receipts),
    fitting: (of, name) => concepts.fitting?.(of, name),
    names: (of) => concepts.names(of),
    modelsWith: (name) => concepts.modelsWith?.(name) ?? [],
    get: (of, name) => (of === model ? held.get(name) : undefined),
    kept: (name) => kept.get(name) ?? [],
  };
}

/**
 * The version that a name has, or had, by the first digits of its hash.
 * @throws SteerdError concept_version_not_found
 */
export function versionOf(
  versions: readonly ConceptVersion[],
  { model, name, version }: { readonly model: string; readonly name: string; readonly version: string },
  param: string,
): ConceptVersion {
  const found = pinnedVersion(versions, version);
  if (found !== undefined) return found;
  throw errors.conceptVersionNotFound(
    name,
    model,
    version,
    versions.map((one) => one.version),
    param,
  );
}
