/** A worker's sequences with constraints: they get their constraint before they run, and release it at their end. */
import { Constraints } from '../grammar/constraints.js';
import type { GrammarVocabulary } from '../protocol.js';
import type { Sequence } from '../schedule/sequence.js';

export class ConstrainedSequences {
  #constraints: Constraints | null = null;
  readonly #sequences = new Map<number, Sequence>();

  /**
   * @param changed is called when a sequence that waited for its mask can go on
   * @param ahead of how many tokens that a grammar forces the masks shall be known before they are written
   */
  constructor(
    readonly vocabularySize: number,
    readonly changed: () => void,
    readonly ahead = 0,
  ) {}

  /** Text of each token; none before there is a vocabulary. */
  tokens: readonly string[] = [];

  /** Set before the first sequence with a constraint begins. */
  set vocabulary(vocabulary: GrammarVocabulary) {
    this.tokens = vocabulary.tokens;
    this.#constraints = new Constraints(vocabulary, this.vocabularySize, this.changed, this.ahead);
  }

  /**
   * Gives a sequence its constraint, if its request has one, and then calls either function, or neither when the
   * sequence was removed meanwhile.
   * @param ready the sequence can run now
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

  /** Takes the masks that the grammar thread has sent. */
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
