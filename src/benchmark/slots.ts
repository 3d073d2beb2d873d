/** Bounds on work that is under way: how much runs at once, and how much may wait for it. */

/** Runs at most `limit` works at once, in the order in which they came. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

/** Works that nobody waits for one by one: `add` holds its caller back while `limit` of them are under way. */
export class Backlog {
  readonly #running = new Set<Promise<void>>();
  #failed: { readonly error: unknown } | null = null;

  /** @param onFailure hears of the first failure */
  constructor(
    private readonly limit: number,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  async add(work: () => Promise<void>): Promise<void> {
    while (this.#running.size >= this.limit) await Promise.race(this.#running);
    this.#throwIfFailed();
    const running: Promise<void> = work()
      .catch((error: unknown) => {
        if (this.#failed === null) this.onFailure(error);
        this.#failed ??= { error };
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when nothing is under way. @throws the first failure */
  async drain(): Promise<void> {
    await this.settle();
    this.#throwIfFailed();
  }

  /** Resolves when nothing is under way, however it ended. */
  async settle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #throwIfFailed(): void {
    if (this.#failed !== null) throw this.#failed.error;
  }
}
