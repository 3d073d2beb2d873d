/**
 * What every store of concepts is: the concepts that ship with models, read from their folders, and an index of what each name means
 * now. Where the others are kept, each store says.
 */
import { errors } from '../errors.js';
import type { RefusedFile } from './concept-folder.js';
import { ConceptIndex } from './concept-index.js';
import { conceptKey } from './concept-key.js';
import { ShippedConcepts } from './shipped-concepts.js';
import type { ConceptEntry } from './stored-concept.js';

export abstract class IndexedConcepts {
  protected readonly shipped = new ShippedConcepts();
  protected readonly index = new ConceptIndex(this.shipped);
  protected refusedFiles: RefusedFile[] = [];

  /** Files that were not loaded. */
  get refused(): readonly RefusedFile[] {
    return this.refusedFiles;
  }

  list(model?: string): readonly ConceptEntry[] {
    return this.index.list(model);
  }

  find(model: string, name: string): ConceptEntry | undefined {
    return this.index.find(model, name);
  }

  names(model: string): string[] {
    return this.index.names(model);
  }

  modelsWith(name: string): string[] {
    return this.index.modelsWith(name);
  }

  /**
   * Whether a change may take the place of what a name means: `put` says what `replaces` is.
   * @param own version of the name's own concept; null for none
   * @throws SteerdError concept_changed
   */
  protected checkReplaces(
    { model, name }: Pick<ConceptEntry, 'model' | 'name'>,
    own: string | null,
    replaces: string | null | undefined,
  ): void {
    // Where it has none of its own, a shipped one is meant, which nobody changes.
    const meant = own ?? this.shipped.get(conceptKey(model, name))?.concept.version;
    if (replaces !== undefined && (replaces === null ? own : meant) !== replaces)
      throw errors.conceptChanged(name);
  }

  /** Reads one more folder of shipped concepts; one that does not exist has none, one read before adds nothing. */
  async addShipped(folder: string): Promise<readonly RefusedFile[]> {
    const refused = await this.shipped.add(folder);
    this.index.changed();
    this.refusedFiles.push(...refused);
    return refused;
  }
}
