/**
 * Runs of the benchmark as jobs: of a server one runs at a time, the others wait. What a run has finished is kept, so that a job that
 * is cancelled, or whose process ends, goes on where it was. Runs of the command, which are no jobs, are told beside them.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { FileLock } from '../common/file-lock.js';
import { inSteps } from '../common/in-steps.js';
import type { Task } from '../common/job-task.js';
import { newId, unixSeconds } from '../common/stamps.js';
import { withoutPaths } from '../common/without-paths.js';
import { errors, isDatabaseAway, SteerdError } from '../errors.js';
import type { JobCounts, OpenQueue, Queue } from '../jobs/jobs.js';
import { localQueue } from '../jobs/local-jobs.js';
import type { BenchmarkRequest, BenchmarkRun } from '../schemas/benchmarks.js';
import { askedOfRequest } from './asked.js';
import { type Event, Events, type Job, type Progress, planOf, told } from './benchmark-job.js';
import type { BenchApi } from './client.js';
import { differences, headOf } from './head.js';
import { readRun, writeRun } from './record-file.js';
import { workThrough } from './run.js';
import type { OpenRun, RunKeeping } from './run-keeping.js';
import { lockRun } from './run-lock.js';

const maxQueued = 16;
const retryAfterSeconds = 60;
/** Milliseconds between two looks of who follows a run. */
const lookEvery = 2000;
/** How long a folder's lock is waited for. */
const lockSeconds = 60;

const samePlan = (name: string, differs: readonly string[]) =>
  errors.invalidValue(
    'name',
    `a new name, or that of a run with the same plan (${differs.join(', ') || 'the plan'} differ)`,
    name,
  );

/** The API as a run asks it, with what it takes to have one. */
export interface OpenedApi extends Pick<BenchApi, 'where' | 'json'> {
  close(): Promise<void>;
}

interface BenchmarkJobsOptions {
  readonly keeping: RunKeeping;
  /** The API of this process, without the limits of any key. */
  readonly openApi: () => Promise<OpenedApi>;
  readonly log?: {
    info(details: object, message: string): void;
    error(details: object, message: string): void;
  };
  /** Where jobs are kept and who works on them: this process alone, and for as long as it lives, without. */
  readonly openQueue?: OpenQueue | undefined;
  /** Hears of each job that ended here. */
  readonly onFinished?: ((job: { readonly status: string }) => void) | undefined;
}

export class BenchmarkJobs {
  readonly #queue: Queue<Job, BenchmarkRequest, Event>;

