/** A map that forgets: what was set or asked for longest ago goes when there is more than it may hold. */
export class RecentMap<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly size: number }>();
  #held = 0;

  /** @param most the sum of the sizes that is held at once */
  constructor(readonly most: number) {}

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** @param size in the unit of `most`; what is larger than all that may be held is not kept */
  set(key: string, value: Value, size: number): void {
    this.#held -= this.#entries.get(key)?.size ?? 0;
    this.#entries.delete(key);
    this.#entries.set(key, { value, size });
    this.#held += size;
    for (const [oldest, entry] of this.#entries) {
      if (this.#held <= this.most) return;
      this.#entries.delete(oldest);
      this.#held -= entry.size;
    }
  }

  get size(): number {
    return this.#entries.size;
  }
}
