/**
 * The concepts of a server alone, by model and name: those shipped (read-only) and those under
 * `<dataDirectory>/concepts`, which hide shipped ones of the same name. All are held in memory, their earlier versions are not
 * (concept-versions.ts); a change is visible, and acknowledged, only when it is durable. One process at a time owns a data directory.
 */
import { join } from 'node:path';
import { isDiskFull, openFolderDurably, syncFolder, writeDurably } from '../common/durable-file.js';
import { errors } from '../errors.js';
import { type Concept, createConcept } from './concept.js';
import { decodeConcept, encodeConcept } from './concept-file.js';
import { conceptExtension, readConceptFolder } from './concept-folder.js';
import { conceptKey, conceptStem } from './concept-key.js';
import type { ConceptLibrary } from './concept-lookup.js';
import { ConceptOwners } from './concept-owners.js';
import { type ConceptMaker, type ConceptQuota, checkMaker, checkQuota } from './concept-quota.js';
import { ConceptVersions } from './concept-versions.js';
import { IndexedConcepts } from './indexed-concepts.js';
import { pinnedVersion, readPin } from './pinned-name.js';
import { type ConceptEntry, type ConceptVersion, entryOf, type StoredConcept } from './stored-concept.js';

interface ConceptStoreOptions {
  readonly dataDirectory: string;
  /** Folders with `*.safetensors`, read-only; of two with the same model and name the first counts. */
  readonly shipped: readonly string[];
  /** None without. */
  readonly quota?: ConceptQuota;
}

/** Bytes of earlier versions where concepts have no quota. */
const usualVersionBytes = 2 ** 30;

export class ConceptStore extends IndexedConcepts implements ConceptLibrary {
  readonly #folder: string;
  readonly #data = new Map<string, StoredConcept>();
  /** The last change under way of each key: changes of one concept happen one after the other. */
  readonly #changes = new Map<string, Promise<unknown>>();
  /** Bytes of concepts that are being written, by key. */
  readonly #pending = new Map<string, number>();
  readonly #quota: ConceptQuota | undefined;
  readonly #versions: ConceptVersions;
  #owners: ConceptOwners | undefined;

  private constructor(folder: string, versions: ConceptVersions, quota: ConceptQuota | undefined) {
    super();
    this.#folder = folder;
    this.#versions = versions;
    this.#quota = quota;
  }

  /**
   * Loads every valid file; the others are listed in `refused` and left where they are.
   * @throws SteerdError storage_failed when the data directory cannot be made or read.
   */
  static async open({ dataDirectory, shipped, quota }: ConceptStoreOptions): Promise<ConceptStore> {
    const folder = join(dataDirectory, 'concepts');
    try {
      const most = quota?.bytes ?? usualVersionBytes;
      const versions = await ConceptVersions.open(join(dataDirectory, 'concept-versions'), most);
      const store = new ConceptStore(folder, versions, quota);
      for (const one of shipped) await store.addShipped(one);
      await openFolderDurably(folder);
      await store.#loadData();
      store.#owners = await ConceptOwners.open(folder);
      return store;
    } catch (error) {
      throw storageError(`opening ${folder}`, error);
    }
  }

