/** Remembers which tokens stand at the beginning of one KV row, so that the next text need not compute them. */
export class KeptBeginning {
  #tokens: readonly number[] = [];

  /**
   * Starts a text that begins with `tokens`; what was there of another one is gone from now on.
   * @returns how many of them are in the row already: all or none.
   */
  begin(tokens: readonly number[]): number {
    const same =
      this.#tokens.length === tokens.length && tokens.every((token, index) => token === this.#tokens[index]);
    if (!same) this.#tokens = [];
    return this.#tokens.length;
  }

  /** What `begin` was told is in the row now, whole. */
  keep(tokens: readonly number[]): void {
    this.#tokens = tokens;
  }
}
