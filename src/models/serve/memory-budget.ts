/**
 * Which models may be in memory: room is given in the order it was asked for, and the model used least recently makes
 * room first. One in use is never taken away: it is told to leave when somebody has waited long enough, and leaves when
 * its last use has ended.
 */
import type { Footprint } from '../../engine/load/footprint.js';
import { errors } from '../../errors.js';

/** A model that is in memory, or is about to be. */
export interface Evictable {
  /** What it takes now, with what it was let grow by and what it keeps. */
  readonly bytes: number;
  /** What of that it has as long as it is in memory, whatever runs; all of it when left out. */
  readonly leastBytes?: number;
  /** Nothing uses it, and nobody is about to. */
  readonly idle: boolean;
  /** It does not make room for others. */
  readonly pinned: boolean;
  /** Milliseconds of a clock that only goes forward. */
  readonly lastUsed: number;
  /**
   * It leaves when its uses end, at once if it has none; `release` follows.
   * @returns false when it cannot, for it is still loading; it can later, and `changed` says when
   */
  evict(): boolean;
  /** Bytes that it has of what it would like to keep but can do without. None when left out. */
  readonly kept?: number;
  /** What it would like to have of those at most. */
  readonly keepsAtMost?: number;
  /** It has that many bytes of those from now on. */
  keep?(bytes: number): void;
  /** There may be room for it to grow now. */
  retry?(): void;
}

interface BudgetOptions {
  /** Bytes that all models may take together. */
  readonly limit: number;
  /** False: what does not fit although everything idle has left is let in all the same. */
  readonly hard: boolean;
  /** How long a model waits before those in use are told to leave. */
  readonly patienceMilliseconds: number;
}

interface Waiting {
  readonly model: Evictable;
  readonly since: number;
  readonly admit: () => void;
}

export class MemoryBudget {
  readonly #admitted = new Set<Evictable>();
  /** Those of them that were told to leave. */
  readonly #evicted = new Set<Evictable>();
  #queue: Waiting[] = [];
  #patience: NodeJS.Timeout | undefined;
  #admitting = false;

  constructor(readonly options: BudgetOptions) {}