  constructor(private readonly options: BenchmarkJobsOptions) {
    const { openQueue = localQueue, log, onFinished } = options;
    this.#queue = openQueue<Job, BenchmarkRequest, Event, Events>({
      ...{ kind: 'benchmark', maxQueued, retryAfterSeconds },
      afresh: { progress: null },
      newEvents: (kept) => new Events(kept),
      work: (task) => this.#work(task),
      notFound: (id) => errors.jobNotFound('benchmark', id),
      finished: (id, status) => errors.jobFinished('benchmark', id, status),
      onUnexpected: ({ id }, err) => log?.error({ benchmark: id, err }, 'benchmark failed unexpectedly'),
      onFinished: (job) => {
        const { id, run, status, error } = job;
        log?.info({ benchmark: id, run, status, error }, 'benchmark finished');
        onFinished?.(job);
      },
    });
  }

  /**
   * Queues a run, or what is left of one.
   * @param model that it is of
   * @throws SteerdError invalid_value; benchmark_running; queue_full; stopping; database_unavailable
   */
  async create(request: BenchmarkRequest, model: string): Promise<BenchmarkRun> {
    if (this.#queue.closed) throw errors.stopping();
    const asked = askedOfRequest(request);
    const id = newId('benchmark');
    const { name = id } = request;
    const before = await this.options.keeping.head(name);
    const differs = before === null ? [] : differences(before, asked);
    if (differs.length > 0) throw samePlan(name, differs);
    const there = await this.options.keeping.get(name);
    const last = (await this.#newest()).get(name);
    // The command works on it just now.
    if (there?.state === 'running' && (last === undefined || last.finished_at !== null))
      throw errors.benchmarkRunning(name);
    const created_at = unixSeconds();
    const job: Job = {
      ...{ id, run: name, status: 'queued', created_at, started_at: null, finished_at: null },
      ...{ progress: null, error: null, planned: planOf(asked, model, created_at) },
    };
    const added = await this.#queue.add(job, request, { key: name, model });
    if (!added.added && JSON.stringify(added.request) !== JSON.stringify(request))
      throw errors.benchmarkRunning(name);
    return told(there, added.job);
  }

  /** Newest first. */
  async list(): Promise<BenchmarkRun[]> {
    const jobs = await this.#newest();
    const runs = await this.options.keeping.list();
    const begun = new Set(runs.map(({ id }) => id));
    const others = [...jobs.values()].filter(({ run }) => !begun.has(run));
    return [
      ...others.map((job) => told(undefined, job)),
      ...runs.map((run) => told(run, jobs.get(run.id))),
    ].sort((a, b) => b.started_at - a.started_at);
  }

  /** @throws SteerdError benchmark_not_found */
  async get(id: string): Promise<BenchmarkRun> {
    const [run, jobs] = await Promise.all([this.options.keeping.get(id), this.#newest()]);
    const job = jobs.get(id);
    if (run !== undefined) return told(run, job);
    if (job === undefined) throw errors.benchmarkNotFound(id);
    return told(run, job);
  }

  /**
   * What a run is now, and again each time when that has changed, until nobody works on it or this process ends.
   * @throws SteerdError benchmark_not_found; the signal's reason
   */
  async *follow(id: string, signal: AbortSignal): AsyncGenerator<BenchmarkRun> {
    for (let last = ''; ; await pause(lookEvery, undefined, { signal })) {
      const run = await this.get(id).catch((error: unknown) => {
        // A database that is away for a moment ends no stream.
        if (last !== '' && isDatabaseAway(error)) return null;
        throw error;
      });
      if (this.#queue.closed) return;
      if (run === null) continue;
      const now = JSON.stringify(run);
      if (now !== last) yield run;
      if (run.state !== 'running' && run.state !== 'queued') return;
      last = now;
    }
  }

  /** Does something with the folder of a run. @throws SteerdError benchmark_not_found; what `use` throws */
  withFolder<Result>(id: string, use: (folder: string) => Promise<Result>): Promise<Result> {
    return this.options.keeping.withFolder(id, use);
  }

  /**
   * Cancels the job that works on a run, or is to; what is finished stays.
   * @throws SteerdError benchmark_not_found; benchmark_no_job; job_finished
   */
  async cancel(id: string): Promise<BenchmarkRun> {
    const { job } = await this.get(id);
    if (job === null) throw errors.benchmarkNoJob(id);
    await this.#queue.cancel(job.id);
    return this.get(id);
  }

  /** Deletes a run with all that it found. @throws SteerdError benchmark_not_found; benchmark_running */
  async delete(id: string): Promise<void> {
    const { state } = await this.get(id);
    if (state === 'running' || state === 'queued') throw errors.benchmarkRunning(id);
    await this.options.keeping.delete(id);
    for (const job of await this.#queue.list()) if (job.run === id) await this.#queue.forget(job.id);
  }

  counts(): JobCounts | Promise<JobCounts> {
    return this.#queue.counts();
  }

  /** Leaves what is unfinished to others and to the next start, or cancels it, and waits until it has stopped. */
  close(): Promise<void> {
    return this.#queue.close();
  }

  /** The newest job of each run. */
  async #newest(): Promise<Map<string, Job>> {
    const jobs = new Map<string, Job>();
    for (const job of await this.#queue.list()) if (!jobs.has(job.run)) jobs.set(job.run, job);
    return jobs;
  }

  async #work(task: Task<Job, BenchmarkRequest, Events>): Promise<Partial<Job>> {
    const { signal, job } = task;
    const open = await this.options.keeping.open(job.run, signal);
    try {
      const lock = await lockedFolder(open.folder, job.run, signal);
      try {
        await this.#run(task, open);
      } finally {
        await lock.release();
      }
      return { progress: null };
    } catch (error) {
      // Whatever fails in a job that is to stop fails because of that.
      if (signal.aborted) throw signal.reason;
      throw isRefusal(error) ? errors.benchmarkFailed(withoutPaths(error.message)) : error;
    } finally {
      await open.close();
    }
  }

  async #run(task: Task<Job, BenchmarkRequest, Events>, open: OpenRun): Promise<void> {
    const { signal, job, request } = task;
    const { model } = job.planned;
    const opened = await this.options.openApi();
    try {
      const api: BenchApi = {
        ...{ where: opened.where, named: { model }, signal },
        json: (path, asked) => opened.json(path, asked),
        concepts: (under = '') => `/v1/concepts${under}?model=${encodeURIComponent(model)}`,
      };
      const now = await headOf(api, askedOfRequest(request));
      const before = await readRun(open.folder);
      if (before !== null && before.plan !== now.plan) throw samePlan(job.run, differences(before, now));
      const run = before ?? now;
      await writeRun(open.folder, run);
      await open.started(run, signal);
      const note = inSteps((progress: Progress) => {
        task.update({ progress });
        task.events.progress(progress);
      });
      await workThrough({
        ...{ api, folder: open.folder, run },
        inFlight: request.parallel,
        keep: request.keep_concepts,
        onProgress: (stage, { done, total }) => note({ stage, done, total }),
        onRecords: (records) => open.add(records, signal),
      });
    } finally {
      await opened.close();
    }
  }
}

/** A request that this process refused itself: known words, of no declared error. */
const isRefusal = (error: unknown): error is Error =>
  error instanceof Error && !(error instanceof SteerdError) && 'status' in error;

/** The lock that the command takes too. A process that was killed a moment ago seems to have it for half a minute. */
async function lockedFolder(folder: string, run: string, signal: AbortSignal): Promise<FileLock> {
  const until = performance.now() + lockSeconds * 1000;
  for (;;) {
    try {
      return await lockRun(folder, () => errors.benchmarkRunning(run));
    } catch (error) {
      if (!(error instanceof SteerdError) || performance.now() > until) throw error;
      await pause(lookEvery, undefined, { signal });
    }
  }
}
