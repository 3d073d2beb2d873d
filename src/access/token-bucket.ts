/**
 * A token bucket: a rate limit per minute, with a bucket of that size that refills evenly. More may be spent than it
 * holds, since generated tokens are counted as they come; the debt must then refill first. The clock is monotonic,
 * for the wall clock may jump.
 */
export class TokenBucket {
  #level: number;
  #at: number;

  constructor(
    readonly perMinute: number,
    readonly now: () => number = () => performance.now(),
  ) {
    this.#level = perMinute;
    this.#at = now();
  }

  #refill(): void {
    const now = this.now();
    const gained = (Math.max(0, now - this.#at) * this.perMinute) / 60_000;
    this.#level = Math.min(this.perMinute, this.#level + gained);
    this.#at = now;
  }

  /** Whole units that are there. */
  get remaining(): number {
    this.#refill();
    return Math.max(0, Math.floor(this.#level));
  }

  spend(amount: number): void {
    this.#refill();
    this.#level -= amount;
  }

  /** Seconds until a unit is there; 0 when one is. */
  get wait(): number {
    this.#refill();
    return Math.max(0, ((1 - this.#level) * 60) / this.perMinute);
  }

  /** Seconds until the bucket is full. */
  get untilFull(): number {
    this.#refill();
    return ((this.perMinute - this.#level) * 60) / this.perMinute;
  }
}
