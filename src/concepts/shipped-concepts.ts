/** The concepts that ship with models: read-only folders of files, held in memory. Of two of the same model and name the first counts. */
import { type RefusedFile, readConceptFolder } from './concept-folder.js';
import { conceptKey } from './concept-key.js';
import type { StoredConcept } from './stored-concept.js';

export class ShippedConcepts {
  readonly #concepts = new Map<string, StoredConcept>();
  /** Folders that were read. */
  readonly #folders = new Set<string>();

  /**
   * Reads one more folder; one that does not exist has none, one read before adds nothing.
   * @returns the files that were not loaded
   */
  async add(folder: string): Promise<readonly RefusedFile[]> {
    if (this.#folders.has(folder)) return [];
    this.#folders.add(folder);
    const { loaded, refused } = await readConceptFolder(folder);
    const doubles: RefusedFile[] = [];
    for (const { concept, file, createdAt } of loaded) {
      const key = conceptKey(concept.model, concept.name);
      if (!this.#concepts.has(key)) this.#concepts.set(key, { concept, source: 'shipped', createdAt });
      else {
        const reason = 'another shipped file has the same model and name';
        doubles.push({ file, name: concept.name, reason });
      }
    }
    return [...refused, ...doubles];
  }

  get(key: string): StoredConcept | undefined {
    return this.#concepts.get(key);
  }

  has(key: string): boolean {
    return this.#concepts.has(key);
  }

  values(): Iterable<StoredConcept> {
    return this.#concepts.values();
  }
}
