/** A map that forgets: what was set or asked for longest ago goes when there is more than it may hold. */
export class RecentMap<Value> {
  readonly #entries = new Map<string, { readonly value: Value; readonly size: number }>();
  #held = 0;

  /**
   * @param most the sum of the sizes that is held at once
   * @param dropped hears of each that went for want of room
   */
  constructor(
    readonly most: number,
    private readonly dropped: (key: string) => void = () => {},
  ) {}

  /** The sum of the sizes. */
  get held(): number {
    return this.#held;
  }

  /** Asks for nothing: the order stays. */
  has(key: string): boolean {
    return this.#entries.has(key);
  }

  delete(key: string): void {
    this.#held -= this.#entries.get(key)?.size ?? 0;
    this.#entries.delete(key);
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** @param size in the unit of `most`; what is larger than all that may be held is not kept */
  set(key: string, value: Value, size: number): void {
    this.delete(key);
    this.#entries.set(key, { value, size });
    this.#held += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#held <= this.most) return;
      this.delete(oldest);
      this.dropped(oldest);
    }
  }

  get size(): number {
    return this.#entries.size;
  }
}
