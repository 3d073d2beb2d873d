/**
 * A one-sided permutation test (Fisher, 1935) of whether an attention head attends to the prefix: whether the token
 * read attends more to it than to ordinary text at the same place of prompts without it. The difference of the two
 * groups' means is compared with that of random regroupings of the same prompts. The share of a layer's heads that
 * pass ranks the layers (arXiv 2602.00333; there `select_layers_to_steer` of utils.py).
 */
import { Random } from '../../common/random.js';

export const significanceLevel = 0.01;
const permutations = 999;

export class PermutationTest {
  /** [permutations] of the observations that form the first group. */
  readonly #groups: Uint32Array[];

  /** For two groups of fixed sizes; the same seed gives the same regroupings. */
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
    // With both sizes fixed, regroupings have the same order by the first group's sum as by the difference of means.
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
