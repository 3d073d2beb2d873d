/**
 * Jobs as their kinds (fits, pulls, imports) and their callers know them, wherever they are kept: in this process, in its data
 * directory, or in a database that a fleet shares. A kind opens its queue with a `QueueSpec` and knows nothing of the keeping.
 */
import type { JobEvent, JobEventLog, KeptEvents, ReadOptions } from '../common/job-event-log.js';
import type { JobQueueOptions } from '../common/job-queue.js';
import type { QueueJob, StatusLog } from '../common/job-task.js';

/** At once where jobs are in memory; later where they are in a database. */
export type Awaitable<Value> = Value | Promise<Value>;

export const jobKinds = ['fit', 'calibration', 'sweep', 'pull', 'import', 'benchmark'] as const;
export type JobKind = (typeof jobKinds)[number];

/** The events of a job, for its readers. */
export interface FollowedLog<Event> {
  /** Whether the job has ended, and `after` is its last event. */
  isOver(after: number): Awaitable<boolean>;
  /**
   * What happened after `options.after`, then what happens, in batches; an empty batch is a sign of life. It ends with the job, or
   * with this process.
   * @throws the signal's reason when aborted
   */
  read(signal: AbortSignal, options?: ReadOptions): AsyncIterable<readonly Event[]>;
}

/** What may be asked of jobs. */
export interface Jobs<Job, Event> {
  get(id: string): Awaitable<Job | undefined>;
  /** Newest first. */
  list(): Awaitable<Job[]>;
  /** Undefined for a job that is not known. */
  events(id: string): Awaitable<FollowedLog<Event> | undefined>;
  /**
   * Cancels a job and resolves when its work has stopped. One that finished in that moment keeps its result.
   * @throws SteerdError the kind's `notFound`; `finished` when it had succeeded or failed before
   */
  cancel(id: string): Promise<Job>;
}

/** How many jobs there are. */
export interface JobCounts {
  /** This server's, by status: those it made while they wait, those it works on, those it ended. Servers' counts sum up. */
  readonly own: Readonly<Record<string, number>>;
  /** Waiting, of the whole fleet: the same from every server. */
  readonly waiting: number;
}

export interface AddOptions {
  /** Of two unfinished jobs of a kind with the same key, the second is not added. */
  readonly key?: string;
  /** Only a server that has this model works on the job. */
  readonly model?: string;
}

/** A job that was added, or the unfinished one that has its key. */
export interface Added<Job, Request> {
  readonly job: Job;
  readonly request: Request;
  readonly added: boolean;
}

/** A kind's jobs, where they are kept and worked on. */
export interface Queue<Job, Request, Event> extends Jobs<Job, Event> {
  /** Nothing may be added any more. */
  readonly closed: boolean;
  /**
   * Queues a job. It is acknowledged, when this resolves, where jobs are durable.
   * @param request survives in JSON
   * @throws SteerdError queue_full, database_unavailable
   */
  add(job: Job, request: Request, options?: AddOptions): Awaitable<Added<Job, Request>>;
  counts(): Awaitable<JobCounts>;
  /** Nobody knows of a job any more that has ended; of others nothing is forgotten. */
  forget(id: string): Awaitable<void>;
  /** Jobs that have not ended, newest first, as this process heard of them last: a database's may be seconds old. */
  unfinished(): readonly Job[];
  /**
   * Stops this process's work. Jobs that are durable wait for another process or the next start; the others are cancelled. Resolves
   * when no work is left.
   */
  close(): Promise<void>;
}

/** What a kind says of its queue. */
export interface QueueSpec<
  Job extends QueueJob,
  Request,
  Event extends JobEvent,
  Events extends JobEventLog<Event> & StatusLog<Job>,
> extends Omit<JobQueueOptions<Job, Request, Events>, 'onStatus' | 'onForgotten'> {
  readonly kind: JobKind;
  /** What of a job is as before its work, when that begins again. */
  readonly afresh: Partial<Job>;
  /** @param kept of the job's earlier life */
  readonly newEvents: (kept?: KeptEvents<Event>) => Events;
}

/** Opens the queue of a kind: where jobs are kept is decided by whoever provides this. */
export type OpenQueue = <
  Job extends QueueJob,
  Request,
  Event extends JobEvent,
  Events extends JobEventLog<Event> & StatusLog<Job>,
>(
  spec: QueueSpec<Job, Request, Event, Events>,
) => Queue<Job, Request, Event>;

/** So often a job is begun again after its process was lost: it may be the job that ends processes. */
export const mostLosses = 3;
