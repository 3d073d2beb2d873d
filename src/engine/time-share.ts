/**
 * Divides the worker's time between streams and background jobs: a job's step is paid back by decode steps that
 * take at least `streamTime` times as long before the next one may run. So streams lose about a third of their
 * speed to a fit, and a fit takes all the time there is when nobody streams.
 */
const streamTime = 2;

export class TimeShare {
  /** Milliseconds of decoding still owed to the streams. */
  #owed = 0;

  /** Whether a step of background work may run beside streams. */
  get jobsMayRun(): boolean {
    return this.#owed <= 0;
  }

  jobTook(milliseconds: number): void {
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
