/**
 * The models on the disk: each visible folder with a model.onnx under the models directories. It is looked at again
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
    /** Of two models of one name the first is meant. */
    readonly places: readonly string[],
    private readonly onFound: (entry: CatalogEntry) => Promise<void> = async () => {},
  ) {}

  /** As they were found last, by id. */
  get entries(): readonly CatalogEntry[] {
    return [...this.#entries.values()];
  }

  get(id: string): CatalogEntry | undefined {
    return this.#entries.get(id);
  }

  /** Looks at the directories as they are now; one that is not there has no models. */
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
    const found = await Promise.all(this.places.map((place) => this.#lookIn(place)));
    const entries = found
      .flat()
      .filter(({ id }, i, all) => all.findIndex((other) => other.id === id) === i)
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const entry of entries) if (!this.#entries.has(entry.id)) await this.onFound(entry);
    this.#entries = new Map(entries.map((entry) => [entry.id, entry]));
  }

  async #lookIn(place: string): Promise<CatalogEntry[]> {
    const names = await modelNames(place).catch((): string[] => []);
    return (await Promise.all(names.map((id) => this.#read(place, id)))).flat();
  }

  async #read(place: string, id: string): Promise<CatalogEntry[]> {
    const directory = join(place, id);
    const graph = await stat(join(directory, 'model.onnx')).catch(() => null);
    return graph?.isFile() ? [{ id, directory, created: Math.floor(graph.mtimeMs / 1000) }] : [];
  }
}
