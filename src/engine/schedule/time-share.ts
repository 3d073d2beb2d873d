/**
 * Divides the worker's time between streams (interactive work) and background work. A step of background work is
 * followed by work for streams, their prompts and decode steps, that takes at least `streamTime` times as long, before
 * the next one may run. So a fit costs streams about a third of their speed, however many prompts arrive; when there
 * are no streams, background work has all the time.
 */
const streamTime = 2;

export class TimeShare {
  /** Milliseconds of work for streams before background work may run again. */
  #owed = 0;

  /** Whether a step of background work may run. */
  get backgroundMayRun(): boolean {
    return this.#owed <= 0;
  }

  backgroundTook(milliseconds: number): void {
    this.#owed += streamTime * milliseconds;
  }

  streamsTook(milliseconds: number): void {
    this.#owed = Math.max(0, this.#owed - milliseconds);
  }

  /** There are no streams now. */
  streamsEnded(): void {
    this.#owed = 0;
  }
}
