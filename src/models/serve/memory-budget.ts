/**
 * Who may lie in memory: room is given in the order it was asked for, and the model used least recently makes room
 * first. What is in use is never taken away: it is asked to leave when somebody has waited long enough, and leaves when
 * its last use has ended.
 */
/** A model that lies in memory, or is about to. */
export interface Resident {
  readonly id: string;
  readonly bytes: number;
  /** Nothing uses it, and nobody is about to. */
  readonly idle: boolean;
  /** It does not make room for others. */
  readonly pinned: boolean;
  /** Milliseconds of a clock that only goes forward. */
  readonly lastUsed: number;
  /** Leaves when its uses end, at once if it has none; `release` follows. */
  leave(): void;
}

export interface BudgetOptions {
  /** Bytes that all residents may take together. */
  readonly limit: number;
  /** False: what does not fit although everybody idle has left is let in all the same. */
  readonly hard: boolean;
  /** How long somebody waits before residents in use are asked to leave. */
  readonly patienceMilliseconds: number;
}

interface Waiting {
  readonly resident: Resident;
  readonly since: number;
  readonly admit: () => void;
}

export class MemoryBudget {
  readonly #residents = new Set<Resident>();
  readonly #leaving = new Set<Resident>();
  #queue: Waiting[] = [];
  #patience: NodeJS.Timeout | undefined;
  #admitting = false;

  constructor(readonly options: BudgetOptions) {}

  /** Bytes of all residents, those that are leaving included. */
  get used(): number {
    return total(this.#residents);
  }

  /** Bytes that somebody new could have at most, were everybody gone that ever leaves. */
  get most(): number {
    const { limit, hard } = this.options;
    return hard
      ? limit - total([...this.#residents].filter(({ pinned }) => pinned))
      : Number.POSITIVE_INFINITY;
  }

  /** Waits for room, for ever if it asks for more than `most`. @throws the signal's reason */
  async reserve(resident: Resident, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const admit = () => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      const waiting = { resident, since: performance.now(), admit };
      const abort = () => {
        this.#queue = this.#queue.filter((other) => other !== waiting);
        reject(signal.reason as Error);
        this.changed();
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#queue.push(waiting);
      this.changed();
    });
  }

  /** The resident's memory has been given back. */
  release(resident: Resident): void {
    this.#residents.delete(resident);
    this.#leaving.delete(resident);
    this.changed();
  }

  /** Somebody has become idle, or is used no more: lets in whom there is room for. */
  changed(): void {
    // Whoever leaves at once says so while it is being asked to.
    if (this.#admitting) return;
    this.#admitting = true;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      if (!this.#makeRoom(next)) break;
      this.#queue.shift();
      this.#residents.add(next.resident);
      next.admit();
    }
    this.#admitting = false;
    clearTimeout(this.#patience);
    if (this.#queue[0] !== undefined) {
      const left = this.#queue[0].since + this.options.patienceMilliseconds - performance.now();
      if (left > 0) this.#patience = setTimeout(() => this.changed(), left + 1).unref();
    }
  }

  /** True when there is room now; else whoever has to leave for it is told so. */
  #makeRoom({ resident, since }: Waiting): boolean {
    const { limit, hard, patienceMilliseconds } = this.options;
    const missing = this.used + resident.bytes - limit;
    if (missing <= 0) return true;
    let coming = total(this.#leaving);
    const movable = [...this.#residents]
      .filter((other) => !other.pinned && !this.#leaving.has(other))
      .sort((a, b) => a.lastUsed - b.lastUsed);
    const idle = movable.filter((other) => other.idle);
    const impatient = performance.now() - since >= patienceMilliseconds;
    const enough = coming + total(idle) >= missing;
    if (!enough && !hard && idle.length === 0 && this.#leaving.size === 0) return true;
    // Who leaves for somebody that still has to wait for others would have left too early.
    const busy = movable.filter((other) => !other.idle);
    const asked = enough || !hard ? idle : impatient ? [...idle, ...busy] : [];
    for (const other of asked) {
      if (coming >= missing) break;
      this.#leaving.add(other);
      coming += other.bytes;
      other.leave();
    }
    // Leaving may have been a matter of no time.
    return this.used + resident.bytes <= limit;
  }
}

function total(residents: Iterable<Resident>): number {
  let bytes = 0;
  for (const resident of residents) bytes += resident.bytes;
  return bytes;
}
