/** How many tokens of a request's prompts were not computed for it, each prompt counted once. */
export class CachedTokens {
  readonly #byPrompt = new Map<readonly number[], number>();

  /** A choice of this prompt (the plan's own array) began with `count` of its tokens known. */
  note(prompt: readonly number[], count: number): void {
    // The other choices of a prompt find what the first one has read: that was computed for this request.
    this.#byPrompt.set(prompt, Math.min(count, this.#byPrompt.get(prompt) ?? count));
  }

  get total(): number {
    return [...this.#byPrompt.values()].reduce((sum, count) => sum + count, 0);
  }
}
