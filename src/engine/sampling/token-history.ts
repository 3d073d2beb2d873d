/**
 * The tokens so far, for the penalties: each token once, with how often it was generated, in arrays, so that a step
 * reads them without allocating.
 */
export class TokenHistory {
  /** The first `size` count: tokens of the prompt and of the answer, each once. */
  tokens: Int32Array;
  /** How often each of `tokens` was generated; 0 for one that only the prompt has. */
  counts: Int32Array;
  size = 0;
  readonly #places = new Map<number, number>();

  /** @param prompt tokens of the prompt; none where no penalty looks at them */
  constructor(prompt: Iterable<number> = []) {
    this.tokens = new Int32Array(64);
    this.counts = new Int32Array(64);
    for (const token of prompt) this.#placeOf(token);
  }

  /** The token was generated. */
  add(token: number): void {
    const place = this.#placeOf(token);
    this.counts[place] = (this.counts[place] as number) + 1;
  }

  #placeOf(token: number): number {
    const known = this.#places.get(token);
    if (known !== undefined) return known;
    if (this.size === this.tokens.length) {
      this.tokens = doubled(this.tokens);
      this.counts = doubled(this.counts);
    }
    this.tokens[this.size] = token;
    this.#places.set(token, this.size);
    return this.size++;
  }
}

function doubled(array: Int32Array): Int32Array {
  const larger = new Int32Array(2 * array.length);
  larger.set(array);
  return larger;
}
