/** The largest logit, and that of each block of ids: most of what looks for heavy tokens passes over whole blocks. */
import { BrokenLogits } from './broken-logits.js';

export const blockLength = 256;

export class BlockTops {
  /** The largest logit of each block. */
  readonly tops: Float32Array;

  constructor(vocabularySize: number) {
    this.tops = new Float32Array(Math.ceil(vocabularySize / blockLength));
  }

  /**
   * Reads the logits.
   * @returns index of the largest, the first among equals
   * @throws BrokenLogits when one is not a number or positive infinity, or all are negative infinity
   */
  read(logits: Float32Array): number {
    let best = 0;
    let top = Number.NEGATIVE_INFINITY;
    let block = 0;
    for (let from = 0; from < logits.length; from += blockLength) {
      const to = Math.min(from + blockLength, logits.length);
      let here = Number.NEGATIVE_INFINITY;
      let bestHere = from;
      for (let token = from; token < to; token += 4) {
        // Four at a time, of which hardly any is the largest so far. What is no number is never less, nor what is behind the end.
        if (
          (logits[token] as number) <= here &&
          (logits[token + 1] as number) <= here &&
          (logits[token + 2] as number) <= here &&
          (logits[token + 3] as number) <= here
        )
          continue;
        for (let one = token; one < token + 4 && one < to; one++) {
          const logit = logits[one] as number;
          if (logit <= here) continue;
          if (!(logit < Number.POSITIVE_INFINITY)) throw new BrokenLogits();
          here = logit;
          bestHere = one;
        }
      }
      this.tops[block++] = here;
      if (here > top) {
        top = here;
        best = bestHere;
      }
    }
    if (top === Number.NEGATIVE_INFINITY) throw new BrokenLogits();
    return best;
  }
}
