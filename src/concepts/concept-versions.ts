/**
 * Earlier versions of the concepts of a data directory: `<dataDirectory>/concept-versions`, one file each, named by its concept, its
 * number, its version and its size, so that nothing has to be opened to know what there is. Of a name the last few are kept, and of all
 * as many bytes as concepts may have: the oldest go first.
 */
import { constants, copyFile, link, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolderDurably, syncFile, syncFolder } from '../common/durable-file.js';
import type { Concept } from './concept.js';
import { ConceptFileError, decodeConcept } from './concept-file.js';
import { keptVersions } from './stored-concept.js';

interface KeptVersion {
  readonly stem: string;
  readonly number: number;
  readonly version: string;
  readonly bytes: number;
}

const pattern = /^([0-9a-f]{32})\.(\d{8})\.([0-9a-f]{64})\.(\d+)\.safetensors$/;

const fileOf = ({ stem, number, version, bytes }: KeptVersion): string =>
  `${stem}.${String(number).padStart(8, '0')}.${version}.${bytes}.safetensors`;

export class ConceptVersions {
  /** By stem, ascending by number. */
  readonly #kept = new Map<string, KeptVersion[]>();
  #bytes = 0;

  private constructor(
    readonly folder: string,
    readonly most: number,
  ) {}

  /** @param most bytes of all. A folder that is not there has none; it is made when something goes there. */
  static async open(folder: string, most: number): Promise<ConceptVersions> {
    const versions = new ConceptVersions(folder, most);
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const name of names.sort()) {
      const [, stem = '', number, version = '', bytes] = pattern.exec(name) ?? [];
      if (stem !== '') versions.#add({ stem, number: Number(number), version, bytes: Number(bytes) });
    }
    return versions;
  }

  /** Ascending by number. */
  of(stem: string): readonly KeptVersion[] {
    return this.#kept.get(stem) ?? [];
  }

  /** The number of what comes after those that are kept. */
  next(stem: string): number {
    return (this.of(stem).at(-1)?.number ?? 0) + 1;
  }

  /**
   * Keeps the file of a concept, which stays where it is, or is moved here. Durable when it resolves.
   * @param version of the concept in `file`
   */
  async keep(stem: string, version: string, file: string, moves: boolean): Promise<void> {
    const last = this.of(stem).at(-1);
    // After a restore, or a crash between the two steps of a change, it is here already.
    if (last?.version === version) {
      if (moves) await unlink(file);
      return;
    }
    await makeFolderDurably(this.folder);
    const stats = await stat(file);
    if (!stats.isFile()) throw new Error(`${file} is no file`);
    const bytes = stats.size;
    const kept = { stem, number: this.next(stem), version, bytes };
    const to = join(this.folder, fileOf(kept));
    if (moves) await rename(file, to);
    else await linkOrCopy(file, to);
    await syncFolder(this.folder);
    this.#add(kept);
    await this.#prune(stem);
  }

  /** @throws ConceptFileError when the file is not what its name says; what reading throws */
  async read({ stem, number, version, bytes }: KeptVersion): Promise<Concept> {
    const concept = decodeConcept(
      await readFile(join(this.folder, fileOf({ stem, number, version, bytes }))),
    );
    if (concept.version === version) return concept;
    throw new ConceptFileError(
      'tampered',
      `it holds version ${concept.version}, not ${version}`,
      concept.name,
    );
  }

  /** Unix seconds: when it was stored first. */
  async since(kept: KeptVersion): Promise<number> {
    return Math.floor((await stat(join(this.folder, fileOf(kept)))).mtimeMs / 1000);
  }

  #add(kept: KeptVersion): void {
    this.#kept.set(kept.stem, [...this.of(kept.stem), kept]);
    this.#bytes += kept.bytes;
  }

  /**
   * Makes room on a full disk: what concepts mean now goes before what they meant.
   * @param bytes that are wanted
   * @returns whether anything went
   */
  async giveWay(bytes: number): Promise<boolean> {
    const before = this.#bytes;
    await this.#shrink(Math.max(0, before - bytes));
    return this.#bytes < before;
  }

  /** What cannot be deleted stays, and is tried again next time. */
  async #prune(stem: string): Promise<void> {
    // One less: what the name means now is a version too.
    for (const old of this.of(stem).slice(0, 1 - keptVersions)) await this.#forget(old);
    await this.#shrink(this.most);
  }

  async #shrink(most: number): Promise<void> {
    for (const [, kept] of this.#kept) {
      if (this.#bytes <= most) return;
      // Never the last one: it is what a deleted name comes back by.
      for (const old of kept.slice(0, -1)) if (this.#bytes > most) await this.#forget(old);
    }
    for (const [, [last]] of this.#kept) {
      if (this.#bytes <= most || last === undefined) return;
      await this.#forget(last);
    }
  }

  async #forget(kept: KeptVersion): Promise<void> {
    await unlink(join(this.folder, fileOf(kept))).catch(() => {});
    const rest = this.of(kept.stem).filter((other) => other !== kept);
    if (rest.length > 0) this.#kept.set(kept.stem, rest);
    else this.#kept.delete(kept.stem);
    this.#bytes -= kept.bytes;
  }
}

/** Not every file system has links. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (
      !['EPERM', 'ENOTSUP', 'ENOSYS', 'EMLINK', 'EXDEV'].includes((error as NodeJS.ErrnoException).code ?? '')
    )
      throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL);
    await syncFile(to);
  }
}
