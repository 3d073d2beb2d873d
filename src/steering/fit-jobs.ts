/**
 * The queue of fits: one runs at a time, the others wait. A job that fails or is cancelled leaves no concept
 * and nothing running; `succeeded` is said only when the concept is safe in the store.
 */
import { randomBytes } from 'node:crypto';
import type { Concept } from '../concepts/concept.js';
import { errors, SteerdError } from '../errors.js';
import { keepLoaded, type LoadedModel } from '../models/model.js';
import type { FitJob, FitLayer, FitRequest } from '../schemas/fits.js';
import { checkCombination, type FitSettings, fitConcept } from './fit-concept.js';
import { FitEventLog } from './fit-events.js';
import { fitSettings } from './fit-settings.js';
import { checkLayers } from './layer-choice.js';
import { recipes } from './recipes/index.js';

export interface FitLog {
  info(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface FitJobsOptions {
  /** @throws SteerdError model_not_found, model_unavailable */
  readonly models: { get(id?: string, signal?: AbortSignal): LoadedModel | Promise<LoadedModel> };
  /** `put` gives the signal's reason back when it is aborted before the concept is there. */
  readonly concepts: { put(concept: Concept, signal?: AbortSignal): Promise<unknown> };
  readonly log?: FitLog;
  /** Hears how long a fit was in a stage, when it has left it. */
  readonly onStage?: (stage: string, seconds: number) => void;
  /** Finished jobs remembered; the oldest are forgotten first. */
  readonly maxFinished?: number;
}

const maxQueued = 64;
const retryAfterSeconds = 30;

interface Entry {
  job: FitJob;
  readonly settings: FitSettings;
  readonly controller: AbortController;
  readonly events: FitEventLog;
}

export class FitJobs {
  /** In the order of creation. */
  readonly #entries = new Map<string, Entry>();
  readonly #queue: Entry[] = [];
  readonly #options: FitJobsOptions;
  /** The job in work and the promise of its end. */
  #running: { readonly entry: Entry; readonly ended: Promise<void> } | null = null;
  #closed = false;

  constructor(options: FitJobsOptions) {
    this.#options = options;
  }

  /**
   * Queues a fit.
   * @throws SteerdError when it cannot work: unknown model, prefix beyond the context, labels that recipe or
   *   method do not know, a full queue; the signal's reason when it is aborted while the model is loading.
   */
  async create(request: FitRequest, signal?: AbortSignal): Promise<FitJob> {
    const model = await this.#options.models.get(request.model, signal);
    if (this.#closed) throw errors.modelUnavailable(model.id, 'the server is shutting down');
    const settings = fitSettings(request);
    checkCombination(settings);
    checkLayers(settings.layers ?? 'all', model.engine.shape.layers);
    // What cannot work is refused before anything is queued, as far as one prompt shows it.
    recipes[settings.recipe].check({
      model,
      ...settings,
      examples: settings.examples,
      token: settings.token,
    });
    if (this.#queue.length >= maxQueued) throw errors.queueFull(maxQueued, retryAfterSeconds);
    const job: FitJob = {
      id: `fit-${randomBytes(12).toString('hex')}`,
      object: 'fit',
      status: 'queued',
      name: request.name,
      model: model.id,
      prefix: settings.prefix,
      recipe: request.recipe,
      method: settings.method,
      created_at: now(),
      started_at: null,
      finished_at: null,
      progress: null,
      error: null,
      concept: null,
      layers: [],
    };
    const entry: Entry = { job, settings, controller: new AbortController(), events: new FitEventLog() };
    entry.events.status(job);
    this.#entries.set(job.id, entry);
    this.#queue.push(entry);
    this.#startNext();
    return job;
  }

  get(id: string): FitJob | undefined {
    return this.#entries.get(id)?.job;
  }

  /** What happens in a job; the log goes on after the job is forgotten. */
  events(id: string): FitEventLog | undefined {
    return this.#entries.get(id)?.events;
  }

  /** Newest first. */
  list(): FitJob[] {
    return [...this.#entries.values()].map((entry) => entry.job).reverse();
  }

  /**
   * Cancels a job and resolves when its work has stopped. A job that finished in that moment keeps its result.
   * @throws SteerdError fit_not_found; fit_finished when it had succeeded or failed before.
   */
  async cancel(id: string): Promise<FitJob> {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw errors.fitNotFound(id);
    const { status } = entry.job;
    if (status === 'succeeded' || status === 'failed') throw errors.fitFinished(id, status);
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
    const unfinished = [...this.#queue, ...(this.#running === null ? [] : [this.#running.entry])];
    await Promise.all(unfinished.map((entry) => this.cancel(entry.job.id)));
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
    const { signal } = entry.controller;
    let since = performance.now();
    const leave = (next: string | undefined) => {
      const stage = entry.job.progress?.stage;
      if (stage === next) return;
      const now = performance.now();
      if (stage !== undefined) this.#options.onStage?.(stage, (now - since) / 1000);
      since = now;
    };
    try {
      signal.throwIfAborted();
      const model = await this.#options.models.get(entry.job.model, signal);
      const fit = () =>
        fitConcept(
          entry.settings,
          model,
          signal,
          (stage, done, total) => {
            leave(stage);
            progress(entry, stage, done, total);
          },
          ({ record, seconds }) => addLayer(entry, { ...record, seconds: rounded(seconds) } as FitLayer),
        );
      const concept = await keepLoaded(model, fit, signal);
      signal.throwIfAborted();
      leave('store');
      progress(entry, 'store', 0, 1);
      await this.#options.concepts.put(concept, signal);
      leave(undefined);
      this.#finish(entry, {
        status: 'succeeded',
        progress: null,
        concept: { name: concept.name, version: concept.version },
      });
    } catch (error) {
      // What fails while it is cancelled fails because of that, but for a disk that does.
      if (signal.aborted && (error === signal.reason || entry.job.progress?.stage !== 'store')) {
        this.#finish(entry, { status: 'cancelled' });
        return;
      }
      const known = error instanceof SteerdError;
      if (!known) this.#options.log?.error({ fit: entry.job.id, err: error }, 'fit failed unexpectedly');
      const message = error instanceof Error ? error.message : String(error);
      this.#finish(entry, {
        status: 'failed',
        error: { code: known ? error.code : 'internal_error', message },
      });
    }
  }

  #finish(entry: Entry, end: Partial<FitJob>): void {
    update(entry, { ...end, finished_at: now() });
    entry.events.status(entry.job);
    const { id, status, name, model, error } = entry.job;
    this.#options.log?.info({ fit: id, status, concept: name, model, error }, 'fit finished');
    const finished = [...this.#entries.values()].filter((other) => other.job.finished_at !== null);
    const surplus = finished.length - (this.#options.maxFinished ?? 1000);
    for (const old of finished.slice(0, Math.max(0, surplus))) this.#entries.delete(old.job.id);
  }
}

/** Jobs are values: whoever holds one keeps what it was. */
function update(entry: Entry, change: Partial<FitJob>): void {
  entry.job = { ...entry.job, ...change };
}

function progress(entry: Entry, stage: string, done: number, total: number): void {
  update(entry, { progress: { stage, done, total } });
  entry.events.progress(stage, done, total);
}

function addLayer(entry: Entry, layer: FitLayer): void {
  update(entry, { layers: [...entry.job.layers, layer].sort((a, b) => a.layer - b.layer) });
  entry.events.layer(layer);
}

/** Milliseconds are enough. */
const rounded = (seconds: number) => Math.round(seconds * 1000) / 1000;

const now = () => Math.floor(Date.now() / 1000);
