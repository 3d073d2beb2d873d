/** The names of all concepts, those made here before those that ship: found at once, listed in order. */
import { conceptKey } from './concept-key.js';
import type { ShippedConcepts } from './shipped-concepts.js';
import { type ConceptEntry, entryOf } from './stored-concept.js';

export class ConceptIndex {
  readonly #own = new Map<string, ConceptEntry>();
  /** By model; by undefined for all. Made when they are asked for, dropped by each change. */
  readonly #lists = new Map<string | undefined, readonly ConceptEntry[]>();

  constructor(readonly shipped: ShippedConcepts) {}

  set(entry: ConceptEntry): void {
    this.#own.set(conceptKey(entry.model, entry.name), entry);
    this.changed();
  }

  delete(model: string, name: string): void {
    this.#own.delete(conceptKey(model, name));
    this.changed();
  }

  clear(): void {
    this.#own.clear();
    this.changed();
  }

  /** To be called when what ships changed. */
  changed(): void {
    this.#lists.clear();
  }

  /** Made here. */
  own(model: string, name: string): ConceptEntry | undefined {
    return this.#own.get(conceptKey(model, name));
  }

  /** All that were made here. */
  get all(): ReadonlyMap<string, ConceptEntry> {
    return this.#own;
  }

  find(model: string, name: string): ConceptEntry | undefined {
    const key = conceptKey(model, name);
    const own = this.#own.get(key);
    if (own !== undefined) return own;
    const shipped = this.shipped.get(key);
    return shipped && entryOf(shipped);
  }

  /** Sorted by name, then model. */
  list(model?: string): readonly ConceptEntry[] {
    const known = this.#lists.get(model);
    if (known !== undefined) return known;
    const all = new Map(this.#own);
    for (const stored of this.shipped.values()) {
      const key = conceptKey(stored.concept.model, stored.concept.name);
      if (!all.has(key)) all.set(key, entryOf(stored));
    }
    const list = [...all.values()]
      .filter((entry) => model === undefined || entry.model === model)
      .sort((a, b) => compare(a.name, b.name) || compare(a.model, b.model));
    this.#lists.set(model, list);
    return list;
  }

  /** Sorted. */
  names(model: string): string[] {
    return this.list(model).map(({ name }) => name);
  }

  /** Sorted. */
  modelsWith(name: string): string[] {
    // A few models at most have thousands of concepts each: no index of names is kept.
    return this.list().flatMap((entry) => (entry.name === name ? [entry.model] : []));
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
