/**
 * Jobs in a database, for a whole fleet: any replica makes, tells, follows and cancels them, and those that take jobs work on one of a
 * kind at a time. A holder that falls silent loses its job to another, which begins again; a job ends once.
 */

import { endOfWork } from '../common/job-end.js';
import type { JobEvent, JobEventLog } from '../common/job-event-log.js';
import { type QueueJob, type StatusLog, Task } from '../common/job-task.js';
import { unixSeconds } from '../common/stamps.js';
import type { Database } from '../database/database.js';
import { errors, isDatabaseAway } from '../errors.js';
import { HeldJob } from './held-job.js';
import type { JobNotices } from './job-notices.js';
import { cancelJob, forgetJobs, insertJob, type JobRow, takeJob } from './job-rows.js';
import {
  type Added,
  type AddOptions,
  type JobCounts,
  mostLosses,
  type OpenQueue,
  type Queue,
  type QueueSpec,
} from './jobs.js';
import { SharedEventLog } from './shared-event-log.js';

export interface Sharing {
  readonly database: Database;
  readonly notices: JobNotices;
  /** This process, as no other calls itself. */
  readonly holder: string;
  /** Whether it works on jobs; a command does so only once it has asked for one: a look is no reason to take what others wait for. */
  readonly takes: boolean | 'once asked';
  /** The models it has, as of now. */
  readonly models: () => readonly string[];
  readonly log: {
    warn(details: object, message: string): void;
    error(details: object, message: string): void;
  };
  /** Silence of a holder after which its job is another's; several of its beats. */
  readonly voidSeconds?: number;
}

const usualVoidSeconds = 15;
/** A holder says so often, while it would be void, that it works. */
const beats = 7;
const usualMaxFinished = 1000;
/** How long a cancelled job's holder may take to stop, or to be found silent. */
const cancelMilliseconds = 45_000;

export class SharedJobs<
  Job extends QueueJob,
  Request,
  Event extends JobEvent,
  Events extends JobEventLog<Event> & StatusLog<Job>,
