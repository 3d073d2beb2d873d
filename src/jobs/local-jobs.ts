/**
 * Jobs of one server: worked on here, one at a time. With a journal they survive it: what is unfinished when the process ends is done
 * again by the next one, from its beginning.
 */
import type { JobEvent, JobEventLog } from '../common/job-event-log.js';
import { JobQueue } from '../common/job-queue.js';
import type { QueueJob, StatusLog, Task } from '../common/job-task.js';
import { unixSeconds } from '../common/stamps.js';
import { errors } from '../errors.js';
import type { JobJournal } from './job-journal.js';
import {
  type Added,
  type AddOptions,
  type JobCounts,
  mostLosses,
  type OpenQueue,
  type Queue,
  type QueueSpec,
} from './jobs.js';

export class LocalJobs<
  Job extends QueueJob,
  Request,
  Event extends JobEvent,
  Events extends JobEventLog<Event> & StatusLog<Job>,
> implements Queue<Job, Request, Event>
{
  readonly #queue: JobQueue<Job, Request, Events>;
  readonly #keys = new Map<string, string>();
  readonly #losses = new Map<string, number>();

  constructor(
    private readonly spec: QueueSpec<Job, Request, Event, Events>,
    private readonly journal?: JobJournal,
  ) {
    this.#queue = new JobQueue({
      ...spec,
      onStatus: (task) => this.#note(task),
      onForgotten: (id) => {
        this.#keys.delete(id);
        this.#losses.delete(id);
        journal?.forget(id);
      },
    });
    this.#restore();
  }

  get closed(): boolean {
    return this.#queue.closed;
  }

  add(
    job: Job,
    request: Request,
    { key }: AddOptions = {},
  ): Added<Job, Request> | Promise<Added<Job, Request>> {
    const same = this.#queue.unfinished.find(
      ({ job: { id } }) => key !== undefined && this.#keys.get(id) === key,
    );
    if (same !== undefined) return { job: same.job, request: same.request, added: false };
    // First: the journal keeps it with the job.
    if (key !== undefined) this.#keys.set(job.id, key);
    let added: Added<Job, Request>;
    try {
      added = { job: this.#queue.add(job, request, this.spec.newEvents()).job, request, added: true };
    } catch (error) {
      this.#keys.delete(job.id);
      throw error;
    }
    return this.journal === undefined ? added : this.journal.written(job.id).then(() => added);
  }

  get(id: string): Job | undefined {
    return this.#queue.get(id);
  }

  list(): Job[] {
    return this.#queue.list();
  }

  events(id: string): Events | undefined {
    return this.#queue.events(id);
  }

  cancel(id: string): Promise<Job> {
    return this.#queue.cancel(id);
  }

  forget(id: string): void {
    this.#queue.forget(id);
  }

  counts(): JobCounts {
    const own: Record<string, number> = {};
    for (const { status } of this.list()) own[status] = (own[status] ?? 0) + 1;
    return { own, waiting: own.queued ?? 0 };
  }

  unfinished(): Job[] {
    return this.list().filter(({ finished_at }) => finished_at === null);
  }

  async close(): Promise<void> {
    if (this.journal === undefined) return this.#queue.close();
    await this.#queue.release();
    await this.journal.settled();
  }

  /** What the next process needs. */
  #note(task: Task<Job, Request, Events>): void {
    const { job, events } = task;
    this.journal?.write(job.id, {
      kind: this.spec.kind,
      job,
      request: job.finished_at === null ? task.request : null,
      key: this.#keys.get(job.id) ?? null,
      losses: this.#losses.get(job.id) ?? 0,
      ...events.kept,
    });
    if (job.finished_at !== null) this.#keys.delete(job.id);
  }

  #restore(): void {
    for (const kept of this.journal?.take(this.spec.kind) ?? []) {
      const job = kept.job as Job;
      const events = this.spec.newEvents({ events: kept.events as Event[], lastId: kept.lastId });
      if (job.finished_at !== null) {
        events.close();
        this.#queue.restore(job, undefined, events);
        continue;
      }
      // Its process did not stop in order: it was killed, perhaps by this very job.
      const losses = kept.losses + (job.status === 'running' ? 1 : 0);
      this.#losses.set(job.id, losses);
      if (kept.key !== null) this.#keys.set(job.id, kept.key);
      const waiting: Job = { ...job, ...this.spec.afresh, status: 'queued', started_at: null };
      if (losses < mostLosses) {
        if (job.status === 'running') events.status(waiting);
        this.#queue.restore(waiting, kept.request as Request, events);
      } else {
        const { code, message } = errors.workerLost(losses);
        const failed: Job = {
          ...waiting,
          status: 'failed',
          error: { code, message },
          finished_at: unixSeconds(),
        };
        events.status(failed);
        this.#queue.restore(failed, undefined, events);
        this.journal?.write(job.id, { ...kept, job: failed, request: null, losses, ...events.kept });
      }
    }
  }
}

/** The queue of this process alone, for as long as it lives. */
export const localQueue: OpenQueue = (spec) => new LocalJobs(spec);

/** Queues of this process whose jobs outlive it in a data directory. */
export const journaledQueue =
  (journal: JobJournal): OpenQueue =>
  (spec) =>
    new LocalJobs(spec, journal);
