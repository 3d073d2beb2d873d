/**
 * Which layers attend to the concept: the share of a layer's heads whose attention from the token read to the
 * prefix is significant, by a one-sided permutation test (Fisher, 1935; layers as in arXiv 2602.00333).
 *
 * The test asks, head by head, whether the prefix draws more attention than ordinary text does at the same place
 * of a prompt without it: the two groups' means against those of random regroupings of the same prompts.
 */
import { Random } from '../../common/random.js';

export const significanceLevel = 0.01;
const permutations = 999;

export class PermutationTest {
  /** [permutations] of which observations the first group has. */
  readonly #groups: Uint32Array[];

  /** For two groups of fixed sizes; the same seed regroups alike. */
  constructor(
    readonly positives: number,
    readonly negatives: number,
    seed: number,
  ) {
    const random = new Random(seed);
    const order = Uint32Array.from({ length: positives + negatives }, (_, index) => index);
    this.#groups = Array.from({ length: permutations }, () => {
      // The first steps of a Fisher-Yates shuffle draw a group without replacement.
      for (let i = 0; i < positives; i++) {
        const j = i + Math.floor(random.uniform() * (order.length - i));
        const taken = order[j] as number;
        order[j] = order[i] as number;
        order[i] = taken;
      }
      return order.slice(0, positives);
    });
  }

  /**
   * p of the mean of `values`' first group being as large by chance: (1 + k) / (1 + permutations) for the k
   * regroupings with a mean at least as large. Stops counting where p is above `significanceLevel` for sure.
   * @param values [positives + negatives]
   */
  p(values: Float64Array): number {
    // With both sizes fixed, the first group's sum orders regroupings as the difference of means does.
    let observed = 0;
    for (let i = 0; i < this.positives; i++) observed += values[i] as number;
    // Sums of the same numbers in another order differ by rounding alone.
    observed -= 1e-12 * Math.abs(observed);
    let asLarge = 0;
    for (const group of this.#groups) {
      let sum = 0;
      for (let i = 0; i < group.length; i++) sum += values[group[i] as number] as number;
      if (sum >= observed) asLarge++;
      if ((1 + asLarge) / (1 + permutations) > significanceLevel) break;
    }
    return (1 + asLarge) / (1 + permutations);
  }
}