  /** Bytes of all admitted models, those that are leaving included. */
  get used(): number {
    return total(this.#admitted);
  }

  /** Bytes that a new model could have at most, were all gone that ever leave. */
  get most(): number {
    const { limit, hard } = this.options;
    if (!hard) return Number.POSITIVE_INFINITY;
    let most = limit;
    for (const { pinned, bytes, leastBytes = bytes } of this.#admitted) if (pinned) most -= leastBytes;
    return most;
  }

  /** @throws SteerdError model_too_large when the model could never be let in */
  checkSize(id: string, { weights, leastKv, capacity }: Footprint): void {
    const { limit } = this.options;
    const size = weights + leastKv;
    if (size <= this.most) return;
    const needs = `${mebibytes(size)} (${mebibytes(weights)} of weights, ${mebibytes(leastKv)} of KV cache for one sequence of ${capacity} tokens and one text that is read)`;
    const pinned = limit - this.most;
    const had = pinned > 0 ? `, of which pinned ones have ${mebibytes(pinned)}` : '';
    throw errors.modelTooLarge(id, needs, `the models may take ${mebibytes(limit)}${had}`);
  }

  /** Waits for room, for ever if it asks for more than `most`. @throws the signal's reason */
  async reserve(model: Evictable, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const admit = () => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      const waiting = { model, since: performance.now(), admit };
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

  /** The model's memory has been given back. */
  release(model: Evictable): void {
    this.#admitted.delete(model);
    this.#evicted.delete(model);
    this.changed();
  }

  /** A model has become idle, has been loaded or is gone: lets in what there is room for. */
  changed(): void {
    // One that leaves at once says so while it is being told to.
    if (this.#admitting) return;
    this.#admitting = true;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      if (!this.#makeRoom(next)) break;
      this.#queue.shift();
      this.#admitted.add(next.model);
      next.admit();
    }
    if (this.#queue.length === 0) for (const model of this.#admitted) model.retry?.();
    this.#spread();
    this.#admitting = false;
    clearTimeout(this.#patience);
    if (this.#queue[0] !== undefined) {
      const left = this.#queue[0].since + this.options.patienceMilliseconds - performance.now();
      if (left > 0) this.#patience = setTimeout(() => this.changed(), left + 1).unref();
    }
  }

  /**
   * Whether a model may take that many bytes more now. When not, idle models are told to leave for it, and it is told to
   * try again once something has changed.
   */
  grow(bytes: number): boolean {
    const { limit, hard } = this.options;
    const missing = this.#missingFor(bytes);
    if (missing <= 0) return true;
    const idle = this.#movable().filter((other) => other.idle);
    if (hard && total(this.#evicted) + total(idle) < missing) return false;
    this.#tellToLeave(idle, missing);
    return !hard || this.used + bytes <= limit;
  }

  /** How many bytes are missing for that many more, without what models can do without: that is taken back for them. */
  #missingFor(bytes: number): number {
    const { limit } = this.options;
    this.#takeBack(this.used + bytes - limit);
    return this.used + bytes - limit;
  }

  /** Tells models to leave, one after another, until that many bytes will come free. */
  #tellToLeave(models: readonly Evictable[], bytes: number): void {
    let coming = total(this.#evicted);
    for (const model of models) {
      if (coming >= bytes) break;
      this.#evicted.add(model);
      if (model.evict()) coming += model.bytes;
      else this.#evicted.delete(model);
    }
  }

  /** What models keep but can do without, until that many bytes are free: of those used least recently first. */
  #takeBack(bytes: number): void {
    let missing = bytes;
    for (const model of byUse(this.#admitted)) {
      const kept = model.kept ?? 0;
      if (missing <= 0) return;
      if (kept === 0) continue;
      model.keep?.(kept - Math.min(kept, missing));
      missing -= Math.min(kept, missing);
    }
  }

  /** Room that nobody needs is for what models would like to keep. */
  #spread(): void {
    for (const model of byUse(this.#admitted).reverse()) {
      const free = this.options.limit - this.used;
      const more = Math.min(free, (model.keepsAtMost ?? 0) - (model.kept ?? 0));
      if (more > 0 && this.#queue.length === 0) model.keep?.((model.kept ?? 0) + more);
    }
  }

  /** Those that could be told to leave, the one used least recently first. */
  #movable(): Evictable[] {
    return byUse(this.#admitted).filter((other) => !other.pinned && !this.#evicted.has(other));
  }

  /** True when there is room now; else those that have to leave for it are told to. */
  #makeRoom({ model, since }: Waiting): boolean {
    const { limit, hard, patienceMilliseconds } = this.options;
    const missing = this.#missingFor(model.bytes);
    if (missing <= 0) return true;
    const movable = this.#movable();
    const idle = movable.filter((other) => other.idle);
    const impatient = performance.now() - since >= patienceMilliseconds;
    const enough = total(this.#evicted) + total(idle) >= missing;
    if (!enough && !hard && idle.length === 0 && this.#evicted.size === 0) return true;
    // One that leaves while others still have to be waited for would have left too early.
    const busy = movable.filter((other) => !other.idle);
    const told = enough || !hard ? idle : impatient ? [...idle, ...busy] : [];
    this.#tellToLeave(told, missing);
    // Leaving may have been a matter of no time.
    return this.used + model.bytes <= limit;
  }
}

/** The one used least recently first. */
function byUse(models: Iterable<Evictable>): Evictable[] {
  return [...models].sort((a, b) => a.lastUsed - b.lastUsed);
}

function total(models: Iterable<Evictable>): number {
  let bytes = 0;
  for (const model of models) bytes += model.bytes;
  return bytes;
}

const mebibytes = (bytes: number) => `${Math.ceil(bytes / 1024 ** 2)} MiB`;
