/**
 * Reads texts one after another in a runner's scratch row. What a text has in common with the one before it is not
 * computed again, unless another read has used the row in between.
 */

import { commonLength } from '../../common/common-length.js';
import type { ActivationEdit } from '../protocol.js';
import { uncut } from '../schedule/chunks.js';
import type { ServingRunner } from './serving-runner.js';

export class TextRow {
  #tokens: readonly number[] = [];
  #edit: ActivationEdit = [];
  /** Tokens of `#tokens` whose keys and values are in the row. */
  #held = 0;
  /** Which of the texts that were begun in the row is this one's. */
  #text = -1;
  readonly #canCut: boolean;

  /** @param chunk tokens of a chunk */
  constructor(
    readonly runner: ServingRunner,
    readonly chunk: number,
  ) {
    // A concatenated cache cannot be cut back to what two texts have in common.
    this.#canCut = chunk !== uncut && runner.cache.layout !== 'concatenated';
  }

  /**
   * A text begins, under an edit.
   * @param most how many of its tokens may be left out at most
   * @returns how many of its first tokens are in the row already
   */
  begin(tokens: readonly number[], edit: ActivationEdit, most: number): number {
    const { scratchPrefix } = this.runner;
    const mine = scratchPrefix.texts === this.#text;
    scratchPrefix.start([]);
    this.#text = scratchPrefix.texts;
    // Keys and values that were computed under one edit are wrong under another.
    const usable = mine && this.#canCut && sameEdit(edit, this.#edit);
    let held = usable ? Math.min(commonLength(this.#tokens, tokens), this.#held, most) : 0;
    // No run has one token of a longer text (chunks.ts).
    if (most - held === 1) held = Math.max(0, held - 1);
    this.#tokens = tokens;
    this.#edit = edit;
    this.#held = held;
    return held;
  }

  /**
   * Computes the text's tokens up to `to`.
   * @param scored how many of the last positions need logits
   * @returns logits [scored, V], valid until the runner's next run
   * @throws OrtError
   */
  readTo(to: number, scored: number): Float32Array {
    const { runner } = this;
    const chunk = this.#tokens.slice(this.#held, to);
    const past = this.#held;
    // If it fails, nothing is known of what the row holds.
    this.#held = 0;
    const { logits } = runner.chunk(runner.cache.scratch, chunk, past, this.#edit, scored);
    this.#held = to;
    return logits;
  }
}

function sameEdit(a: ActivationEdit, b: ActivationEdit): boolean {
  return a === b || (a.length === 0 && b.length === 0);
}