> implements Queue<Job, Request, Event>
{
  readonly #closing = new AbortController();
  readonly #stopWatching: (() => void)[] = [];
  #held: Task<Job, Request, Events> | null = null;
  /** Of the work under way, and of looking for more. */
  #taking: Promise<void> | null = null;
  #again = false;
  #takes: boolean;
  #unfinished: readonly Job[] = [];

  constructor(
    private readonly spec: QueueSpec<Job, Request, Event, Events>,
    private readonly sharing: Sharing,
  ) {
    this.#takes = sharing.takes === true;
    this.#stopWatching.push(
      sharing.notices.on(`new ${spec.kind}`, () => {
        this.#wake();
        void this.#look();
      }),
    );
    this.#wake();
    void this.#look();
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  async add(job: Job, request: Request, { key, model }: AddOptions = {}): Promise<Added<Job, Request>> {
    const { kind, maxQueued, retryAfterSeconds } = this.spec;
    const { database, holder } = this.sharing;
    const log = this.spec.newEvents();
    log.status(job);
    const { events } = log.kept;
    const asked = { kind, job, request, key: key ?? null, model: model ?? null, holder, events, maxQueued };
    const same = await insertJob<Job, Request, Event>(database, asked);
    if (same === 'full') throw errors.queueFull(maxQueued, retryAfterSeconds);
    if (this.sharing.takes === 'once asked') {
      this.#takes = true;
      this.#wake();
    }
    return same === null ? { job, request, added: true } : { ...same, added: false };
  }

  async get(id: string): Promise<Job | undefined> {
    const [row] = await this.#query<{ job: Job }>('SELECT job FROM steerd.jobs WHERE kind = $1 AND id = $2', [
      id,
    ]);
    return row?.job;
  }

  async list(): Promise<Job[]> {
    const rows = await this.#query<{ job: Job }>(
      'SELECT job FROM steerd.jobs WHERE kind = $1 ORDER BY number DESC',
    );
    return rows.map(({ job }) => job);
  }

  async events(id: string): Promise<SharedEventLog<Event> | undefined> {
    const { database, notices } = this.sharing;
    if ((await this.get(id)) === undefined) return undefined;
    return new SharedEventLog(id, database, notices, this.#closing.signal);
  }

  async cancel(id: string): Promise<Job> {
    const { kind, notFound, finished } = this.spec;
    const found = await cancelJob<Job, Event>(this.sharing.database, kind, id, ({ job, last_event }) => {
      const events = this.spec.newEvents({ events: [], lastId: last_event });
      const cancelled: Job = { ...job, status: 'cancelled', finished_at: unixSeconds() };
      events.status(cancelled);
      return { job: cancelled, events: events.kept.events };
    });
    if (found === undefined) throw notFound(id);
    const { job, before } = found;
    if (before === 'succeeded' || before === 'failed') throw finished(id, before);
    return before === 'running' ? ((await this.#atEnd(id)) ?? job) : job;
  }

  async forget(id: string): Promise<void> {
    await this.#query('DELETE FROM steerd.jobs WHERE kind = $1 AND id = $2 AND finished', [id]);
  }

  async counts(): Promise<JobCounts> {
    const rows = await this.#query<{ status: string; count: number; own: boolean }>(
      `SELECT status, holder = $2 AS own, count(*)::integer AS count FROM steerd.jobs WHERE kind = $1
       GROUP BY status, holder = $2`,
      [this.sharing.holder],
    );
    return {
      own: Object.fromEntries(rows.filter(({ own }) => own).map(({ status, count }) => [status, count])),
      waiting: rows.reduce((sum, { status, count }) => sum + (status === 'queued' ? count : 0), 0),
    };
  }

  unfinished(): readonly Job[] {
    return this.#unfinished;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const stop of this.#stopWatching) stop();
    this.#held?.abort('released');
    await this.#taking;
  }

  #query<Row extends object>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.sharing.database.query<Row & Record<string, unknown>>(sql, [this.spec.kind, ...values]);
  }

  /** The job when it has ended; undefined when that takes too long. */
  async #atEnd(id: string): Promise<Job | undefined> {
    const { database, notices } = this.sharing;
    const log = new SharedEventLog<Event>(id, database, notices, this.#closing.signal);
    const late = AbortSignal.timeout(cancelMilliseconds);
    try {
      for await (const _ of log.read(late)) late.throwIfAborted();
    } catch (error) {
      if (error !== late.reason) throw error;
    }
    return this.get(id);
  }

  /** What is unfinished, for those who cannot wait for the database. */
  async #look(): Promise<void> {
    if (this.closed) return;
    const rows = await this.#query<{ job: Job }>(
      'SELECT job FROM steerd.jobs WHERE kind = $1 AND NOT finished ORDER BY number DESC',
    ).catch(() => null);
    if (rows !== null) this.#unfinished = rows.map(({ job }) => job);
  }

  #wake(): void {
    if (this.closed || !this.#takes) return;
    this.#again = true;
    this.#taking ??= this.#takeAll().finally(() => {
      this.#taking = null;
    });
  }

  async #takeAll(): Promise<void> {
    const { database, holder, models, voidSeconds = usualVoidSeconds, log } = this.sharing;
    const { kind } = this.spec;
    try {
      while (this.#again && !this.closed) {
        this.#again = false;
        const taker = { kind, holder, models: models(), voidSeconds };
        const row = await takeJob<Job, Request>(database, taker);
        if (row === undefined) continue;
        this.#again = true;
        await this.#work(row);
      }
    } catch (error) {
      // The next notice, or the next look for missed ones, tries again. That the database is away its connection has said.
      if (!isDatabaseAway(error)) log.warn({ kind, reason: (error as Error).message }, 'no job taken');
    }
  }

  async #work(row: JobRow<Job, Request>): Promise<void> {
    const { database, holder, notices, log, voidSeconds = usualVoidSeconds } = this.sharing;
    const { kind, onFinished, maxFinished = usualMaxFinished } = this.spec;
    const { id, attempt, losses } = row;
    if (losses > 0) log.warn({ job: id, kind, losses }, 'job taken over: its holder fell silent');
    const events = this.spec.newEvents({ events: [], lastId: row.last_event });
    const task = new Task(row.job, row.request, events);
    const fence = { id, holder, attempt };
    const beat = (voidSeconds * 1000) / beats;
    const held = new HeldJob<Job, Request, Event, Events>(database, fence, task, log, beat);
    const stop = notices.on(`cancel ${id}`, () => void held.beat());
    task.confirm = () => held.confirm();
    this.#held = task;
    try {
      await this.#run(task, row);
      const written = await held.end(this.#closing.signal);
      if (task.stopped === 'lost') log.warn({ job: id, kind }, 'job left: another process has taken it over');
      else if (!written) log.warn({ job: id, kind }, 'job left: the database is away, and this process ends');
      else if (task.job.finished_at !== null) {
        onFinished?.(task.job);
        await forgetJobs(database, kind, maxFinished).catch(() => {});
      }
    } finally {
      stop();
      held.drop();
      this.#held = null;
    }
  }

  /** Does the work, if there is to be any, and enters what came of it. */
  async #run(task: Task<Job, Request, Events>, { cancelling, losses }: JobRow<Job, Request>): Promise<void> {
    const { afresh, work, onUnexpected } = this.spec;
    const finish = (end: Partial<QueueJob>, result?: Partial<Job>) =>
      task.enter({ ...end, finished_at: unixSeconds() }, result);
    if (cancelling) return finish({ status: 'cancelled' });
    if (losses >= mostLosses) {
      const { code, message } = errors.workerLost(losses);
      return finish({ status: 'failed', error: { code, message } });
    }
    task.enter({ status: 'running', started_at: unixSeconds() }, afresh);
    if (this.closed) task.abort('released');
    const { end, result } = await endOfWork(task, work, onUnexpected);
    if (task.stopped === 'lost') return;
    if (end === null) task.enter({ status: 'queued', started_at: null }, afresh);
    else finish(end, result);
  }
}

/** Queues in a database. */
export const sharedQueue =
  (sharing: Sharing): OpenQueue =>
  (spec) =>
    new SharedJobs(spec, sharing);
