/**
 * Every concept the server knows, by model and name: those shipped (read-only) and those under
 * `<dataDirectory>/concepts`, which hide shipped ones of the same name. All are held in memory; a change is
 * visible, and acknowledged, only when it is durable. One process at a time owns a data directory.
 *
 * A file's name is a hash of model and concept name: no name can reach outside the folder or be too long for it.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { deleteDurably, isDiskFull, openFolderDurably, writeDurably } from '../common/durable-file.js';
import { RecentMap } from '../common/recent-map.js';
import { errors } from '../errors.js';
import { type Concept, createConcept } from './concept.js';
import { decodeConcept, encodeConcept } from './concept-file.js';
import { conceptExtension, type RefusedFile, readConceptFolder } from './concept-folder.js';
import { ConceptOwners } from './concept-owners.js';
import { type ConceptMaker, type ConceptQuota, checkMaker, checkQuota } from './concept-quota.js';

export interface StoredConcept {
  readonly concept: Concept;
  readonly source: 'shipped' | 'data';
  /** Unix seconds: when its file was written. */
  readonly createdAt: number;
}

interface ConceptStoreOptions {
  readonly dataDirectory: string;
  /** Folders with `*.safetensors`, read-only; of two with the same model and name the first counts. */
  readonly shipped: readonly string[];
  /** None without. */
  readonly quota?: ConceptQuota;
}

/** Bytes of the vectors of deleted concepts that are kept for `restore`. */
const keptBytes = 64 * 1024 ** 2;

interface DeletedConcept {
  readonly concept: Concept;
  readonly owner: string | undefined;
}

export class ConceptStore {
  readonly #folder: string;
  readonly #shipped = new Map<string, StoredConcept>();
  readonly #data = new Map<string, StoredConcept>();
  /** Folders of shipped concepts that were read. */
  readonly #folders = new Set<string>();
  /** The last change under way of each key: changes of one concept happen one after the other. */
  readonly #changes = new Map<string, Promise<unknown>>();
  /** Bytes of concepts that are being written, by key. */
  readonly #pending = new Map<string, number>();
  /** The last ones deleted, by key. */
  readonly #deleted = new RecentMap<DeletedConcept>(keptBytes);
  readonly #quota: ConceptQuota | undefined;
  #owners: ConceptOwners | undefined;
  #refused: RefusedFile[] = [];

  private constructor(folder: string, quota: ConceptQuota | undefined) {
    this.#folder = folder;
    this.#quota = quota;
  }

  /**
   * Loads every valid file; the others are listed in `refused` and left where they are.
   * @throws SteerdError storage_failed when the data directory cannot be made or read.
   */
  static async open(options: ConceptStoreOptions): Promise<ConceptStore> {
    const folder = join(options.dataDirectory, 'concepts');
    const store = new ConceptStore(folder, options.quota);
    for (const shipped of options.shipped) await store.addShipped(shipped);
    try {
      await openFolderDurably(folder);
      await store.#loadData();
      store.#owners = await ConceptOwners.open(folder);
    } catch (error) {
      throw storageError(`opening ${folder}`, error);
    }
    return store;
  }

  /** Files that were not loaded. */
  get refused(): readonly RefusedFile[] {
    return this.#refused;
  }