  async load(model: string, asked: string): Promise<StoredConcept | undefined> {
    const { name, version } = readPin(asked);
    const key = conceptKey(model, name);
    const known = [this.#data.get(key), this.shipped.get(key)].filter((one) => one !== undefined);
    if (version === null) return known[0];
    const kept = this.#versions.of(conceptStem(key));
    const found = pinnedVersion([...known.map(({ concept }) => concept), ...kept], version);
    if (found === undefined) return undefined;
    return known.find(({ concept }) => concept === found) ?? this.#earlier(key, found.version);
  }

  /** A version that is kept. @throws SteerdError storage_failed */
  async #earlier(key: string, version: string): Promise<StoredConcept | undefined> {
    const kept = this.#versions.of(conceptStem(key)).findLast((one) => one.version === version);
    if (kept === undefined) return undefined;
    try {
      const concept = await this.#versions.read(kept);
      return { concept, source: 'data', createdAt: await this.#versions.since(kept) };
    } catch (error) {
      throw storageError(`reading version ${version.slice(0, 12)}`, error);
    }
  }

  async versions(model: string, name: string): Promise<readonly ConceptVersion[]> {
    const key = conceptKey(model, name);
    const stem = conceptStem(key);
    const [now, shipped] = [this.#data.get(key), this.shipped.get(key)];
    const earlier = await Promise.all(
      this.#versions.of(stem).map(async (kept): Promise<ConceptVersion> => {
        const createdAt = await this.#versions.since(kept).catch(() => 0);
        return { number: kept.number, version: kept.version, source: 'data', createdAt };
      }),
    );
    const last = earlier.at(-1);
    if (now !== undefined && last?.version !== now.concept.version) {
      const number = this.#versions.next(stem);
      earlier.push({ number, version: now.concept.version, source: 'data', createdAt: now.createdAt });
    }
    if (shipped !== undefined) {
      const { concept, createdAt } = shipped;
      earlier.unshift({ number: 0, version: concept.version, source: 'shipped', createdAt });
    }
    return earlier.reverse();
  }

