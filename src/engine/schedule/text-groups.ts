/**
 * Which texts of a pairs request are read by one run: answers are short and many, and a run of few tokens keeps a processor
 * half idle. They are taken as they come in the reading order (pair-order.ts), whatever their prompts.
 */
import type { PairText } from './pair-order.js';

/** What one run takes. */
export interface TogetherLimits {
  /** Texts. Rows without one are computed all the same. */
  readonly rows: number;
  /** Tokens of a text. */
  readonly capacity: number;
  /** Tokens of an answer. */
  readonly longest: number;
}

/**
 * Of a run so much may be padding, or tokens whose numbers the text before has already: with more, one by one is as fast. A
 * run of eight takes as long as five to six alone (docs/bench-log.md).
 */
const mostWasted = 0.3;

/** @returns how many of the texts from the first on are read together; 1 when too few are alike */
export function textGroup(texts: readonly PairText[], { rows, capacity, longest }: TogetherLimits): number {
  let best = 1;
  let widest = 0;
  let tokens = 0;
  let reach = 0;
  for (const [index, { prompt, answer, edit, known }] of texts.slice(0, rows).entries()) {
    // A run of one token has kernels of its own (chunks.ts), and so would a beginning of one.
    const fits = edit.length === 0 && answer.length >= 2 && answer.length <= longest && prompt.length >= 3;
    widest = Math.max(widest, answer.length);
    reach = Math.max(reach, prompt.length - 1);
    if (!fits || reach + widest > capacity) break;
    // The first one reads what is known, too, if it is read with others: it would not alone.
    tokens += answer.length - known;
    if (tokens >= (1 - mostWasted) * rows * widest) best = index + 1;
  }
  return best;
}
