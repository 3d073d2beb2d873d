/**
 * Fair comparisons on a noisy machine: every variant runs a block, then the next one, round after round, so
 * that a slow minute hits all of them; what is compared are the medians over rounds.
 */
export interface Variant {
  readonly name: string;
  /** Runs one block and returns what it reached, e.g. tokens per second. */
  run(): Promise<number> | number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** What each variant reached, round by round. */
export class Rounds {
  constructor(readonly reached: ReadonlyMap<string, readonly number[]>) {}

  /** Median over the rounds. */
  median(name: string): number {
    return median(this.reached.get(name) ?? []);
  }

  /** One variant's figure by another's of the same round, what ran side by side: from the lowest to the highest. */
  ratios(of: string, to: string): number[] {
    const base = this.reached.get(to) ?? [];
    return (this.reached.get(of) ?? [])
      .map((value, round) => value / (base[round] ?? Number.NaN))
      .sort((a, b) => a - b);
  }

  /** Their median. */
  ratio(of: string, to: string): number {
    return median(this.ratios(of, to));
  }
}

/** Runs every variant once a round. The first round warms up and does not count. */
export async function inRounds(variants: readonly Variant[], rounds: number): Promise<Rounds> {
  const reached = new Map<string, number[]>(variants.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    // Alternating the order keeps a variant from always following the same neighbour.
    const order = round % 2 === 0 ? variants : [...variants].reverse();
    for (const { name, run } of order) {
      const value = await run();
      if (round > 0) reached.get(name)?.push(value);
    }
  }
  return new Rounds(reached);
}
