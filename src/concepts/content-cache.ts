/**
 * Concepts by their version, in memory and in a folder of files, each within a bound: what was used longest ago goes first. A version
 * never changes, so nothing here is ever out of date, and a file that is not what its name says is as good as none.
 */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RecentMap } from '../common/recent-map.js';
import type { Concept } from './concept.js';
import { decodeConcept, encodeConcept } from './concept-file.js';
import { conceptExtension } from './concept-folder.js';

export interface CacheBounds {
  /** Bytes of concepts held in memory: their vectors and documents. Those that requests use are held beside. */
  readonly memory: number;
  /** Bytes of the folder; a folder of null or 0 bytes keep nothing. */
  readonly disk: number;
  readonly folder: string | null;
}

/** A document takes about that many times its bytes once parsed. */
const parsed = 3;

const filePattern = /^([0-9a-f]{64})\.safetensors$/;

export class ContentCache {
  readonly #memory: RecentMap<Concept>;
  readonly #disk: RecentMap<true>;
  /** Whatever is in use anywhere is not read twice. */
  readonly #used = new Map<string, WeakRef<Concept>>();
  readonly #forget = new FinalizationRegistry<string>((version) => {
    if (this.#used.get(version)?.deref() === undefined) this.#used.delete(version);
  });
  readonly #loading = new Map<string, Promise<Concept | undefined>>();

  private constructor(readonly bounds: CacheBounds) {
    this.#memory = new RecentMap(bounds.memory);
    this.#disk = new RecentMap(bounds.folder === null ? 0 : bounds.disk, (version) => {
      void rm(this.#file(version), { force: true }).catch(() => {});
    });
  }

  static async open(bounds: CacheBounds): Promise<ContentCache> {
    const cache = new ContentCache(bounds);
    const { folder } = bounds;
    if (folder === null) return cache;
    const names = await readdir(folder).catch(() => []);
    const found: { version: string; size: number; used: number }[] = [];
    for (const name of names) {
      const version = filePattern.exec(name)?.[1];
      const stats = version === undefined ? null : await stat(join(folder, name)).catch(() => null);
      if (version !== undefined && stats !== null)
        found.push({ version, size: stats.size, used: stats.mtimeMs });
    }
    for (const { version, size } of found.sort((a, b) => a.used - b.used))
      cache.#disk.set(version, true, size);
    return cache;
  }

  /** What there is of it without asking anybody: in memory, in use, or in the folder. */
  async find(version: string): Promise<Concept | undefined> {
    return this.get(version, async () => undefined);
  }

  /**
   * @param fetch brings it from where it is kept; asked once, however many wait for it
   * @throws what `fetch` throws
   */
  async get(version: string, fetch: () => Promise<Concept | undefined>): Promise<Concept | undefined> {
    const held = this.#memory.get(version) ?? this.#used.get(version)?.deref();
    if (held !== undefined) {
      this.#hold(held);
      return held;
    }
    const under = this.#loading.get(version);
    if (under !== undefined) return (await under) ?? this.get(version, fetch);
    const loading = this.#load(version, fetch);
    this.#loading.set(version, loading);
    try {
      return await loading;
    } finally {
      this.#loading.delete(version);
    }
  }

  /** Takes in what was just stored or fetched. */
  async put(concept: Concept): Promise<void> {
    this.#hold(concept);
    await this.#write(concept);
  }

  /** Brings it to the folder alone: what requests use stays in memory. @throws what `fetch` throws */
  async warm(version: string, fetch: () => Promise<Concept | undefined>): Promise<void> {
    const concept = this.#used.get(version)?.deref() ?? (await fetch());
    if (concept !== undefined) await this.#write(concept);
  }

  /** Whether it is in the folder; also when nothing may be. */
  isOnDisk(version: string): boolean {
    return this.#disk.most === 0 || this.#disk.has(version);
  }

  /** Bytes of the folder that are not taken. */
  get room(): number {
    return this.#disk.most - this.#disk.held;
  }

  /** Bytes in memory. */
  get held(): number {
    return this.#memory.held;
  }

  async #load(version: string, fetch: () => Promise<Concept | undefined>): Promise<Concept | undefined> {
    const onDisk = await this.#read(version);
    if (onDisk !== undefined) {
      this.#hold(onDisk);
      return onDisk;
    }
    const fetched = await fetch();
    if (fetched !== undefined) await this.put(fetched);
    return fetched;
  }

  #hold(concept: Concept): void {
    const { version, vectors, record, calibration } = concept;
    if (this.#used.get(version)?.deref() !== concept) {
      this.#used.set(version, new WeakRef(concept));
      this.#forget.register(concept, version);
    }
    if (this.#memory.has(version)) return;
    const details = JSON.stringify([record, calibration.details]).length;
    this.#memory.set(version, concept, vectors.byteLength + parsed * details);
  }

  #file(version: string): string {
    return join(this.bounds.folder ?? '', `${version}${conceptExtension}`);
  }

  async #read(version: string): Promise<Concept | undefined> {
    if (this.bounds.folder === null) return undefined;
    try {
      const bytes = await readFile(this.#file(version));
      const concept = decodeConcept(bytes);
      if (concept.version !== version) throw new Error('another version');
      this.#disk.set(version, true, bytes.length);
      return concept;
    } catch {
      // None, or damaged: it is fetched, and written again.
      this.#disk.delete(version);
      return undefined;
    }
  }

  /** A cache that cannot be written is a smaller one. Not synced: a torn file is found by its hash. */
  async #write(concept: Concept): Promise<void> {
    const { folder } = this.bounds;
    if (folder === null || this.#disk.most === 0 || this.#disk.has(concept.version)) return;
    const bytes = encodeConcept(concept);
    const file = this.#file(concept.version);
    const temporary = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
    try {
      await mkdir(folder, { recursive: true });
      await writeFile(temporary, bytes);
      await rename(temporary, file);
      this.#disk.set(concept.version, true, bytes.length);
    } catch {
      await rm(temporary, { force: true }).catch(() => {});
    }
  }
}
