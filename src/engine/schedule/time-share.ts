/**
 * Divides the worker's time between streams and background work: a background step is paid back by work for
 * streams (their prompts and their decode steps) that takes at least `streamTime` times as long before the next
 * one may run. So streams lose about a third of their speed to a fit, however many prompts arrive, and a fit
 * takes all the time there is when nobody streams.
 */
const streamTime = 2;

export class TimeShare {
  /** Milliseconds of work still owed to the streams. */
  #owed = 0;

  /** Whether a step of background work may run beside streams. */
  get backgroundMayRun(): boolean {
    return this.#owed <= 0;
  }

  backgroundTook(milliseconds: number): void {
    this.#owed += streamTime * milliseconds;
  }

  streamsTook(milliseconds: number): void {
    this.#owed = Math.max(0, this.#owed - milliseconds);
  }

  /** Nobody streams: nothing is owed. */
  streamsEnded(): void {
    this.#owed = 0;
  }
}
