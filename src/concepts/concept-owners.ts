/**
 * Which API key made which concept, for the keys' quotas: `owners.json` beside the concept files, by the names of those.
 * It is no part of a concept, whose file and version stay what they are wherever it came from.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeDurably } from '../common/durable-file.js';

const fileName = 'owners.json';
const OwnersFile = z.object({ format: z.literal(1), owners: z.record(z.string(), z.string()) });

export class ConceptOwners {
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    readonly folder: string,
    readonly owners: Map<string, string>,
  ) {}

  /** A file that is missing or damaged names nobody: quotas then count from there. */
  static async open(folder: string): Promise<ConceptOwners> {
    const text = await readFile(join(folder, fileName), 'utf8').catch(() => '');
    try {
      return new ConceptOwners(folder, new Map(Object.entries(OwnersFile.parse(JSON.parse(text)).owners)));
    } catch {
      return new ConceptOwners(folder, new Map());
    }
  }

  /** The id of the key that made the concept in `file`; undefined for what was made without one. */
  of(file: string): string | undefined {
    return this.owners.get(file);
  }

  /** Durable when it resolves; when it throws, whose it was it still is. */
  async set(file: string, owner: string | undefined): Promise<void> {
    const before = this.owners.get(file);
    if (before === owner) return;
    this.#note(file, owner);
    try {
      await this.#write();
    } catch (error) {
      this.#note(file, before);
      throw error;
    }
  }

  #note(file: string, owner: string | undefined): void {
    if (owner === undefined) this.owners.delete(file);
    else this.owners.set(file, owner);
  }

  async #write(): Promise<void> {
    this.#writing = this.#writing
      .catch(() => {})
      .then(async () => {
        const text = JSON.stringify({ format: 1, owners: Object.fromEntries(this.owners) });
        await writeDurably(this.folder, fileName, Buffer.from(text));
      });
    await this.#writing;
  }
}
