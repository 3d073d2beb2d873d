/** Pairs as people paste them, read as the command line reads them; what is left out is told by its line. */
import { type Pair, readPairs as readAll } from '../../tables/pairs.js';
import { inWords } from '../../tables/rows.js';

export type { Pair };

export interface Pairs {
  readonly pairs: readonly Pair[];
  /** What was left out, in words. */
  readonly faults: readonly string[];
}

export function readPairs(text: string): Pairs {
  const { pairs, faults, notes } = readAll(text);
  return { pairs, faults: [...faults, ...notes].map((remark) => sentence(inWords(remark))) };
}

const sentence = (words: string) => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