  /** Sorted by name, then model. */
  list(model?: string): StoredConcept[] {
    return [...new Map([...this.#shipped, ...this.#data]).values()]
      .filter(({ concept }) => model === undefined || concept.model === model)
      .sort((a, b) => compare(a.concept.name, b.concept.name) || compare(a.concept.model, b.concept.model));
  }

  get(model: string, name: string): StoredConcept | undefined {
    const key = keyOf(model, name);
    return this.#data.get(key) ?? this.#shipped.get(key);
  }

  /** Sorted. */
  names(model: string): string[] {
    return this.list(model).map(({ concept }) => concept.name);
  }

  /** The models that have a concept of that name, sorted. */
  modelsWith(name: string): string[] {
    const models = [this.#shipped, this.#data].flatMap((stored) =>
      [...stored.values()].flatMap(({ concept }) => (concept.name === name ? [concept.model] : [])),
    );
    return [...new Set(models)].sort();
  }

  /**
   * Whether one more concept may be made under that name.
   * @param bytes of its vectors, where they are known
   * @throws SteerdError concept_quota_exceeded
   */
  checkRoom(model: string, name: string, maker?: ConceptMaker, bytes = 0): void {
    const own = keyOf(model, name);
    if (this.#quota !== undefined) {
      const others = new Map<string, number>(this.#pending);
      for (const [key, { concept }] of this.#data) others.set(key, concept.vectors.byteLength);
      others.delete(own);
      checkQuota(this.#quota, name, bytes, [...others.values()]);
    }
    if (maker === undefined || this.#data.has(own)) return;
    checkMaker(maker, name, [...this.#data.keys()].filter((key) => this.#ownerOf(key) === maker.key).length);
  }

  #ownerOf(key: string): string | undefined {
    return this.#owners?.of(fileOf(key));
  }

  /**
   * Adds a concept, or replaces the one of the same model and name: the next `get` finds it.
   * @param maker whose a new one is; one that is replaced stays whose it was
   * @throws SteerdError storage_failed, concept_quota_exceeded; the signal's reason when it is aborted before the new file is in its
   *   place. The concept that was there before stays either way.
   */
  async put(concept: Concept, signal?: AbortSignal, maker?: ConceptMaker): Promise<StoredConcept> {
    // Decoding what will be written makes sure that whatever is acknowledged also loads.
    const bytes = encodeConcept(concept);
    const written = decodeConcept(bytes);
    return this.#change(keyOf(concept.model, concept.name), () => {
      this.checkRoom(concept.model, concept.name, maker, written.vectors.byteLength);
      return this.#write(written, bytes, maker?.key, signal);
    });
  }

  /**
   * Only as a change of its key, and where there is room.
   * @param owner whose a new one is
   */
  async #write(
    concept: Concept,
    bytes: Uint8Array,
    owner: string | undefined,
    signal?: AbortSignal,
  ): Promise<StoredConcept> {
    const key = keyOf(concept.model, concept.name);
    const file = fileOf(key);
    this.#pending.set(key, concept.vectors.byteLength);
    let modified: number;
    try {
      modified = await this.#writeOwned(
        file,
        bytes,
        this.#data.has(key) ? this.#ownerOf(key) : owner,
        signal,
      );
    } catch (error) {
      if (signal?.aborted && error === signal.reason) throw error;
      throw storageError(`storing concept ${JSON.stringify(concept.name)}`, error);
    } finally {
      this.#pending.delete(key);
    }
    const stored = { concept, source: 'data', createdAt: Math.floor(modified / 1000) } as const;
    this.#data.set(key, stored);
    const path = join(this.#folder, file);
    this.#refused = this.#refused.filter((refused) => refused.file !== path);
    return stored;
  }

  /** The owner first: a concept that nobody is told of must not be found at the next start. */
  async #writeOwned(file: string, bytes: Uint8Array, owner: string | undefined, signal?: AbortSignal) {
    const before = this.#owners?.of(file);
    await this.#owners?.set(file, owner);
    try {
      return await writeDurably(this.#folder, file, bytes, { signal });
    } catch (error) {
      await this.#owners?.set(file, before).catch(() => {});
      throw error;
    }
  }

  /**
   * Deletes a concept under the data directory and returns it; a shipped one that it hid is visible again. `restore` can bring it
   * back for a while.
   * @throws SteerdError concept_not_found, concept_read_only (shipped), storage_failed.
   */
  delete(model: string, name: string): Promise<StoredConcept> {
    return this.#change(keyOf(model, name), async (key) => {
      const stored = this.#own(model, name);
      const { concept } = stored;
      this.#deleted.set(key, { concept, owner: this.#ownerOf(key) }, concept.vectors.byteLength);
      await this.#remove(key, name);
      return stored;
    });
  }

  /**
   * Brings back the concept of that name that was deleted last, as it was and whose it was. The last few are kept, in memory.
   * @throws SteerdError concept_not_kept, concept_exists, concept_quota_exceeded, storage_failed
   */
  restore(model: string, name: string): Promise<StoredConcept> {
    return this.#change(keyOf(model, name), async (key) => {
      if (this.#data.has(key)) throw errors.conceptExists(name, model);
      const kept = this.#deleted.get(key);
      if (kept === undefined) throw errors.conceptNotKept(name, model);
      const { concept, owner } = kept;
      this.checkRoom(model, name, undefined, concept.vectors.byteLength);
      return this.#write(concept, encodeConcept(concept), owner);
    });
  }

  /**
   * Gives a concept another name, and with it another version. It stays whose it was. The new file is there before the old one
   * goes: a crash between leaves both.
   * @throws SteerdError concept_not_found, concept_read_only (shipped), concept_exists, invalid_value, storage_failed
   */
  rename(model: string, name: string, to: string): Promise<StoredConcept> {
    const [from, target] = [keyOf(model, name), keyOf(model, to)];
    if (from === target) return Promise.reject(errors.conceptExists(to, model));
    // Always in the same order: two renames that cross do not wait for each other.
    const [first, second] = from < target ? [from, target] : [target, from];
    return this.#change(first, () => this.#change(second, () => this.#rename(model, name, to)));
  }

  async #rename(model: string, name: string, to: string): Promise<StoredConcept> {
    const { concept } = this.#own(model, name);
    if (this.get(model, to) !== undefined) throw errors.conceptExists(to, model);
    const renamed = createConcept({ ...concept, name: to });
    const from = keyOf(model, name);
    const stored = await this.#write(renamed, encodeConcept(renamed), this.#ownerOf(from));
    try {
      await this.#remove(from, name);
    } catch (error) {
      // What failed has changed nothing, so that it can be asked for again.
      await this.#remove(keyOf(model, to), to).catch(() => {});
      throw error;
    }
    return stored;
  }

  /** One that can be changed. @throws SteerdError concept_not_found, concept_read_only */
  #own(model: string, name: string): StoredConcept {
    const key = keyOf(model, name);
    const stored = this.#data.get(key);
    if (stored !== undefined) return stored;
    if (this.#shipped.has(key)) throw errors.conceptReadOnly(name);
    throw errors.conceptNotFound(name, model, this.names(model), 'name', this.modelsWith(name));
  }

  /** @throws SteerdError storage_failed */
  async #remove(key: string, name: string): Promise<void> {
    try {
      await deleteDurably(this.#folder, fileOf(key));
    } catch (error) {
      // A file that is gone already is what was asked for.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        throw storageError(`deleting concept ${JSON.stringify(name)}`, error);
    }
    this.#data.delete(key);
  }

  /** Reads one more folder of shipped concepts; one that does not exist has none, one read before adds nothing. */
  async addShipped(folder: string): Promise<readonly RefusedFile[]> {
    if (this.#folders.has(folder)) return [];
    this.#folders.add(folder);
    const before = this.#refused.length;
    const { loaded, refused } = await readConceptFolder(folder);
    this.#refused.push(...refused);
    for (const { concept, file, createdAt } of loaded) {
      const key = keyOf(concept.model, concept.name);
      if (this.#shipped.has(key))
        this.#refuse(file, concept, 'another shipped file has the same model and name');
      else this.#shipped.set(key, { concept, source: 'shipped', createdAt });
    }
    return this.#refused.slice(before);
  }

  async #loadData(): Promise<void> {
    const { loaded, refused } = await readConceptFolder(this.#folder);
    this.#refused.push(...refused);
    for (const { concept, file, createdAt } of loaded) {
      const key = keyOf(concept.model, concept.name);
      const expected = fileOf(key);
      // Under another name a later put or delete would miss the file, and the concept would come back.
      if (file !== join(this.#folder, expected)) {
        this.#refuse(file, concept, `its name must be ${expected} for model ${concept.model}`);
      } else {
        this.#data.set(key, { concept, source: 'data', createdAt });
      }
    }
  }

  #refuse(file: string, concept: Concept, reason: string): void {
    this.#refused.push({ file, name: concept.name, reason });
  }

  /** Runs `change` after the changes of the same key that were asked for before. */
  #change<T>(key: string, change: (key: string) => Promise<T>): Promise<T> {
    const before = this.#changes.get(key) ?? Promise.resolve();
    const result = before.then(() => change(key));
    const settled = result
      .catch(() => {})
      .then(() => {
        if (this.#changes.get(key) === settled) this.#changes.delete(key);
      });
    this.#changes.set(key, settled);
    return result;
  }
}

/** Models' ids have no control characters, so no two pairs share a key. */
function keyOf(model: string, name: string): string {
  return `${model}\0${name}`;
}

function fileOf(key: string): string {
  return `${createHash('sha256').update(key).digest('hex').slice(0, 32)}${conceptExtension}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function storageError(what: string, error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  return errors.storageFailed(what, reason, isDiskFull(error));
}
