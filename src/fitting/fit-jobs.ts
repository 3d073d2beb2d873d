/**
 * The queue of fits: of a server one runs at a time, the others wait. A job that fails or is cancelled leaves no concept and
 * nothing running; one has succeeded only when its concept is durable in the store.
 */
import type { Task } from '../common/job-task.js';
import { newId, unixSeconds } from '../common/stamps.js';
import type { Concept } from '../concepts/concept.js';
import type { ConceptMaker } from '../concepts/concept-quota.js';
import { errors } from '../errors.js';
import type { OpenQueue } from '../jobs/jobs.js';
import { localQueue } from '../jobs/local-jobs.js';
import { whenThere } from '../jobs/patience.js';
import { QueuedJobs } from '../jobs/queued-jobs.js';
import { keepLoaded, type LoadedModel } from '../models/model.js';
import { auto } from '../schemas/fit-choices.js';
import type { FitEvent, FitJob, FitLayer } from '../schemas/fit-jobs.js';
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
  /** Hears of each job that ended here. */
  readonly onFinished?: (job: FitJob) => void;
  /** Finished jobs remembered; the oldest are forgotten first. */
  readonly maxFinished?: number;
  /** Where jobs are kept and who works on them: this process alone, and for as long as it lives, without. */
  readonly openQueue?: OpenQueue;
}

const maxQueued = 64;
const retryAfterSeconds = 30;

/** What a job's work needs, as it may be kept. */
interface AskedFit {
  readonly asked: FitRequest;
  /** Whose the concept will be. */
  readonly maker?: ConceptMaker | undefined;
}

type FitTask = Task<FitJob, AskedFit, FitEventLog>;

export class FitJobs extends QueuedJobs<FitJob, AskedFit, FitEvent> {
  readonly #models: FitJobsOptions['models'];
  readonly #concepts: FitJobsOptions['concepts'];
  constructor(options: FitJobsOptions) {
    const { log, openQueue = localQueue } = options;
    super(
      openQueue<FitJob, AskedFit, FitEvent, FitEventLog>({
        kind: 'fit',
        maxQueued,
        retryAfterSeconds,
        maxFinished: options.maxFinished,
        afresh: { progress: null, layers: [] },
        newEvents: (kept) => new FitEventLog(kept),
        work: (task) => fit(task, options),
        notFound: errors.fitNotFound,
        finished: errors.fitFinished,
        onUnexpected: ({ id }, err) => log?.error({ fit: id, err }, 'fit failed unexpectedly'),
        onFinished: (job) => {
          const { id, status, name, model, error } = job;
          log?.info({ fit: id, status, concept: name, model, error }, 'fit finished');
          options.onFinished?.(job);
        },
      }),
    );
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
    if (this.queue.closed) throw errors.modelUnavailable(model.id, 'the server is shutting down');
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
    return (await this.queue.add(job, { asked: request, maker }, { model: model.id })).job;
  }
}

/** Whether it is known before anything is fitted. */
const allAlike = ({ candidates }: FitPlan, field: 'recipe' | 'method') =>
  candidates.every((candidate) => candidate[field] === candidates[0][field]);

async function fit(task: FitTask, { models, concepts, onStage }: FitJobsOptions): Promise<Partial<FitJob>> {
  const { signal } = task;
  const { asked, maker } = task.request;
  const plan = fitPlan(asked);
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
    const store = async () => {
      // Whoever lost the job in silence must not write over what came after it.
      await task.confirm();
      await concepts.put(concept, signal, maker);
    };
    await whenThere(store, signal);
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
