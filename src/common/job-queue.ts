/**
 * A queue of jobs that run one at a time, in the order they came. A job is a value: whoever holds one keeps what it
 * was. Cancelling resolves when the work has stopped; of the finished jobs the newest are remembered.
 */
import { errors, type SteerdError } from '../errors.js';
import { endOfWork } from './job-end.js';
import { type QueueJob, type StatusLog, Task } from './job-task.js';
import { unixSeconds } from './stamps.js';

export interface JobQueueOptions<Job extends QueueJob, Request, Events extends StatusLog<Job>> {
  /** Jobs that may wait. */
  readonly maxQueued: number;
  /** Told to whoever finds the queue full. */
  readonly retryAfterSeconds: number;
  /** Finished jobs remembered, 1000 by default; the oldest are forgotten first. */
  readonly maxFinished?: number | undefined;
  /**
   * The job was cancelled when this throws its signal's reason, and has failed when it throws anything else.
   * @returns what changes in the job with its success
   */
  readonly work: (task: Task<Job, Request, Events>) => Promise<Partial<Job>>;
  /** What `cancel` throws for a job that is not known, and for one that had succeeded or failed. */
  readonly notFound: (id: string) => SteerdError;
  readonly finished: (id: string, status: string) => SteerdError;
  /** Hears of failures that are no SteerdError, before the job ends with them. */
  readonly onUnexpected?: (job: Job, error: unknown) => void;
  readonly onFinished?: ((job: Job) => void) | undefined;
  /** Hears of each new status, and when a job is forgotten. */
  readonly onStatus?: (task: Task<Job, Request, Events>) => void;
  readonly onForgotten?: (id: string) => void;
}

const usualMaxFinished = 1000;

export class JobQueue<Job extends QueueJob, Request, Events extends StatusLog<Job>> {
  /** In the order of creation. */
  readonly #tasks = new Map<string, Task<Job, Request, Events>>();
  readonly #queue: Task<Job, Request, Events>[] = [];
  readonly #options: JobQueueOptions<Job, Request, Events>;
  /** The job in work and the promise of its end. */
  #running: { readonly task: Task<Job, Request, Events>; readonly ended: Promise<void> } | null = null;
  #closed = false;

  constructor(options: JobQueueOptions<Job, Request, Events>) {
    this.#options = options;
  }

  /** Nothing may be added any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** What waits, in order, then what runs. */
  get unfinished(): readonly Task<Job, Request, Events>[] {
    const running = this.#running?.task;
    return [...this.#queue, ...(running === undefined || running.job.finished_at !== null ? [] : [running])];
  }

  /**
   * Queues a job, which starts at once when nothing else runs.
   * @throws SteerdError queue_full
   */
  add(job: Job, request: Request, events: Events): Task<Job, Request, Events> {
    const { maxQueued, retryAfterSeconds } = this.#options;
    if (this.#queue.length >= maxQueued) throw errors.queueFull(maxQueued, retryAfterSeconds);
    const task = new Task(job, request, events);
    events.status(job);
    this.#tasks.set(job.id, task);
    this.#queue.push(task);
    this.#options.onStatus?.(task);
    this.#startNext();
    return task;
  }

  /** Takes a job over that an earlier process had: it waits, or it has finished and is remembered. */
  restore(job: Job, request: Request | undefined, events: Events): void {
    const task = new Task(job, request as Request, events);
    this.#tasks.set(job.id, task);
    if (job.finished_at !== null) return;
    this.#queue.push(task);
    this.#startNext();
  }

  get(id: string): Job | undefined {
    return this.#tasks.get(id)?.job;
  }

  /** Nothing is remembered of a job that has ended. */
  forget(id: string): void {
    if (this.#tasks.get(id)?.job.finished_at == null) return;
    this.#tasks.delete(id);
    this.#options.onForgotten?.(id);
  }

  /** What happens in a job; the log goes on after the job is forgotten. */
  events(id: string): Events | undefined {
    return this.#tasks.get(id)?.events;
  }

  /** Newest first. */
  list(): Job[] {
    return [...this.#tasks.values()].map(({ job }) => job).reverse();
  }

  /**
   * Cancels a job and resolves when its work has stopped. One that finished in that moment keeps its result.
   * @throws SteerdError `notFound`; `finished` when it had succeeded or failed before
   */
  async cancel(id: string): Promise<Job> {
    const task = this.#tasks.get(id);
    if (task === undefined) throw this.#options.notFound(id);
    const { status } = task.job;
    if (status === 'succeeded' || status === 'failed') throw this.#options.finished(id, status);
    task.abort();
    if (status === 'queued') {
      this.#queue.splice(this.#queue.indexOf(task), 1);
      this.#finish(task, { status: 'cancelled' });
    } else if (this.#running?.task === task) {
      await this.#running.ended;
    }
    return task.job;
  }

  /** Cancels every job and waits until no work is left. Nothing should be added afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.unfinished.map(({ job }) => this.cancel(job.id)));
  }

  /** Stops the work and leaves every unfinished job waiting, for whoever restores it. Nothing should be added afterwards. */
  async release(): Promise<void> {
    this.#closed = true;
    this.#queue.length = 0;
    this.#running?.task.abort('released');
    await this.#running?.ended;
    for (const { events, job } of this.#tasks.values()) if (job.finished_at === null) events.close?.();
  }

  #startNext(): void {
    if (this.#running !== null) return;
    const task = this.#queue.shift();
    if (task === undefined) return;
    task.enter({ status: 'running', started_at: unixSeconds() });
    this.#options.onStatus?.(task);
    // The work begins in a later turn, so that `#running` is set before it can end.
    const ended = Promise.resolve()
      .then(() => this.#work(task))
      .finally(() => {
        this.#running = null;
        this.#startNext();
      });
    this.#running = { task, ended };
  }

  async #work(task: Task<Job, Request, Events>): Promise<void> {
    const { work, onUnexpected } = this.#options;
    const { end, result } = await endOfWork(task, work, onUnexpected);
    if (end === null) {
      task.enter({ status: 'queued', started_at: null });
      this.#options.onStatus?.(task);
    } else this.#finish(task, end, result);
  }

  #finish(task: Task<Job, Request, Events>, end: Partial<QueueJob>, result?: Partial<Job>): void {
    task.enter({ ...end, finished_at: unixSeconds() }, result);
    this.#options.onStatus?.(task);
    this.#options.onFinished?.(task.job);
    const finished = [...this.#tasks.values()].filter(({ job }) => job.finished_at !== null);
    const surplus = finished.length - (this.#options.maxFinished ?? usualMaxFinished);
    for (const { job } of finished.slice(0, Math.max(0, surplus))) this.forget(job.id);
  }
}
