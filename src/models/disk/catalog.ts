/**
 * The models on the disk: each visible folder with a model.onnx under the models directory. It is looked at again
 * whenever somebody asks for what is not known, so a folder that comes or goes needs no restart.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { modelNames } from './model-folders.js';

export interface CatalogEntry {
  /** Name of the folder. */
  readonly id: string;
  readonly directory: string;
  /** Unix seconds: when model.onnx was written. */
  readonly created: number;
}

export class Catalog {
  #entries = new Map<string, CatalogEntry>();
  #looking: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  /** @param onFound hears of each new folder, before anybody else learns of it */
  constructor(
    readonly modelsDirectory: string,
    private readonly onFound: (entry: CatalogEntry) => Promise<void> = async () => {},
  ) {}

  /** As they were found last, by id. */
  get entries(): readonly CatalogEntry[] {
    return [...this.#entries.values()];
  }

  get(id: string): CatalogEntry | undefined {
    return this.#entries.get(id);
  }

  /** Looks at the directory as it is now; one that is not there has no models. */
  refresh(): Promise<void> {
    if (this.#looking === null) return this.#begin();
    // The look under way may have passed by what came since.
    this.#next ??= this.#looking
      .catch(() => {})
      .then(() => {
        this.#next = null;
        return this.#begin();
      });
    return this.#next;
  }

  #begin(): Promise<void> {
    this.#looking = this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const names = await modelNames(this.modelsDirectory).catch((): string[] => []);
    const entries = (await Promise.all(names.map((id) => this.#read(id)))).flat();
    for (const entry of entries) if (!this.#entries.has(entry.id)) await this.onFound(entry);
    this.#entries = new Map(entries.map((entry) => [entry.id, entry]));
  }

  async #read(id: string): Promise<CatalogEntry[]> {
    const directory = join(this.modelsDirectory, id);
    const graph = await stat(join(directory, 'model.onnx')).catch(() => null);
    return graph?.isFile() ? [{ id, directory, created: Math.floor(graph.mtimeMs / 1000) }] : [];
  }
}
