/**
 * The concepts that several servers share, in PostgreSQL. Every server knows every name: it follows the revisions of the database, at
 * once by notices and every few seconds by asking. Of the concepts themselves it holds what is used, in memory and on its disk, each
 * within a bound. Without the database it goes on with what it has; changes then fail.
 */
import type { Database } from '../database/database.js';
import { errors } from '../errors.js';
import { type Concept, createConcept } from './concept.js';
import { conceptOfParts, partsOfConcept } from './concept-file.js';
import { conceptKey } from './concept-key.js';
import type { ConceptLibrary } from './concept-lookup.js';
import { type ConceptMaker, type ConceptQuota, checkMaker, checkQuota } from './concept-quota.js';
import { type CacheBounds, ContentCache } from './content-cache.js';
import { DatabaseFeed } from './database-feed.js';
import * as rows from './database-rows.js';
import { IndexedConcepts } from './indexed-concepts.js';
import { pinnedVersion, readPin } from './pinned-name.js';
import { type ConceptEntry, type ConceptVersion, entryOf, type StoredConcept } from './stored-concept.js';
import { warmCache } from './warm-cache.js';

interface DatabaseConceptsOptions {
  readonly database: Database;
  /** Folders with `*.safetensors`, read-only; of two with the same model and name the first counts. */
  readonly shipped: readonly string[];
  /** Of all servers together; none without. */
  readonly quota?: ConceptQuota;
  readonly cache: CacheBounds;
  readonly log?: { error(details: object, message: string): void };
}

/** Pins that were looked up, kept for when the database is away. */
const mostPins = 10_000;

export class DatabaseConcepts extends IndexedConcepts implements ConceptLibrary {
  readonly #database: Database;
  readonly #quota: ConceptQuota | undefined;
  readonly #feed: DatabaseFeed;
  readonly #cache: ContentCache;
  readonly #pins = new Map<string, string>();
  readonly #stop = new AbortController();
  #warming: Promise<void> = Promise.resolve();

  private constructor({ database, quota, log }: DatabaseConceptsOptions, cache: ContentCache) {
    super();
    this.#database = database;
    this.#quota = quota;
    this.#cache = cache;
    this.#feed = new DatabaseFeed(database, this.index, log);
  }

  /** @throws SteerdError database_unavailable */
  static async open(options: DatabaseConceptsOptions): Promise<DatabaseConcepts> {
    const store = new DatabaseConcepts(options, await ContentCache.open(options.cache));
    for (const folder of options.shipped) await store.addShipped(folder);
    await store.#feed.open();
    const fetch = (version: string) => store.#fetch(version);
    store.#warming = warmCache(store.#cache, store.#feed, fetch, store.#stop.signal);
    return store;
  }

  /** Ends following the database. Resolves when nothing is written to this machine's disk any more. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#feed.close();
    await this.#warming;
  }

  /** Bytes of concepts in memory. */
  get held(): number {
    return this.#cache.held;
  }

  async load(model: string, asked: string): Promise<StoredConcept | undefined> {
    const { name, version } = readPin(asked);
    const entry = this.index.own(model, name);
    const shipped = this.shipped.get(conceptKey(model, name));
    if (version === null) return entry === undefined ? shipped : this.#loadEntry(entry);
    if (entry?.version.startsWith(version)) {
      this.#pin(model, name, version, entry.version);
      return this.#loadEntry(entry);
    }
    if (shipped?.concept.version.startsWith(version)) return shipped;
    return this.#loadPinned(model, name, version);
  }

