/** A job with what its work needs, wherever it is kept. */
/** What every kind of job tells of itself. */
export interface QueueJob {
  readonly id: string;
  readonly status: 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled';
  /** Unix seconds. */
  readonly started_at: number | null;
  readonly finished_at: number | null;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Hears each status of a job, the last one with `finished_at`. */
export interface StatusLog<Job> {
  status(job: Job): void;
  /** Lets its readers go, though the job is not over. */
  close?(): void;
}

/** Why work is told to stop: for good, to be done again later, or since somebody else has the job. */
export type StopReason = 'cancelled' | 'released' | 'lost';

/** A job with what its work needs. */
export class Task<Job extends QueueJob, Request, Events extends StatusLog<Job>> {
  #job: Job;
  #request: Request | undefined;
  #stopped: StopReason | null = null;
  readonly #controller = new AbortController();
  /**
   * Asks, before work that nobody can take back, whether the job is this process's still: one that was cut off may have lost it.
   * @throws SteerdError database_unavailable; the signal's reason when it is not
   */
  confirm: () => Promise<void> = async () => this.signal.throwIfAborted();

  constructor(
    job: Job,
    request: Request,
    readonly events: Events,
  ) {
    this.#job = job;
    this.#request = request;
  }

  /** What was asked; gone when the job has finished, for a request may be as large as a body. */
  get request(): Request {
    if (this.#request === undefined) throw new Error(`job ${this.#job.id} has finished`);
    return this.#request;
  }

  /** As it is now. */
  get job(): Job {
    return this.#job;
  }

  /** Why its work was told to stop; null while it was not. */
  get stopped(): StopReason | null {
    return this.#stopped;
  }

  /** Aborted when the work is to stop. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  update(change: Partial<Job>): void {
    this.#job = { ...this.#job, ...change };
  }

  /** A new status, told to its events. */
  enter(state: Partial<QueueJob>, change?: Partial<Job>): void {
    this.#job = { ...this.#job, ...change, ...state };
    this.events.status(this.#job);
    if (this.#job.finished_at !== null) this.#request = undefined;
  }

  /** The first reason counts, but for one: nobody cancels what is somebody else's. */
  abort(why: StopReason = 'cancelled'): void {
    if (this.#stopped === null || why === 'lost') this.#stopped = why;
    this.#controller.abort();
  }
}
