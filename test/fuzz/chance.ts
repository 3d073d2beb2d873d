/** Choices of the fuzzer, all from one seed. */
import { Random } from '../../src/common/random.js';

export class Chance {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** True in that share of cases. */
  in(share: number): boolean {
    return this.#random.uniform() < share;
  }

  uniform(): number {
    return this.#random.uniform();
  }

  /** From `least` to `most`, both inclusive. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.#random.uniform() * (most - least + 1));
  }

  pick<Item>(items: readonly Item[]): Item {
    if (items.length === 0) throw new Error('nothing to pick from');
    return items[this.whole(0, items.length - 1)] as Item;
  }
}
