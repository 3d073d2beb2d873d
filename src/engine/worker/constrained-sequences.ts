/** The sequences of a worker whose answers are constrained, from their request to their end. */
import { Constraints } from '../grammar/constraints.js';
import type { GrammarVocabulary } from '../grammar/grammar-library.js';
import type { Sequence } from '../schedule/sequence.js';

export class ConstrainedSequences {
  #constraints: Constraints | null = null;
  readonly #sequences = new Map<number, Sequence>();

  /** @param changed is called when a sequence that waited for its mask may go on */
  constructor(
    readonly vocabularySize: number,
    readonly changed: () => void,
  ) {}

  /** Set before the first sequence with a constraint begins. */
  set vocabulary(vocabulary: GrammarVocabulary) {
    this.#constraints = new Constraints(vocabulary, this.vocabularySize, this.changed);
  }

  /**
   * Gives the sequence its constraint, one call of these later.
   * @param ready may run now; neither is called once the sequence was removed
   */
  begin(sequence: Sequence, ready: () => void, failed: (error: unknown) => void): void {
    const { id, request } = sequence;
    if (request.constraint === undefined) {
      ready();
      return;
    }
    this.#sequences.set(id, sequence);
    if (!this.#constraints) throw new Error('a constraint came before the vocabulary');
    this.#constraints.begin(request.constraint).then(
      (begun) => {
        if (!this.#sequences.has(id)) return begun.release();
        sequence.constraint = begun;
        ready();
      },
      (error: unknown) => {
        if (this.#sequences.delete(id)) failed(error);
      },
    );
  }

  /** Takes the masks that have come. */
  receive(): void {
    if (this.#sequences.size > 0) this.#constraints?.receive();
  }

  remove(id: number): void {
    this.#sequences.get(id)?.constraint?.release();
    this.#sequences.delete(id);
  }

  async close(): Promise<void> {
    await this.#constraints?.close();
  }
}
