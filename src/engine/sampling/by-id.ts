/**
 * Draws a token from all weights, or from those of at least a floor, in the order of ids: O(V), and nothing is kept but
 * a running sum at every few hundred tokens.
 */
import { type BlockTops, blockLength } from './block-tops.js';
import { exponential, lowestExponent } from './fast-exponential.js';

export class ById {
  /** Weights of all tokens before each block. */
  readonly #before: Float64Array;

  /** @param blocks have read the logits that are drawn from */
  constructor(readonly blocks: BlockTops) {
    this.#before = new Float64Array(blocks.tops.length);
  }

  /**
   * The token at `share` (from 0, below 1) of the weights exp((logit - top) * inverseTemperature).
   * @param floor least weight that counts
   */
  draw(
    logits: Float32Array,
    top: number,
    inverseTemperature: number,
    floor: number,
    share: number,
  ): number | null {
    const before = this.#before;
    // A little below the floor's logarithm, since the weight itself decides.
    const least = Math.max(lowestExponent, floor > 0 ? Math.log(floor) - 1e-6 : lowestExponent);
    let total = 0;
    const { tops } = this.blocks;
    for (let block = 0; block < before.length; block++) {
      before[block] = total;
      if (!(((tops[block] as number) - top) * inverseTemperature >= least)) continue;
      const from = block * blockLength;
      const to = Math.min(from + blockLength, logits.length);
      for (let token = from; token < to; token++) {
        const x = ((logits[token] as number) - top) * inverseTemperature;
        if (!(x >= least)) continue;
        const weight = exponential(x);
        if (weight >= floor) total += weight;
      }
    }
    const target = share * total;
    let last = 0;
    for (let i = 0; i < before.length; i++) if ((before[i] as number) <= target) last = i;
    let sum = before[last] as number;
    let drawn: number | null = null;
    for (let token = last * blockLength; token < logits.length; token++) {
      const x = ((logits[token] as number) - top) * inverseTemperature;
      if (!(x >= least)) continue;
      const weight = exponential(x);
      if (weight < floor) continue;
      sum += weight;
      drawn = token;
      if (sum > target) return token;
    }
    return drawn;
  }
}