  /**
   * Whether one more concept may be made under that name.
   * @param bytes of its vectors, where they are known
   * @throws SteerdError concept_quota_exceeded
   */
  checkRoom(model: string, name: string, maker?: ConceptMaker, bytes = 0): void {
    const own = conceptKey(model, name);
    if (this.#quota !== undefined) {
      const others = new Map<string, number>(this.#pending);
      for (const [key, { concept }] of this.#data) others.set(key, concept.vectors.byteLength);
      others.delete(own);
      const taken = [...others.values()].reduce((sum, size) => sum + size, 0);
      checkQuota(this.#quota, name, bytes, { concepts: others.size, bytes: taken });
    }
    if (maker === undefined || this.#data.has(own)) return;
    checkMaker(maker, name, [...this.#data.keys()].filter((key) => this.#ownerOf(key) === maker.key).length);
  }

  #ownerOf(key: string): string | undefined {
    return this.#owners?.of(fileOf(key));
  }

  async put(
    concept: Concept,
    signal?: AbortSignal,
    maker?: ConceptMaker,
    replaces?: string | null,
  ): Promise<StoredConcept> {
    // Decoding what will be written makes sure that whatever is acknowledged also loads.
    const bytes = encodeConcept(concept);
    const written = decodeConcept(bytes);
    return this.#change(conceptKey(concept.model, concept.name), (key) => {
      this.checkReplaces(concept, this.#data.get(key)?.concept.version ?? null, replaces);
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
    const key = conceptKey(concept.model, concept.name);
    const file = fileOf(key);
    this.#pending.set(key, concept.vectors.byteLength);
    let modified: number;
    try {
      signal?.throwIfAborted();
      const before = this.#data.get(key)?.concept.version;
      if (before !== undefined && before !== concept.version)
        await this.#versions
          .keep(conceptStem(key), before, join(this.#folder, file), false)
          .catch(unlessGone);
      const whose = this.#data.has(key) ? this.#ownerOf(key) : owner;
      const write = () => this.#writeOwned(file, bytes, whose, signal);
      modified = await write().catch(async (error: unknown) => {
        if (!isDiskFull(error) || !(await this.#versions.giveWay(bytes.length))) throw error;
        return write();
      });
    } catch (error) {
      if (signal?.aborted && error === signal.reason) throw error;
      throw storageError(`storing concept ${JSON.stringify(concept.name)}`, error);
    } finally {
      this.#pending.delete(key);
    }
    const stored = { concept, source: 'data', createdAt: Math.floor(modified / 1000) } as const;
    this.#set(key, stored);
    const path = join(this.#folder, file);
    this.refusedFiles = this.refusedFiles.filter((refused) => refused.file !== path);
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

  #set(key: string, stored: StoredConcept): void {
    this.#data.set(key, stored);
    this.index.set(entryOf(stored));
  }

  delete(model: string, name: string, replaces?: string): Promise<ConceptEntry> {
    return this.#change(conceptKey(model, name), async (key) => {
      if (replaces !== undefined && this.#data.get(key)?.concept.version !== replaces)
        throw errors.conceptChanged(name);
      const stored = this.#own(model, name);
      await this.#remove(stored);
      return entryOf(stored);
    });
  }

  restore(model: string, name: string): Promise<StoredConcept> {
    return this.#change(conceptKey(model, name), async (key) => {
      if (this.#data.has(key)) throw errors.conceptExists(name, model);
      const last = this.#versions.of(conceptStem(key)).at(-1);
      const kept = last && (await this.#earlier(key, last.version));
      if (kept === undefined) throw errors.conceptNotKept(name, model);
      const { concept } = kept;
      this.checkRoom(model, name, undefined, concept.vectors.byteLength);
      return this.#write(concept, encodeConcept(concept), this.#ownerOf(key));
    });
  }

  /** The new file is there before the old one goes: a crash between leaves both. */
  rename(model: string, name: string, to: string): Promise<StoredConcept> {
    const [from, target] = [conceptKey(model, name), conceptKey(model, to)];
    if (from === target) return Promise.reject(errors.conceptExists(to, model));
    // Always in the same order: two renames that cross do not wait for each other.
    const [first, second] = from < target ? [from, target] : [target, from];
    return this.#change(first, () => this.#change(second, () => this.#rename(model, name, to)));
  }

  async #rename(model: string, name: string, to: string): Promise<StoredConcept> {
    const before = this.#own(model, name);
    if (this.find(model, to) !== undefined) throw errors.conceptExists(to, model);
    const renamed = createConcept({ ...before.concept, name: to });
    const from = conceptKey(model, name);
    const stored = await this.#write(renamed, encodeConcept(renamed), this.#ownerOf(from));
    try {
      await this.#remove(before);
    } catch (error) {
      // What failed has changed nothing, so that it can be asked for again.
      await this.#remove(stored).catch(() => {});
      throw error;
    }
    return stored;
  }

  /** One that can be changed. @throws SteerdError concept_not_found, concept_read_only */
  #own(model: string, name: string): StoredConcept {
    const key = conceptKey(model, name);
    const stored = this.#data.get(key);
    if (stored !== undefined) return stored;
    if (this.shipped.has(key)) throw errors.conceptReadOnly(name);
    throw errors.conceptNotFound(name, model, this.names(model), 'name', this.modelsWith(name));
  }

  /** Among the earlier versions its file stays. @throws SteerdError storage_failed */
  async #remove({ concept: { model, name, version } }: StoredConcept): Promise<void> {
    const key = conceptKey(model, name);
    try {
      await this.#versions
        .keep(conceptStem(key), version, join(this.#folder, fileOf(key)), true)
        .catch(unlessGone);
      await syncFolder(this.#folder);
    } catch (error) {
      throw storageError(`deleting concept ${JSON.stringify(name)}`, error);
    }
    this.#data.delete(key);
    this.index.delete(model, name);
  }

  async #loadData(): Promise<void> {
    const { loaded, refused } = await readConceptFolder(this.#folder);
    this.refusedFiles.push(...refused);
    for (const { concept, file, createdAt } of loaded) {
      const key = conceptKey(concept.model, concept.name);
      const expected = fileOf(key);
      // Under another name a later put or delete would miss the file, and the concept would come back.
      if (file === join(this.#folder, expected)) this.#set(key, { concept, source: 'data', createdAt });
      else {
        const reason = `its name must be ${expected} for model ${concept.model}`;
        this.refusedFiles.push({ file, name: concept.name, reason });
      }
    }
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

function fileOf(key: string): string {
  return `${conceptStem(key)}${conceptExtension}`;
}

/** A file that is gone already is what was asked for. */
function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

function storageError(what: string, error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  return errors.storageFailed(what, reason, isDiskFull(error));
}
