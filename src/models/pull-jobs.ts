/**
 * The queue of pulls: one runs at a time, the others wait. A job that fails or is cancelled leaves nothing that loads,
 * and what had come is continued by the next pull of the same model.
 */
import { randomBytes } from 'node:crypto';
import { errors, SteerdError } from '../errors.js';
import type { Hub } from '../hub/hub.js';
import type { PullJob, PullRequest } from '../schemas/pulls.js';
import { defaultName, type PullProgress, pullModel } from './pull.js';
import { PullEventLog } from './pull-events.js';

export interface PullJobsOptions {
  readonly hub: Hub;
  readonly modelsDirectory: string;
  readonly log?: {
    info(details: object, message: string): void;
    error(details: object, message: string): void;
  };
  /** Finished jobs remembered; the oldest are forgotten first. */
  readonly maxFinished?: number;
}

const maxQueued = 16;
const retryAfterSeconds = 60;
/** Milliseconds between two notes of the progress. */
const noteEvery = 100;

interface Entry {
  job: PullJob;
  readonly request: PullRequest;
  readonly controller: AbortController;
  readonly events: PullEventLog;
}

export class PullJobs {
  /** In the order of creation. */
  readonly #entries = new Map<string, Entry>();
  readonly #queue: Entry[] = [];
  readonly #options: PullJobsOptions;
  #running: { readonly entry: Entry; readonly ended: Promise<void> } | null = null;
  #closed = false;

  constructor(options: PullJobsOptions) {
    this.#options = options;
  }

  /**
   * Queues a pull. Asking for what is being pulled already gives that job.
   * @throws SteerdError invalid_value, pull_running (the name is being given to another model), queue_full
   */
  create(request: PullRequest): PullJob {
    if (this.#closed) throw errors.stopping();
    const name = request.name ?? defaultName(request.model);
    const same = this.#unfinished().find(({ job }) => job.name === name);
    if (same !== undefined) {
      if (isSame(same.request, request)) return same.job;
      throw errors.pullRunning(name, `job ${same.job.id} (${same.job.model}@${same.job.revision})`);
    }
    if (this.#queue.length >= maxQueued) throw errors.queueFull(maxQueued, retryAfterSeconds);
    const job: PullJob = {
      id: `pull-${randomBytes(12).toString('hex')}`,
      object: 'model.pull',
      status: 'queued',
      model: request.model,
      revision: request.revision,
      name,
      commit: null,
      file: request.file ?? null,
      quantization: request.quantization ?? null,
      created_at: now(),
      started_at: null,
      finished_at: null,
      progress: null,
      error: null,
    };
    const entry: Entry = { job, request, controller: new AbortController(), events: new PullEventLog() };
    entry.events.status(job);
    this.#entries.set(job.id, entry);
    this.#queue.push(entry);
    this.#startNext();
    return entry.job;
  }

  get(id: string): PullJob | undefined {
    return this.#entries.get(id)?.job;
  }

  events(id: string): PullEventLog | undefined {
    return this.#entries.get(id)?.events;
  }

  /** Newest first. */
  list(): PullJob[] {
    return [...this.#entries.values()].map((entry) => entry.job).reverse();
  }

  /**
   * Cancels a job and resolves when its work has stopped. One that finished in that moment keeps its result.
   * @throws SteerdError pull_not_found; pull_finished when it had succeeded or failed before
   */
  async cancel(id: string): Promise<PullJob> {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw errors.pullNotFound(id);
    const { status } = entry.job;
    if (status === 'succeeded' || status === 'failed') throw errors.pullFinished(id, status);
    entry.controller.abort();
    if (status === 'queued') {
      this.#queue.splice(this.#queue.indexOf(entry), 1);
      this.#finish(entry, { status: 'cancelled' });
    } else if (this.#running?.entry === entry) {
      await this.#running.ended;
    }
    return entry.job;
  }

  /** Cancels every job and waits until no work is left. Later requests are refused. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#unfinished().map((entry) => this.cancel(entry.job.id)));
  }

  #unfinished(): Entry[] {
    return [...this.#queue, ...(this.#running === null ? [] : [this.#running.entry])];
  }

  #startNext(): void {
    if (this.#running !== null) return;
    const entry = this.#queue.shift();
    if (entry === undefined) return;
    update(entry, { status: 'running', started_at: now() });
    entry.events.status(entry.job);
    // The work begins in a later turn, so that `#running` is set before it can end.
    const ended = Promise.resolve()
      .then(() => this.#work(entry))
      .finally(() => {
        this.#running = null;
        this.#startNext();
      });
    this.#running = { entry, ended };
  }

  async #work(entry: Entry): Promise<void> {
    const { hub, modelsDirectory } = this.#options;
    const { request, events } = entry;
    const { signal } = entry.controller;
    const { model: repository, ...wish } = request;
    try {
      signal.throwIfAborted();
      await pullModel(
        { ...wish, repository },
        {
          hub,
          modelsDirectory,
          signal,
          onPlan: (plan) => {
            const { path: file, quantization } = plan.choice.graph;
            update(entry, { commit: plan.commit, file, quantization });
            events.choice(plan);
          },
          onProgress: inSteps((progress) => {
            update(entry, { progress });
            events.progress(progress);
          }),
        },
      );
      this.#finish(entry, { status: 'succeeded' });
    } catch (error) {
      if (signal.aborted && error === signal.reason) {
        this.#finish(entry, { status: 'cancelled' });
        return;
      }
      const known = error instanceof SteerdError;
      if (!known) this.#options.log?.error({ pull: entry.job.id, err: error }, 'pull failed unexpectedly');
      const message = error instanceof Error ? error.message : String(error);
      const code = known ? error.code : 'internal_error';
      this.#finish(entry, { status: 'failed', error: { code, message } });
    }
  }

  #finish(entry: Entry, end: Partial<PullJob>): void {
    update(entry, { ...end, finished_at: now() });
    entry.events.status(entry.job);
    const { id, status, model, commit, name, error } = entry.job;
    this.#options.log?.info(
      { pull: id, status, repository: model, commit, model: name, error },
      'pull finished',
    );
    const finished = [...this.#entries.values()].filter((other) => other.job.finished_at !== null);
    const surplus = finished.length - (this.#options.maxFinished ?? 1000);
    for (const old of finished.slice(0, Math.max(0, surplus))) this.#entries.delete(old.job.id);
  }
}

const isSame = (a: PullRequest, b: PullRequest) =>
  a.model === b.model && a.revision === b.revision && a.quantization === b.quantization && a.file === b.file;

/** Jobs are values: whoever holds one keeps what it was. */
function update(entry: Entry, change: Partial<PullJob>): void {
  entry.job = { ...entry.job, ...change };
}

/** Notes the first, the last and some in between: every piece of a file would be thousands a second. */
function inSteps(note: (progress: PullProgress) => void): (progress: PullProgress) => void {
  let next = 0;
  return (progress) => {
    const at = performance.now();
    if (at < next && progress.done < progress.total) return;
    next = at + noteEvery;
    note(progress);
  };
}

const now = () => Math.floor(Date.now() / 1000);
