/**
 * The queue of fits: one runs at a time, the others wait. A job that fails or is cancelled leaves no concept and
 * nothing running; one has succeeded only when its concept is durable in the store.
 */
import { JobQueue, type Task } from '../common/job-queue.js';
import { newId, unixSeconds } from '../common/stamps.js';
import type { Concept } from '../concepts/concept.js';
import type { ConceptMaker } from '../concepts/concept-quota.js';
import { errors } from '../errors.js';
import { keepLoaded, type LoadedModel } from '../models/model.js';
import { auto } from '../schemas/fit-choices.js';
import type { FitJob, FitLayer } from '../schemas/fit-jobs.js';
import type { FitRequest } from '../schemas/fits.js';
import { fitBest, stageAlone } from './fit-best.js';
import { FitEventLog } from './fit-events.js';
import { checkPlan, type FitPlan, fitPlan } from './fit-plan.js';
import { conceptWarnings } from './measure/calibration-warnings.js';

interface FitLog {
  info(details: object, message: string): void;
  error(details: object, message: string): void;
}

interface FitJobsOptions {
  /** @throws SteerdError model_not_found, model_unavailable */
  readonly models: { get(id?: string, signal?: AbortSignal): LoadedModel | Promise<LoadedModel> };
  /** `put` throws the signal's reason when it is aborted before the concept is stored. */
  readonly concepts: {
    put(concept: Concept, signal?: AbortSignal, maker?: ConceptMaker): Promise<unknown>;
    /** @throws SteerdError concept_quota_exceeded */
    checkRoom?(model: string, name: string, maker?: ConceptMaker): void;
  };
  readonly log?: FitLog;
  /** Called as a fit leaves a stage, with the time that it took. */
  readonly onStage?: (stage: string, seconds: number) => void;
  /** Finished jobs remembered; the oldest are forgotten first. */
  readonly maxFinished?: number;
}

const maxQueued = 64;
const retryAfterSeconds = 30;

/** What a job's work needs. */
interface AskedFit {
  readonly plan: FitPlan;
  /** Whose the concept will be. */
  readonly maker: ConceptMaker | undefined;
}

type FitTask = Task<FitJob, AskedFit, FitEventLog>;

export class FitJobs extends JobQueue<FitJob, AskedFit, FitEventLog> {
  readonly #models: FitJobsOptions['models'];
  readonly #concepts: FitJobsOptions['concepts'];

  constructor(options: FitJobsOptions) {
    const { log } = options;
    super({
      maxQueued,
      retryAfterSeconds,
      maxFinished: options.maxFinished,
      work: (task) => fit(task, options),
      notFound: errors.fitNotFound,
      finished: errors.fitFinished,
      onUnexpected: ({ id }, err) => log?.error({ fit: id, err }, 'fit failed unexpectedly'),
      onFinished: ({ id, status, name, model, error }) =>
        log?.info({ fit: id, status, concept: name, model, error }, 'fit finished'),
    });
    this.#models = options.models;
    this.#concepts = options.concepts;
  }

  /**
   * Queues a fit.
   * @param maker whose the concept then is
   * @throws SteerdError when it cannot work: unknown model, prefix beyond the context, labels that the recipe does not
   *   give, a full queue; the signal's reason when it is aborted while the model is loading.
   */
  async create(request: FitRequest, signal?: AbortSignal, maker?: ConceptMaker): Promise<FitJob> {
    const model = await this.#models.get(request.model, signal);
    if (this.closed) throw errors.modelUnavailable(model.id, 'the server is shutting down');
    const plan = fitPlan(request);
    checkPlan(plan, model);
    this.#concepts.checkRoom?.(model.id, request.name, maker);
    const [{ prefix, recipe, method }] = plan.candidates;
    const job: FitJob = {
      id: newId('fit'),
      object: 'fit',
      status: 'queued',
      name: request.name,
      model: model.id,
      prefix,
      recipe: allAlike(plan, 'recipe') ? recipe : auto,
      method: allAlike(plan, 'method') ? method : auto,
      created_at: unixSeconds(),
      started_at: null,
      finished_at: null,
      progress: null,
      error: null,
      concept: null,
      warnings: [],
      layers: [],
    };
    this.add(job, { plan, maker }, new FitEventLog());
    return job;
  }
}

/** Whether it is known before anything is fitted. */
const allAlike = ({ candidates }: FitPlan, field: 'recipe' | 'method') =>
  candidates.every((candidate) => candidate[field] === candidates[0][field]);

async function fit(task: FitTask, { models, concepts, onStage }: FitJobsOptions): Promise<Partial<FitJob>> {
  const { signal } = task;
  const { plan, maker } = task.request;
  let since = performance.now();
  const enterStage = (next: string | undefined) => {
    const stage = task.job.progress?.stage;
    if (stage === next) return;
    const now = performance.now();
    if (stage !== undefined) onStage?.(stageAlone(stage), (now - since) / 1000);
    since = now;
  };
  try {
    const model = await models.get(task.job.model, signal);
    const work = () =>
      fitBest(
        plan,
        model,
        signal,
        (stage, done, total) => {
          enterStage(stage);
          progress(task, stage, done, total);
        },
        ({ record, auroc, seconds }) =>
          addLayer(task, { ...record, auroc, seconds: rounded(seconds) } as FitLayer),
      );
    const concept = await keepLoaded(model, work, signal);
    signal.throwIfAborted();
    enterStage('store');
    progress(task, 'store', 0, 1);
    await concepts.put(concept, signal, maker);
    enterStage(undefined);
    const { name, version, record } = concept;
    const { recipe, method } = record;
    const warnings = conceptWarnings(concept);
    return { progress: null, recipe, method, concept: { name, version }, warnings };
  } catch (error) {
    // Whatever fails in a job that is being cancelled fails because of that, except for the disk.
    if (signal.aborted && task.job.progress?.stage !== 'store') throw signal.reason;
    throw error;
  }
}

function progress(task: FitTask, stage: string, done: number, total: number): void {
  task.update({ progress: { stage, done, total } });
  task.events.progress(stage, done, total);
}

function addLayer(task: FitTask, layer: FitLayer): void {
  task.update({ layers: [...task.job.layers, layer].sort((a, b) => a.layer - b.layer) });
  task.events.layer(layer);
}

/** To milliseconds. */
const rounded = (seconds: number) => Math.round(seconds * 1000) / 1000;
