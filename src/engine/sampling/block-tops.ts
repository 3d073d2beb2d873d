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
      for (let token = from; token < to; token++) {
        const logit = logits[token] as number;
        // True for NaN too.
        if (!(logit <= here)) {
          if (!(logit < Number.POSITIVE_INFINITY)) throw new BrokenLogits();
          here = logit;
          bestHere = token;
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