  async #loadEntry({ model, name, version, createdAt }: ConceptEntry): Promise<StoredConcept | undefined> {
    const concept = await this.#content(version);
    if (concept !== undefined) return { concept, source: 'data', createdAt };
    // Replaced, or deleted, and its version forgotten since the index heard of it.
    await this.#feed.pull();
    const now = this.index.own(model, name);
    return now === undefined || now.version === version ? undefined : this.#loadEntry(now);
  }

  async #loadPinned(model: string, name: string, beginning: string): Promise<StoredConcept | undefined> {
    const known = this.#pins.get(`${conceptKey(model, name)}\0${beginning}`);
    const held = known === undefined ? undefined : await this.#cache.find(known);
    if (held !== undefined) return { concept: held, source: 'data', createdAt: 0 };
    const row = pinnedVersion(await rows.versionRows(this.#database, model, name), beginning);
    if (row === undefined) return undefined;
    this.#pin(model, name, beginning, row.version);
    const concept = await this.#content(row.version);
    return concept && { concept, source: 'data', createdAt: row.since };
  }

  /** Remembers which version a pin means: it never means another. */
  #pin(model: string, name: string, beginning: string, version: string): void {
    if (this.#pins.size >= mostPins) this.#pins.clear();
    this.#pins.set(`${conceptKey(model, name)}\0${beginning}`, version);
  }

  #content(version: string): Promise<Concept | undefined> {
    return this.#cache.get(version, () => this.#fetch(version));
  }

  /** Checked by its hash: what the database or the way from it changed never steers. */
  async #fetch(version: string): Promise<Concept | undefined> {
    const parts = await rows.contentParts(this.#database, version);
    return parts && conceptOfParts(parts);
  }

  async versions(model: string, name: string): Promise<readonly ConceptVersion[]> {
    const kept = await rows.versionRows(this.#database, model, name);
    const versions = kept.map(
      ({ number, version, since }): ConceptVersion => ({ number, version, source: 'data', createdAt: since }),
    );
    const shipped = this.shipped.get(conceptKey(model, name));
    return shipped === undefined ? versions : [...versions, { ...entryOf(shipped), number: 0 }];
  }

  /**
   * Whether one more concept may be made under that name, as far as this server knows; `put` asks the database.
   * @throws SteerdError concept_quota_exceeded
   */
  checkRoom(model: string, name: string, maker?: ConceptMaker): void {
    if (this.#quota !== undefined) checkQuota(this.#quota, name, 0, this.#feed.taken(model, name));
    if (maker !== undefined && this.index.own(model, name) === undefined)
      checkMaker(maker, name, this.#feed.madeBy(maker.key));
  }

  async put(
    concept: Concept,
    signal?: AbortSignal,
    maker?: ConceptMaker,
    replaces?: string | null,
  ): Promise<StoredConcept> {
    signal?.throwIfAborted();
    const { model, name, version } = concept;
    // Reading what will be written makes sure that whatever is acknowledged also loads.
    const parts = partsOfConcept(concept);
    const written = conceptOfParts(parts);
    const row = await this.#change(`storing concept ${JSON.stringify(name)}`, async (queries, revision) => {
      const before = await rows.head(queries, model, name);
      // What was asked a second time because the first answer was lost is done.
      if (before?.version === version) return [before];
      this.checkReplaces(concept, before?.version ?? null, replaces);
      await this.#checkRoom(queries, { model, name, bytes: parts.vectors.byteLength, before, maker });
      signal?.throwIfAborted();
      const owner = maker?.key ?? null;
      return [await rows.writeHead(queries, { model, name, version, parts, owner, revision })];
    });
    await this.#cache.put(written);
    return { concept: written, source: 'data', createdAt: row.changed };
  }

  async #checkRoom(
    queries: Parameters<typeof rows.taken>[0],
    one: {
      readonly model: string;
      readonly name: string;
      readonly bytes: number;
      readonly before: rows.HeadRow | undefined;
      readonly maker?: ConceptMaker | undefined;
    },
  ): Promise<void> {
    const { model, name, bytes, before, maker } = one;
    if (this.#quota !== undefined)
      checkQuota(this.#quota, name, bytes, await rows.taken(queries, model, name));
    if (maker !== undefined && (before?.version ?? null) === null)
      checkMaker(maker, name, await rows.madeBy(queries, maker.key));
  }

  async delete(model: string, name: string, replaces?: string): Promise<ConceptEntry> {
    const what = `deleting concept ${JSON.stringify(name)}`;
    const gone: ConceptEntry[] = [];
    await this.#change(what, async (queries, revision) => {
      const head = await rows.head(queries, model, name);
      if (replaces !== undefined && head?.version !== replaces) throw errors.conceptChanged(name);
      const { version, bytes, changed } = this.#own(model, name, head);
      gone.push({ model, name, version, bytes, source: 'data', createdAt: changed });
      const row = await rows.turnHead(queries, { model, name, version: null, revision });
      await rows.forgetDeleted(queries);
      return [row];
    });
    return gone[0] as ConceptEntry;
  }

  async restore(model: string, name: string): Promise<StoredConcept> {
    const row = await this.#change(`restoring concept ${JSON.stringify(name)}`, async (queries, revision) => {
      const before = await rows.head(queries, model, name);
      if (before !== undefined && before.version !== null) throw errors.conceptExists(name, model);
      const [last] = before === undefined ? [] : await rows.versionRows(queries, model, name);
      if (before === undefined || last === undefined) throw errors.conceptNotKept(name, model);
      await this.#checkRoom(queries, { model, name, bytes: before.bytes, before });
      return [await rows.turnHead(queries, { model, name, version: last.version, revision })];
    });
    return this.#stored(row);
  }

  async rename(model: string, name: string, to: string): Promise<StoredConcept> {
    if (name === to) throw errors.conceptExists(to, model);
    const what = `renaming concept ${JSON.stringify(name)}`;
    const row = await this.#change(what, async (queries, revision) => {
      const before = this.#own(model, name, await rows.head(queries, model, name));
      const target = await rows.head(queries, model, to);
      if ((target?.version ?? null) !== null || this.shipped.has(conceptKey(model, to)))
        throw errors.conceptExists(to, model);
      const parts = await rows.contentParts(queries, before.version);
      if (parts === undefined) throw errors.conceptNotFound(name, model, this.names(model), 'name');
      const renamed = createConcept({ ...conceptOfParts(parts), name: to });
      const made = await rows.writeHead(queries, {
        ...{ model, name: to, version: renamed.version, revision, owner: before.owner },
        parts: partsOfConcept(renamed),
      });
      return [made, await rows.turnHead(queries, { model, name, version: null, revision })];
    });
    return this.#stored(row);
  }

  /** One that can be changed. @throws SteerdError concept_not_found, concept_read_only */
  #own(
    model: string,
    name: string,
    row: rows.HeadRow | undefined,
  ): rows.HeadRow & { readonly version: string } {
    const version = row?.version ?? null;
    if (row !== undefined && version !== null) return { ...row, version };
    if (this.shipped.has(conceptKey(model, name))) throw errors.conceptReadOnly(name);
    throw errors.conceptNotFound(name, model, this.names(model), 'name', this.modelsWith(name));
  }

  /** @returns the first of the rows that `change` changed, which this server knows when it resolves, and the others soon */
  async #change(
    what: string,
    change: (queries: Parameters<typeof rows.taken>[0], revision: number) => Promise<rows.HeadRow[]>,
  ): Promise<rows.HeadRow> {
    let changed: rows.HeadRow[];
    try {
      changed = await this.#database.transaction(async (queries) => {
        const revision = await rows.beginChange(queries);
        const made = await change(queries, revision);
        await rows.announce(queries, revision);
        return made;
      });
    } catch (error) {
      const away = errors.databaseUnavailable();
      throw error instanceof Error && 'code' in error && error.code === away.code
        ? errors.databaseUnavailable(what)
        : error;
    }
    for (const row of changed) this.#feed.apply(row);
    return changed[0] as rows.HeadRow;
  }

  async #stored(row: rows.HeadRow): Promise<StoredConcept> {
    const concept = row.version === null ? undefined : await this.#content(row.version);
    if (concept === undefined)
      throw errors.conceptNotFound(row.name, row.model, this.names(row.model), 'name');
    return { concept, source: 'data', createdAt: row.changed };
  }
}
