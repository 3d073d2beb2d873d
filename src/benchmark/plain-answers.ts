/**
 * Answers of the model without a concept: they depend on the prompt and the seed alone, and all concepts of a class are asked
 * the same. So each is written once in a run; every concept has a record of its own, for what is read of it differs.
 */
import type { GivenAnswer } from './answers.js';
import { keyOf } from './concepts.js';
import type { AnswerRecord, BenchConcept, Run } from './records.js';
import { promptsOf } from './test-prompts.js';

export class PlainAnswers {
  /** By prompt and seed: as many as the prompts that ship, however many concepts and classes there are. */
  readonly #known = new Map<string, Promise<GivenAnswer>>();
  /** Concepts with prompts of their own, which nobody else is asked. */
  readonly #alone: ReadonlySet<string>;

  constructor(private readonly run: Pick<Run, 'concepts' | 'texts'>) {
    this.#alone = new Set(run.concepts.filter(({ prompts }) => prompts !== null).map(keyOf));
  }

  /** Takes what a record has, of an earlier process as well. */
  note({ way, concept, class: group, prompt, seed, answer, tokens, finish_reason }: AnswerRecord): void {
    if (way !== 'plain' || this.#alone.has(keyOf({ class: group, name: concept }))) return;
    const key = this.#keyOf(group, prompt, seed);
    if (!this.#known.has(key))
      this.#known.set(key, Promise.resolve({ answer, tokens, finish_reason, seconds: 0 }));
  }

  /**
   * @param write asks for it where nobody has; its seconds count once
   * @throws what `write` throws, whoever asked first; then the next is asked anew
   */
  async answer(
    { class: group, prompts }: Pick<BenchConcept, 'class' | 'prompts'>,
    { prompt, seed }: { readonly prompt: number; readonly seed: number },
    write: () => Promise<GivenAnswer>,
  ): Promise<GivenAnswer> {
    if (prompts !== null) return write();
    const key = this.#keyOf(group, prompt, seed);
    const before = this.#known.get(key);
    if (before !== undefined) return { ...(await before), seconds: 0 };
    const writing = write();
    this.#known.set(key, writing);
    writing.catch(() => this.#known.delete(key));
    return writing;
  }

  #keyOf = (group: string, prompt: number, seed: number) =>
    JSON.stringify([(this.run.texts.prompts[group] ?? promptsOf(group))[prompt], seed]);
}
